# SPDX-License-Identifier: Apache-2.0
"""The two counters of the core: SysTick (DDI 0403, B3.3) and the cycle counter of the DWT (C1.8)."""

from __future__ import annotations

from collections.abc import Callable

from .bus import ChipError, Peripheral
from .registers import Register, Registers

UNLOCK = 0xC5ACCE55


class SysTick:
    """The 24-bit down counter. Times are core cycles since reset; the external clock is an eighth of the core's."""

    ENABLE, TICKINT, CORE_CLOCK, COUNTFLAG = 1, 2, 4, 1 << 16

    def __init__(self, now: Callable[[], int], pend: Callable[[], None]) -> None:
        self._now, self._pend = now, pend
        ctrl = Register("SYST_CSR", 0, writable=7, ignored=self.COUNTFLAG, read=self._status, wrote=self._switched)
        self.registers = Registers("SysTick", {
            0x10: ctrl,
            0x14: Register("SYST_RVR", 0, writable=0xFFFFFF),
            0x18: Register("SYST_CVR", 0, writable=0xFFFFFF, read=self._value, wrote=self._cleared),
            0x1C: Register("SYST_CALIB", 0x4000493E),
        })  # fmt: skip
        self._ctrl, self._reload = ctrl, self.registers.registers[0x14]
        self.reset()

    def reset(self) -> None:
        """Off, at zero."""
        self.registers.reset()
        self._flag, self._held = False, 0
        self._zero: int | None = None

    def _divider(self) -> int:
        return 1 if self._ctrl.value & self.CORE_CLOCK else 8

    def _value(self) -> int:
        if self._zero is None:
            return self._held
        left = -(-(self._zero - self._now()) // self._divider())
        return left if 0 <= left <= self._reload.value else 0

    def _status(self) -> int:
        flag, self._flag = self._flag, False
        self._ctrl.value &= 7
        return self._ctrl.value | (self.COUNTFLAG if flag else 0)

    def _restart(self) -> None:
        """Zero is reached after the held value, or one step and the reload value later."""
        ticks = self._held or self._reload.value + 1
        self._zero = self._now() + ticks * self._divider() if self._reload.value else None

    def _switched(self, _: int) -> None:
        self._ctrl.value &= 7
        if not self._ctrl.value & self.ENABLE:
            self._held, self._zero = self._value(), None
        else:
            self._held, self._zero = self._value(), None
            self._restart()

    def _cleared(self, _: int) -> None:
        self._held, self._flag = 0, False
        if self._ctrl.value & self.ENABLE:
            self._restart()

    def advance(self) -> None:
        """Zero may have been passed."""
        now = self._now()
        if self._zero is None:
            if self._ctrl.value & self.ENABLE and self._reload.value:
                self._restart()
            return
        if now < self._zero:
            return
        period = (self._reload.value + 1) * self._divider()
        self._flag = True
        if self._ctrl.value & self.TICKINT:
            self._pend()
        self._zero += ((now - self._zero) // period + 1) * period if self._reload.value else 0
        if not self._reload.value:
            self._held, self._zero = 0, None

    def next_event(self) -> int | None:
        """Cycles until zero."""
        return None if self._zero is None else max(1, self._zero - self._now())


class Dwt(Peripheral):
    """The Data Watchpoint and Trace unit, of which the cycle counter is modelled.

    It needs DEMCR.TRCENA; that of the Cortex-M7 is locked after reset.
    """

    name, base, size = "DWT", 0xE0001000, 0x1000

    def __init__(self, now: Callable[[], int], trace_enabled: Callable[[], bool], has_lock: bool) -> None:
        super().__init__()
        self._now, self._trace_enabled, self._has_lock = now, trace_enabled, has_lock
        self._control = Register("DWT_CTRL", 0x40000000, writable=1, wrote=self._switched)
        self._counter = Register("DWT_CYCCNT", 0, writable=0xFFFFFFFF, read=self._count, wrote=self._set)
        registers = {0x0: self._control, 0x4: self._counter}
        if has_lock:
            registers[0xFB0] = Register("DWT_LAR", writable=0xFFFFFFFF, readable=False, wrote=self._unlock)
            registers[0xFB4] = Register("DWT_LSR", read=lambda: 3 if self._locked else 1)
        self._registers = Registers(self.name, registers)
        self.reset()

    def reset(self) -> None:
        """Off, at zero, locked where there is a lock."""
        self._registers.reset()
        self._since: int | None = None
        self._held, self._locked = 0, self._has_lock

    def _unlock(self, value: int) -> None:
        self._locked = value != UNLOCK

    def _count(self) -> int:
        running = 0 if self._since is None else self._now() - self._since
        return (self._held + running) & 0xFFFFFFFF

    def _switched(self, _: int) -> None:
        self._set(self._count())

    def _set(self, value: int) -> None:
        self._held = value
        self._since = self._now() if self._control.value & 1 else None

    def read(self, offset: int, size: int) -> int:
        """As Peripheral.read; the counter cannot be read before DEMCR.TRCENA is set."""
        self._check(offset)
        return self._registers.read(offset, size)

    def write(self, offset: int, size: int, value: int) -> None:
        """As Peripheral.write; with a lock, DWT_LAR comes first."""
        self._check(offset)
        if self._locked and offset < 0xFB0:
            raise ChipError("DWT: written while locked (DWT_LAR)")
        self._registers.write(offset, size, value)

    def _check(self, offset: int) -> None:
        if not self._trace_enabled():
            raise ChipError(f"DWT: offset {offset:#x} accessed before DEMCR.TRCENA is set")
