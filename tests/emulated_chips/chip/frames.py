# SPDX-License-Identifier: Apache-2.0
"""Entering and leaving exceptions (DDI 0403, B1.5.6 to B1.5.8): stack frames, EXC_RETURN, modes, derived faults.

The floating-point part of a frame is always saved at entry, where the hardware may do it later (lazily); programs that
do not look into a frame before they use the FPU cannot tell the difference.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import unicorn

from . import exceptions as ex
from .bus import ChipError
from .core_registers import FLOAT_CONTEXT, CoreRegisters
from .memory import MemoryMap
from .native import READ, WRITE, Native
from .scs import DEBUGEVT, FORCED, VECTTBL, SystemControl

BASIC, EXTENDED = 0x20, 0x68
"""Bytes of a frame without and with floating-point registers."""
_STACK_ALIGN = 1 << 9
_RETURNS = {1: "handler", 9: "thread, main stack", 13: "thread, process stack"}
IACCVIOL, DACCVIOL, MUNSTKERR, MSTKERR = 1 << 0, 1 << 1, 1 << 3, 1 << 4
IBUSERR, PRECISERR, IMPRECISERR, UNSTKERR, STKERR = 1 << 8, 1 << 9, 1 << 10, 1 << 11, 1 << 12
UNDEFINSTR, INVSTATE, INVPC, NOCP, UNALIGNED, DIVBYZERO = 1 << 16, 1 << 17, 1 << 18, 1 << 19, 1 << 24, 1 << 25


@dataclass(frozen=True)
class Fault:
    """A synchronous fault.

    Attributes:
        number: MEM_MANAGE, BUS_FAULT or USAGE_FAULT.
        bits: of CFSR.
        what: in words.
        pc: what is stacked as return address.
        address: for MMFAR or BFAR.
    """

    number: int
    bits: int
    what: str
    pc: int
    address: int | None = None


class Frames:
    """Entry, return and faults of one core.

    Attributes:
        faults_allowed: False makes every fault a ChipError, as a program in order never takes one.
    """

    def __init__(
        self, engine: unicorn.Uc, registers: CoreRegisters, memory: MemoryMap, scs: SystemControl, native: Native,
        jump: Callable[[int], None],
    ) -> None:  # fmt: skip
        self._engine, self._registers, self._memory = engine, registers, memory
        self._scs, self._native, self._jump = scs, native, jump
        self.faults_allowed = False

    # --- faults ---------------------------------------------------------------------------------------------------

    def fault(self, fault: Fault) -> None:
        """Takes it, as itself or as a HardFault.

        Raises:
            ChipError: faults are not allowed, or the core locks up.
        """
        self._refuse(fault)
        self._scs.record(fault.bits, fault.address)
        number = fault.number
        if not self._scs.exceptions.preempts(number, self._registers.masks()):
            number = self._escalate(f"{fault.what} at {fault.pc:#010x}", FORCED)
        self.enter(number, fault.pc)

    def _refuse(self, fault: Fault) -> None:
        if not self.faults_allowed:
            raise ChipError(f"{ex.name_of(fault.number)}: {fault.what}", fault.address, fault.pc)

    def _escalate(self, why: str, bits: int) -> int:
        if self._scs.exceptions.execution_priority(self._registers.masks()) <= -1:
            raise ChipError(f"lockup: {why}, while a HardFault is handled or FAULTMASK is set")
        self._scs.record_hard_fault(bits)
        return ex.HARD_FAULT

    def call(self, number: int, pc: int) -> None:
        """SVC, or a breakpoint with DebugMonitor: taken at once, else a HardFault."""
        if not self._scs.exceptions.preempts(number, self._registers.masks()):
            if not self.faults_allowed:
                raise ChipError(f"{ex.name_of(number)} at a priority that forbids it becomes a HardFault", pc=pc)
            number = self._escalate(ex.name_of(number), FORCED)
        self.enter(number, pc)

    def breakpoint(self, pc: int) -> None:
        """BKPT with neither a debugger nor DebugMonitor: a HardFault."""
        if not self.faults_allowed:
            raise ChipError("BKPT (or semihosting) without a debugger is a HardFault", pc=pc)
        self._scs.control.registers[0xD30].value |= 2
        self.enter(self._escalate("BKPT", DEBUGEVT), pc)

    # --- entry ----------------------------------------------------------------------------------------------------

    def enter(self, number: int, return_address: int) -> None:
        """Saves a frame and goes to the handler of an exception."""
        registers = self._registers
        control, handler = registers.control, registers.exception != 0
        process = not handler and bool(control & 2)
        extended = bool(control & FLOAT_CONTEXT)
        link = 0xFFFFFFE1 | (0 if extended else 0x10) | (0 if handler else 8) | (4 if process else 0)
        stacked = self._push(return_address, extended)
        if stacked is not None:
            number = self._derived(number, stacked)
        self._switch(number, control)
        registers[14] = link
        self._vector(number)

    def _push(self, return_address: int, extended: bool) -> int | None:
        """Writes the frame and moves the stack pointer; the CFSR bit of a failure, else None."""
        registers, sp = self._registers, self._registers[13]
        aligned = extended or bool(self._scs.value(0xD14) & _STACK_ALIGN)
        padded = (1 << 9) if aligned and sp & 4 else 0
        xpsr = registers.xpsr & ~(1 << 9) | padded
        words = [*(registers[number] for number in (0, 1, 2, 3, 12, 14)), return_address, xpsr]
        if extended:
            words += registers.float_words()
        frame = sp - 4 * len(words)
        frame = frame & ~4 if aligned else frame
        failure = self._stack_denied(frame, 4 * len(words), WRITE)
        if not failure:
            self._engine.mem_write(frame, b"".join(word.to_bytes(4, "little") for word in words))
        registers[13] = frame
        return failure or None

    def _stack_denied(self, frame: int, size: int, need: int) -> int:
        """MSTKERR or STKERR (for READ: MUNSTKERR, UNSTKERR) if a frame cannot be there, else 0."""
        rights = (
            self._native.rights(place & 0xFFFFFFFF) for place in (*range(frame, frame + size, 32), frame + size - 1)
        )
        if not all(right & need for right in rights):
            return MSTKERR if need == WRITE else MUNSTKERR
        if not self._memory.allows(frame, size, need == WRITE):
            return STKERR if need == WRITE else UNSTKERR
        return 0

    def _derived(self, number: int, bits: int) -> int:
        """The exception that a failed entry leads to: more urgent than the first one, or HardFault."""
        derived = ex.MEM_MANAGE if bits & 0xFF else ex.BUS_FAULT
        what = f"the stack of {ex.name_of(number)} cannot be written ({'MSTKERR' if bits & 0xFF else 'STKERR'})"
        self._refuse(Fault(derived, bits, what, self._native.state.pc, self._registers[13]))
        self._scs.record(bits, None)
        state = self._scs.exceptions
        if number in (ex.HARD_FAULT, ex.NMI):
            raise ChipError(f"lockup: {what}, at {self._registers[13]:#010x}")
        state.pending.add(number)
        if derived in state.enabled and state.group(state.priority(derived)) < state.group(state.priority(number)):
            return derived
        self._scs.record_hard_fault(FORCED)
        return ex.HARD_FAULT

    def _switch(self, number: int, control: int) -> None:
        """Handler mode on the main stack, no floating-point context."""
        registers = self._registers
        if registers.exception == 0 and control & 3 == 2:
            registers.control = control & ~2
        registers.exception = number
        registers.control = registers.control & ~FLOAT_CONTEXT
        registers.xpsr = registers.xpsr & 0xF80F0000 | 1 << 24 | number
        self._scs.exceptions.activate(number)

    def _vector(self, number: int) -> None:
        address = self._scs.value(0xD08) + 4 * number
        if not self._memory.allows(address, 4, False) and address >= 0x1000:
            self._scs.record_hard_fault(VECTTBL)
            raise ChipError(f"the vector of {ex.name_of(number)} cannot be read", address)
        target = int.from_bytes(self._engine.mem_read(address, 4), "little")
        if not target & 1:
            raise ChipError(f"the vector of {ex.name_of(number)} is {target:#x}: bit 0 must be set", address)
        self._jump(target)

    # --- return ---------------------------------------------------------------------------------------------------

    def leave(self, link: int) -> None:
        """A branch to EXC_RETURN; takes the next pending exception without unstacking if there is one."""
        registers, state = self._registers, self._scs.exceptions
        number = registers.exception
        if problem := self._invalid_return(link, number):
            state.deactivate(number)
            self.fault(Fault(ex.USAGE_FAULT, INVPC, problem, link & ~1))
            return
        if number != ex.NMI:
            registers.clear_faultmask()
        state.deactivate(number)
        following = state.next_to_take(registers.masks())
        if following is not None:
            registers.exception = following
            state.activate(following)
            registers[14] = link
            self._vector(following)
            return
        self._unstack(link)

    def _invalid_return(self, link: int, number: int) -> str | None:
        active = self._scs.exceptions.active
        if link & 0xFFFFFFE0 != 0xFFFFFFE0 or link & 15 not in _RETURNS:
            return f"EXC_RETURN {link:#x} is not valid"
        if number not in active:
            return f"return from {ex.name_of(number)}, which is not active"
        if link & 15 == 1 and len(active) == 1:
            return "return to handler mode with nothing else active"
        if link & 15 != 1 and len(active) > 1 and not self._scs.value(0xD14) & 1:
            return "return to thread mode with another exception active"
        return None

    def _unstack(self, link: int) -> None:
        registers, process = self._registers, link & 15 == 13
        frame = registers.stack(process)
        words = (EXTENDED if not link & 0x10 else BASIC) // 4
        failure = self._stack_denied(frame, 4 * words, READ)
        if failure:
            number = ex.MEM_MANAGE if failure & 0xFF else ex.BUS_FAULT
            self.fault(Fault(number, failure, f"the stack frame at {frame:#x} cannot be read", link & ~1))
            return
        raw = self._engine.mem_read(frame, 4 * words)
        values = [int.from_bytes(raw[place : place + 4], "little") for place in range(0, len(raw), 4)]
        problem = self._invalid_frame(link, values)
        registers.set_stack(process, (frame + 4 * words) | (4 if values[7] & 1 << 9 else 0))
        if problem:
            self.fault(Fault(ex.USAGE_FAULT, INVPC, problem, link & ~1))
            return
        self._restore(link, values)

    def _invalid_frame(self, link: int, values: list[int]) -> str | None:
        if (values[7] & 0x1FF == 0) != (link & 15 != 1):
            return f"the frame's xPSR {values[7]:#x} does not belong to the mode of EXC_RETURN {link:#x}"
        if values[6] & 1:
            raise ChipError(f"the frame's return address {values[6]:#x} has bit 0 set: unpredictable")
        return None

    def _restore(self, link: int, values: list[int]) -> None:
        registers = self._registers
        extended = not link & 0x10
        if extended:
            registers.set_float_words(values[8:26])
        # In handler mode the emulator does not let CONTROL.SPSEL change, in unprivileged thread mode nothing of it.
        flags = FLOAT_CONTEXT if extended else 0
        control = registers.control & 1
        registers.control = registers.control & ~FLOAT_CONTEXT | flags
        registers.exception = values[7] & 0x1FF
        if link & 15 != 1 and not control:
            registers.control = flags | (2 if link & 15 == 13 else 0)
        for number, value in zip((0, 1, 2, 3, 12, 14), values, strict=False):
            registers[number] = value
        registers.xpsr = values[7] & ~(1 << 9)
        self._jump(values[6] | (values[7] >> 24 & 1))
