# SPDX-License-Identifier: Apache-2.0
"""The core: the unicorn emulator executes instructions, everything else of Armv7-M is done here.

Time is counted in core cycles, one for each instruction; loops that only wait for a register are shortened
(`Cpu._waiting`).
"""

from __future__ import annotations

from collections.abc import Callable

import unicorn
from unicorn import arm_const as arm

from . import exceptions as ex
from . import frames as fr
from .bus import Bus, ChipError, Peripheral
from .causes import PRIVATE, after, bus_fault, fetch_fault, stop_fault
from .core_registers import CoreRegisters
from .frames import Fault, Frames
from .memory import MemoryMap
from .native import Native, Stop
from .parts import Part
from .scs import SystemControl
from .timers import Dwt

SLICE = 2_000_000
"""Cycles after which the outside is looked after at the latest."""
_NEARBY, _SKIP, _ANSWERED = 64, 1_000, 100_000
"""A register that is read again within so many cycles with the same value is waited for. With nothing under way a
waiting core looks up after the second number; a polling one gets the same answer for the third."""
_AREAS = ((0x40000000, 0x20000000), (0xE0000000, 0x100000))
_PREFETCH_ABORT, _EXCEPTION_RETURN = 3, 8


class Cpu:
    """A core with its memories and peripherals.

    Attributes:
        registers: of the core.
        scs: the system control space.
        symbols: addresses of the program's names, for whoever loads one.
        resets: how many resets the program asked for.
    """

    def __init__(self, part: Part, peripherals: list[Peripheral]) -> None:
        self.part = part
        self._engine = unicorn.Uc(unicorn.UC_ARCH_ARM, unicorn.UC_MODE_THUMB | unicorn.UC_MODE_MCLASS)
        model = arm.UC_CPU_ARM_CORTEX_M7 if part.core.is_m7 else arm.UC_CPU_ARM_CORTEX_M4
        self._engine.ctl_set_cpu_model(model)
        self.exceptions = ex.Exceptions(part.core.lines)
        self.scs = SystemControl(part.core, self.exceptions, self._now)
        self._peripherals = peripherals
        self.bus = Bus([*peripherals, self.scs, Dwt(self._now, self.scs.trace_enabled, part.core.is_m7)])
        self.memory = MemoryMap(self._engine, part.memories, self.bus.windows())
        self.registers = CoreRegisters(self._engine)
        self._native = Native(self._engine)
        self.frames = Frames(self._engine, self.registers, self.memory, self.scs, self._native, self._jump)
        self._connect()
        self.symbols: dict[str, int] = {}
        self._failure: BaseException | None = None
        self._fault: Fault | None = None
        self._link: int | None = None
        self._dirty = True
        self._pc = self._synced = self.resets = 0
        self._sleeping = self._event = False
        self._seen: dict[tuple[int, int], int] = {}
        self._last_access = 0

    def _connect(self) -> None:
        engine = self._engine
        pages = {(one.base & ~0xFFF, 0x1000) for one in self._peripherals if not _in_areas(one.base)}
        self._native.map_registers([*_AREAS, *sorted(pages)], self._mmio_read, self._mmio_write)
        engine.hook_add(unicorn.UC_HOOK_INTR, self._interrupted)
        unmapped = unicorn.UC_HOOK_MEM_READ_UNMAPPED | unicorn.UC_HOOK_MEM_WRITE_UNMAPPED
        fetch = unicorn.UC_HOOK_MEM_FETCH_UNMAPPED | unicorn.UC_HOOK_MEM_FETCH_PROT
        protected = unicorn.UC_HOOK_MEM_READ_PROT | unicorn.UC_HOOK_MEM_WRITE_PROT
        engine.hook_add(unmapped | fetch | protected, self._bad_access)

    def _now(self) -> int:
        return int(self._native.state.cycles)

    @property
    def cycles(self) -> int:
        """Core cycles since power-up."""
        return self._now()

    @property
    def pc(self) -> int:
        """Address of the instruction that runs or is next."""
        return self._pc & ~1

    # --- reset and run --------------------------------------------------------------------------------------------

    def reset(self) -> None:
        """A system reset: stack pointer and entry from the vector table; RAM keeps its contents."""
        self.bus.reset()
        registers = self.registers
        registers.exception = 0
        registers.control = 0
        registers.clear_masks()
        for number in range(13):
            registers[number] = 0x5A5A5A00 + number
        registers[14] = 0xFFFFFFFF
        registers.xpsr = 1 << 24
        table = self._engine.mem_read(self.part.boot, 8)
        registers[13] = int.from_bytes(table[:4], "little")
        self._sleeping = self._event = False
        self._dirty = True
        self._jump(int.from_bytes(table[4:], "little"))
        self.memory.follow_windows()
        self._configure()

    def _jump(self, target: int) -> None:
        self._pc = target

    def run(self, cycles: int, until: Callable[[], bool] = lambda: False) -> None:
        """Executes for at least `cycles` cycles, or until a condition that is asked after every slice.

        Raises:
            ChipError: the program broke a rule.
        """
        end = self.cycles + cycles
        while self.cycles < end and not until():
            try:
                self._step(end)
            except ChipError as error:
                if error.pc is None:
                    error.pc = self._native.state.pc
                raise
            if self.scs.reset_requested:
                self.resets += 1
                self.reset()

    def _step(self, end: int) -> None:
        self._catch_up()
        self._take_pending()
        if self._sleeping:
            self._sleep(end)
        elif not self._pc & 1:
            self._not_thumb()
        else:
            self._execute(end)

    def _not_thumb(self) -> None:
        pc, self._pc = self._pc, self._pc | 1
        self.frames.fault(Fault(ex.USAGE_FAULT, fr.INVSTATE, "a branch left Thumb state", pc))
        if self._pc == pc | 1:
            raise ChipError("the core is stuck outside Thumb state", pc=pc)

    def _catch_up(self) -> None:
        """Lets the time that passed since the last call pass for the peripherals."""
        now = self.cycles
        if delta := now - self._synced:
            self._synced = now
            self.bus.advance(delta)
            self.memory.follow_windows()

    def _take_pending(self) -> None:
        self.exceptions.set_levels(self.bus.irqs())
        if not self.exceptions.pending:
            return
        masks = self.registers.masks()
        number = self.exceptions.next_to_take(masks)
        if number is not None:
            self._sleeping = False
            self.frames.enter(number, self._pc & ~1)
        elif self._sleeping and self.exceptions.wakes(masks):
            self._sleeping = False

    def _sleep(self, end: int) -> None:
        step = self.bus.next_event()
        step = min(step or _ANSWERED, _ANSWERED, max(end - self.cycles, 1))
        self._native.state.cycles += step
        self._catch_up()

    def _set_deadline(self, end: int) -> None:
        self._end = end
        step = self.bus.next_event()
        state = self._native.state
        state.deadline = min(end, state.cycles + min(SLICE, step if step is not None else SLICE))

    def _execute(self, end: int) -> None:
        self._configure()
        self._set_deadline(end)
        self._native.undo()
        self._native.state.answer_until = 0
        error = self._native.start(self._pc)
        if self._failure is not None:
            failure, self._failure = self._failure, None
            raise failure
        self._pc = self.registers.pc | 1
        self._stopped(error)
        self._catch_up()

    def _configure(self) -> None:
        """Tells the hooks what registers of the SCS decide."""
        state, active = self._native.state, self.exceptions.active
        state.negative = ex.NMI in active or ex.HARD_FAULT in active
        if self._dirty:
            self._configure_hooks()
        self._native.refresh()

    def _configure_hooks(self) -> None:
        state, scs = self._native.state, self.scs
        state.float_enabled = scs.float_enabled
        state.trap_unaligned, state.trap_zero = scs.value(0xD14) >> 3 & 1, scs.value(0xD14) >> 4 & 1
        mpu = scs.mpu
        state.mpu_enabled, state.mpu_background, state.mpu_in_faults = mpu.enabled, mpu.background, mpu.in_faults
        state.regions = mpu.count
        for number in range(mpu.count):
            state.region[number] = mpu.region(number)
        self._dirty = False

    # --- why the emulator stopped ---------------------------------------------------------------------------------

    def _stopped(self, error: int) -> None:
        state = self._native.state
        reason = Stop(state.reason)
        if self._link is not None:
            link, self._link = self._link, None
            self.frames.leave(link)
        elif (fault := self._take_fault()) is not None:
            self.frames.fault(fault)
        elif reason in _HANDLERS:
            self._pc = state.pc | 1
            _HANDLERS[reason](self)
        elif error != unicorn.UC_ERR_OK:
            self._emulator_error(error)

    def _take_fault(self) -> Fault | None:
        """The fault that ended the emulator's run, with what the instruction did taken back."""
        fault, self._fault = self._fault or stop_fault(self._native.state), None
        if self._native.state.reason in (Stop.DATA_DENIED, Stop.UNALIGNED):
            self._undo()
        return fault

    def _emulator_error(self, error: int) -> None:
        pc = self._pc & ~1
        if not self.registers.xpsr >> 24 & 1:
            self._pc = pc
        elif error == unicorn.UC_ERR_INSN_INVALID:
            self.frames.fault(Fault(ex.USAGE_FAULT, fr.UNDEFINSTR, "undefined instruction", pc))
        else:
            raise ChipError(f"the emulator stopped: {unicorn.UcError(error)}", pc=pc)

    def _undo(self) -> None:
        """Takes back what the stopped instruction did to registers and memory."""
        state = self._native.state
        for number in range(15):
            self.registers[number] = state.saved[number]
        self.registers.xpsr = state.saved[15]
        for entry in state.undo[: state.undo_count]:
            self._engine.mem_write(entry.address, bytes(entry.old[: entry.size]))

    def _supervisor_call(self) -> None:
        self._pc = after(self._native.state) | 1
        self.frames.call(ex.SV_CALL, after(self._native.state))

    def _breakpoint(self) -> None:
        pc = self._native.state.pc
        if self.scs.monitor_enabled():
            self.frames.call(ex.DEBUG_MONITOR, pc)
            return
        self.frames.breakpoint(pc)

    def _sleep_interrupt(self) -> None:
        self._pc = after(self._native.state) | 1
        self._sleeping = True

    def _sleep_event(self) -> None:
        self._pc = after(self._native.state) | 1
        self._sleeping, self._event = not self._event, False

    def _send_event(self) -> None:
        self._pc = after(self._native.state) | 1
        self._event = True

    # --- callbacks of the emulator --------------------------------------------------------------------------------

    def _interrupted(self, _engine: unicorn.Uc, number: int, _data: object) -> None:
        if number == _EXCEPTION_RETURN:
            self._link = self.registers.pc | 1
            self._native.state.reason = Stop.TIME
            self._engine.emu_stop()
        elif number == _PREFETCH_ABORT:
            self._fault = fetch_fault(self._native, self.registers.pc)
            self._native.state.reason = Stop.TIME
            self._engine.emu_stop()
        else:
            self._fail(ChipError(f"the emulator raised exception {number}", pc=self._native.state.pc))

    def _bad_access(
        self, _engine: unicorn.Uc, access: int, address: int, size: int, _value: int, _data: object
    ) -> bool:
        try:
            self._explain(access, address, size)
        except BaseException as failure:  # noqa: BLE001 - it must not pass through C
            self._fail(failure)
        return False

    def _explain(self, access: int, address: int, size: int) -> None:
        pc = self._native.state.pc
        if self._native.state.reason != Stop.RUNNING:
            return
        if access in (unicorn.UC_MEM_FETCH_UNMAPPED, unicorn.UC_MEM_FETCH_PROT):
            self._fault = fetch_fault(self._native, address)
            return
        write = access in (unicorn.UC_MEM_WRITE_UNMAPPED, unicorn.UC_MEM_WRITE_PROT)
        if not self._native.check(address, size, write):
            return
        window = self.memory.window_at(address)
        if window is not None or access in (unicorn.UC_MEM_READ_PROT, unicorn.UC_MEM_WRITE_PROT):
            raise ChipError(f"memory that cannot be {'written' if write else 'read'} at present", address, pc)
        self._fault = bus_fault(self._native.state, address, size, write)

    def _fail(self, failure: BaseException) -> None:
        self._failure = failure
        self._native.state.reason = Stop.TIME
        self._engine.emu_stop()

    def _mmio_read(self, address: int, size: int) -> int:
        try:
            return self._read(address, size)
        except BaseException as failure:  # noqa: BLE001 - it must not pass through C
            self._fail(failure)
            return 0

    def _mmio_write(self, address: int, size: int, value: int) -> None:
        try:
            self._write(address, size, value & ((1 << 8 * size) - 1))
        except BaseException as failure:  # noqa: BLE001 - it must not pass through C
            self._fail(failure)

    def _read(self, address: int, size: int) -> int:
        self._catch_up()
        value = self.bus.read(address, size)
        state = self._native.state
        key = (state.pc, address)
        if address not in PRIVATE and not self.bus.consumes(address):
            if self._seen.get(key) == value and state.cycles - self._last_access < _NEARBY:
                self._waiting(address, value)
            self._seen[key] = value
        self._last_access = state.cycles
        self._follow()
        return value

    def _waiting(self, address: int, value: int) -> None:
        """The program polls: time goes on to the next event, as if the bus were slow; else it gets the same answer."""
        state, step = self._native.state, self.bus.next_event()
        if not self._quiet():
            state.cycles += step or 1
            return
        state.cycles += min(step or _SKIP, _SKIP)
        state.answer, state.answer_pc, state.answer_address = value, state.pc, address
        state.answer_until = state.cycles + _ANSWERED

    def _quiet(self) -> bool:
        """Nothing is under way outside of the core."""
        return all(one.next_event() is None for one in self._peripherals)

    def _write(self, address: int, size: int, value: int) -> None:
        self._catch_up()
        self.bus.write(address, size, value)
        self._seen.clear()
        self._last_access = self._native.state.cycles
        self.memory.follow_windows()
        if address in PRIVATE:
            self._native.state.soon, self._dirty = 1, True
        self._follow()

    def _follow(self) -> None:
        """A register access may have moved the next event, or made an exception pending."""
        state = self._native.state
        step = self.bus.next_event()
        if step is not None:
            state.deadline = min(state.deadline, state.cycles + step)
        self.exceptions.set_levels(self.bus.irqs())
        if self.exceptions.pending & self.exceptions.enabled:
            state.soon = 1


_HANDLERS: dict[Stop, Callable[[Cpu], None]] = {
    Stop.SUPERVISOR_CALL: Cpu._supervisor_call, Stop.BREAKPOINT: Cpu._breakpoint,
    Stop.SLEEP_INTERRUPT: Cpu._sleep_interrupt, Stop.SLEEP_EVENT: Cpu._sleep_event, Stop.SEND_EVENT: Cpu._send_event,
}  # fmt: skip


def _in_areas(address: int) -> bool:
    return any(origin <= address < origin + size for origin, size in _AREAS)
