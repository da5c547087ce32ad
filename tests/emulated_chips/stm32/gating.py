# SPDX-License-Identifier: Apache-2.0
"""What both families' RCCs have in common: clocks of peripherals that are switched, delayed and reset by bits."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from tests.emulated_chips.stm32.registers import PS, CoreClock, Registers, TimedRegisters

AHB_DIVIDERS = (1,) * 8 + (2, 4, 8, 16, 64, 128, 256, 512)
APB_DIVIDERS = (1,) * 4 + (2, 4, 8, 16)


@dataclass(frozen=True)
class Oscillator:
    """What the board connects to OSC_IN.

    Attributes:
        hz: its frequency.
        crystal: a crystal or resonator, which the HSE's amplifier drives; else a clock signal, which needs HSEBYP.
    """

    hz: int
    crystal: bool


class ClockControl(TimedRegisters):
    """An RCC. Registers called ...ENR hold enable bits ...EN, those called ...RSTR reset bits ...RST.

    A peripheral may be reached two cycles of its bus after the write that enables it, or after the enable register was
    read back (RM0402 and RM0399, "Peripheral clock enable").

    Attributes:
        watchers: called after every change of a frequency, to check limits.
    """

    def __init__(self, clock: CoreClock) -> None:
        self.watchers: list[Callable[[], None]] = []
        self._behind: dict[str, list[Registers]] = {}
        self._fresh: dict[str, tuple[str, int]] = {}
        super().__init__(clock)

    def attach(self, one: Registers, name: str, part: str) -> None:
        """Puts a peripheral behind the enable bit `part` of the register `name`."""
        one.gate = lambda: self._reaches(one, name, part)
        self._behind.setdefault(part.removesuffix("EN"), []).append(one)

    def _reaches(self, one: Registers, name: str, part: str) -> bool:
        if not self.get(name, part):
            return False
        resets, bit = name.replace("ENR", "RSTR"), part.removesuffix("EN") + "RST"
        if bit in self._named[resets].by_name and self.get(resets, bit):
            raise one.error(f"accessed while {self.name}_{resets}.{bit} holds it in reset")
        if part in self._fresh and self.now < self._fresh[part][1]:
            raise one.error(
                f"accessed before the clock enable {self.name}_{name}.{part} took effect: read the register back first"
            )
        self._fresh.pop(part, None)
        return True

    def bus_hz(self, enable: str) -> int:
        """The frequency of the bus whose peripherals a register enables."""
        raise NotImplementedError

    def read(self, offset: int, size: int) -> int:
        value = super().read(offset, size)
        name = self._at[offset & ~3].name
        self._fresh = {part: entry for part, entry in self._fresh.items() if entry[0] != name}
        return value

    def write(self, offset: int, size: int, value: int) -> None:
        name = self._find(offset, size).name
        before = self.get(name)
        super().write(offset, size, value)
        risen = self.get(name) & ~before
        for one in self._at[offset & ~3].fields:
            if not risen & one.mask:
                continue
            if name.endswith("RSTR"):
                for behind in self._behind.get(one.name.removesuffix("RST"), []):
                    behind.reset()
            elif name.endswith("ENR"):
                self._fresh[one.name] = (name, self.now + 2 * PS // self.bus_hz(name))

    def changed(self) -> None:
        """Frequencies may have changed: everybody checks."""
        for watcher in self.watchers:
            watcher()
