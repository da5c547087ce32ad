# SPDX-License-Identifier: Apache-2.0
"""The system control space at 0xE000E000 (DDI 0403, B3.2): system control block, FPU control, and the blocks below it.

What a fault means is recorded here; taking it is the core's part (frames.py).
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from . import exceptions as ex
from .bus import ChipError, Peripheral
from .caches import Caches
from .exceptions import Exceptions
from .mpu import Mpu
from .nvic import Nvic
from .registers import ANY, Register, Registers
from .timers import SysTick

MMARVALID, BFARVALID = 1 << 7, 1 << 15
CFSR_BITS = 0x030FBFBB
VECTTBL, FORCED, DEBUGEVT = 1 << 1, 1 << 30, 1 << 31
_KEY = 0x05FA
_RESET_REQUEST, _CLEAR_ACTIVE, _CORE_RESET = 4, 2, 1
_DATA_CACHE, _CODE_CACHE = 1 << 16, 1 << 17
_TRCENA, _MON_EN = 1 << 24, 1 << 16
_ENABLES = {16: ex.MEM_MANAGE, 17: ex.BUS_FAULT, 18: ex.USAGE_FAULT}
_ACTIVES = {
    0: ex.MEM_MANAGE, 1: ex.BUS_FAULT, 3: ex.USAGE_FAULT, 7: ex.SV_CALL, 8: ex.DEBUG_MONITOR, 10: ex.PEND_SV,
    11: ex.SYS_TICK,
}  # fmt: skip
_PENDS = {12: ex.USAGE_FAULT, 13: ex.MEM_MANAGE, 14: ex.BUS_FAULT, 15: ex.SV_CALL}


@dataclass(frozen=True)
class Core:
    """What distinguishes the cores: identification, size of the interrupt controller and of the MPU.

    Attributes:
        is_m7: caches, a lock on the DWT, double precision.
        vectors: VTOR after a reset.
    """

    cpuid: int
    is_m7: bool
    lines: int
    mpu_regions: int
    vectors: int


class SystemControl(Peripheral):
    """The whole system control space.

    Attributes:
        exceptions: their state, which NVIC and SCB show.
        reset_requested: AIRCR.SYSRESETREQ was written.
    """

    name, base, size = "SCS", 0xE000E000, 0x1000

    def __init__(self, core: Core, exceptions: Exceptions, now: Callable[[], int]) -> None:
        super().__init__()
        self.core, self.exceptions = core, exceptions
        self.mpu, self.caches = Mpu(core.mpu_regions), Caches()
        self.systick = SysTick(now, lambda: exceptions.pending.add(ex.SYS_TICK))
        self.control = Registers("SCS", self._system_registers() | self._float_registers() | self._debug_registers())
        self._blocks = [self.control, self.systick.registers, Nvic(exceptions), self.mpu.registers]
        if core.is_m7:
            self._blocks.append(self.caches.registers)
        self.reset_requested = False

    def _system_registers(self) -> dict[int, Register]:
        m7 = self.core.is_m7
        return {
            0x004: Register("ICTR", -(-self.core.lines // 32) - 1),
            0x008: Register("ACTLR", 0, writable=0x1FFFFC04 if m7 else 0x307),
            0xD00: Register("CPUID", self.core.cpuid),
            0xD04: Register("ICSR", ignored=0x007FF9FF, writable=0x9E000000, read=self._icsr, wrote=self._pend),
            0xD08: Register("VTOR", self.core.vectors, writable=0xFFFFFF80),
            0xD0C: Register("AIRCR", 0xFA050000, writable=0x707, ignored=0xFFFF0000, wrote=self._application_reset),
            0xD10: Register("SCR", 0, writable=0x16, wrote=self._sleep_mode),
            0xD14: Register("CCR", 0x40200 if m7 else 0x200, writable=0x3011B if m7 else 0x31B, wrote=self._ccr),
            0xD18: self._priorities("SHPR1", {0: ex.MEM_MANAGE, 1: ex.BUS_FAULT, 2: ex.USAGE_FAULT}),
            0xD1C: self._priorities("SHPR2", {3: ex.SV_CALL}),
            0xD20: self._priorities("SHPR3", {0: ex.DEBUG_MONITOR, 2: ex.PEND_SV, 3: ex.SYS_TICK}),
            0xD24: Register("SHCSR", writable=0x7FD8B, read=self._shcsr, wrote=self._set_shcsr),
            0xD28: Register("CFSR", 0, clears=CFSR_BITS, sizes=ANY),
            0xD2C: Register("HFSR", 0, clears=VECTTBL | FORCED | DEBUGEVT),
            0xD30: Register("DFSR", 0, clears=0x1F),
            0xD34: Register("MMFAR", 0, writable=0xFFFFFFFF),
            0xD38: Register("BFAR", 0, writable=0xFFFFFFFF),
            0xD3C: Register("AFSR", 0),
            0xD88: Register("CPACR", 0, writable=0xF << 20, wrote=self._coprocessors),
        }  # fmt: skip

    def _float_registers(self) -> dict[int, Register]:
        m7 = self.core.is_m7
        return {
            0xF34: Register("FPCCR", 0xC0000000, writable=0x40000000, ignored=0x1FB),
            0xF38: Register("FPCAR", 0, writable=0xFFFFFFF8),
            0xF3C: Register("FPDSCR", 0),
            0xF40: Register("MVFR0", 0x10110221 if m7 else 0x10110021),
            0xF44: Register("MVFR1", 0x12000011 if m7 else 0x11000011),
            0xF48: Register("MVFR2", 0x40 if m7 else 0),
        }

    def _debug_registers(self) -> dict[int, Register]:
        return {
            0xDF0: Register("DHCSR", 0x01000000),
            0xDFC: Register("DEMCR", 0, writable=_TRCENA | 0xF0000),
        }

    def _priorities(self, name: str, bytes_of: dict[int, int]) -> Register:
        """A system handler priority register; `bytes_of` names the exception of each implemented byte."""
        mask = sum(0xF0 << 8 * place for place in bytes_of)

        def read() -> int:
            return sum(self.exceptions.priority(number) << 8 * place for place, number in bytes_of.items())

        def wrote(_: int) -> None:
            for place, number in bytes_of.items():
                self.exceptions.set_priority(number, register.value >> 8 * place & 0xFF)

        register = Register(name, 0, writable=mask, sizes=ANY, read=read, wrote=wrote)
        return register

    # --- the peripheral -----------------------------------------------------------------------------------------

    def _block(self, offset: int) -> Registers | Nvic:
        for block in self._blocks:
            if offset in block:
                return block
        raise ChipError(f"SCS: no register at offset {offset:#x}")

    def read(self, offset: int, size: int) -> int:
        """As Peripheral.read."""
        return self._block(offset).read(offset, size)

    def write(self, offset: int, size: int, value: int) -> None:
        """As Peripheral.write."""
        self._block(offset).write(offset, size, value)

    def advance(self, cycles: int) -> None:  # noqa: ARG002 - SysTick knows the time
        """Time passes for SysTick."""
        self.systick.advance()

    def next_event(self) -> int | None:
        """The next zero of SysTick."""
        return self.systick.next_event()

    def reset(self) -> None:
        """A reset of the core."""
        self.exceptions.reset()
        for block in (self.control, self.systick, self.mpu, self.caches):
            block.reset()
        self.reset_requested = False

    # --- for the core ---------------------------------------------------------------------------------------------

    def value(self, offset: int) -> int:
        """A register's stored value."""
        return self.control.registers[offset].value

    @property
    def float_enabled(self) -> bool:
        """CPACR gives full access to the FPU."""
        return self.value(0xD88) >> 20 & 15 == 15

    def trace_enabled(self) -> bool:
        """DEMCR.TRCENA."""
        return bool(self.value(0xDFC) & _TRCENA)

    def monitor_enabled(self) -> bool:
        """DEMCR.MON_EN: a breakpoint is an exception."""
        return bool(self.value(0xDFC) & _MON_EN)

    def record(self, bits: int, address: int | None) -> None:
        """A fault: its bits of CFSR, and the address it is about."""
        self.control.registers[0xD28].value |= bits
        if address is None:
            return
        manage = bits & 0xFF
        self.control.registers[0xD34 if manage else 0xD38].value = address
        self.control.registers[0xD28].value |= MMARVALID if manage else BFARVALID

    def record_hard_fault(self, bits: int) -> None:
        """Its bits of HFSR."""
        self.control.registers[0xD2C].value |= bits

    # --- registers with a meaning ---------------------------------------------------------------------------------

    def _icsr(self) -> int:
        pending, active = self.exceptions.pending, self.exceptions.active
        current = min(active, key=self.exceptions.priority, default=0)
        first = self.exceptions.most_urgent() or 0
        bits = {31: ex.NMI, 28: ex.PEND_SV, 26: ex.SYS_TICK}
        value = sum(1 << place for place, number in bits.items() if number in pending)
        value |= (1 << 22) * any(number >= ex.FIRST_IRQ for number in pending)
        return value | first << 12 | (1 << 11) * (len(active) <= 1) | current

    def _pend(self, value: int) -> None:
        for place, number in ((31, ex.NMI), (28, ex.PEND_SV), (26, ex.SYS_TICK)):
            if value >> place & 1:
                self.exceptions.pending.add(number)
        for place, number in ((27, ex.PEND_SV), (25, ex.SYS_TICK)):
            if value >> place & 1:
                self.exceptions.pending.discard(number)

    def _application_reset(self, value: int) -> None:
        register = self.control.registers[0xD0C]
        if value >> 16 != _KEY:
            raise ChipError(f"AIRCR: written with key {value >> 16:#x} instead of {_KEY:#x}: the write has no effect")
        if value & (_CLEAR_ACTIVE | _CORE_RESET):
            raise ChipError("AIRCR: VECTCLRACTIVE and VECTRESET are for debuggers")
        self.reset_requested = bool(value & _RESET_REQUEST)
        register.value = 0xFA050000 | value & 0x700
        self.exceptions.group_bits = value >> 8 & 7

    def _sleep_mode(self, value: int) -> None:
        if value & 0x16:
            raise ChipError(f"SCR: {value:#x} (SEVONPEND, SLEEPDEEP, SLEEPONEXIT) is not modelled")

    def _ccr(self, value: int) -> None:
        if self.core.is_m7:
            self.caches.check_enable(bool(value & _CODE_CACHE), bool(value & _DATA_CACHE))

    def _coprocessors(self, value: int) -> None:
        if value >> 20 & 3 != value >> 22 & 3 or value >> 20 & 3 in (1, 2):
            raise ChipError(f"CPACR: {value:#x} does not give both halves of the FPU full access or none")

    def _shcsr(self) -> int:
        state = self.exceptions
        held = ((_ENABLES, state.enabled), (_ACTIVES, state.active), (_PENDS, state.pending))
        return sum(1 << place for bits, numbers in held for place, number in bits.items() if number in numbers)

    def _set_shcsr(self, value: int) -> None:
        state = self.exceptions
        for place, number in _ENABLES.items():
            (state.enabled.add if value >> place & 1 else state.enabled.discard)(number)
        for bits, numbers in ((_ACTIVES, state.active), (_PENDS, state.pending)):
            if changed := {number for place, number in bits.items() if (value >> place & 1) != (number in numbers)}:
                named = ", ".join(ex.name_of(number) for number in sorted(changed))
                raise ChipError(f"SHCSR: the write changes what is active or pending ({named})")
