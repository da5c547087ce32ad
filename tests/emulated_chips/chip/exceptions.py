# SPDX-License-Identifier: Apache-2.0
"""Which exception is taken next: pending, active, enabled, priorities. No registers and no stack here (frames.py).

Numbers are those of the Armv7-M Architecture Reference Manual (DDI 0403), B1.5; external interrupts start at 16.
A lower priority value is more urgent.
"""

from __future__ import annotations

from dataclasses import dataclass

NMI, HARD_FAULT, MEM_MANAGE, BUS_FAULT, USAGE_FAULT = 2, 3, 4, 5, 6
SV_CALL, DEBUG_MONITOR, PEND_SV, SYS_TICK, FIRST_IRQ = 11, 12, 14, 15, 16
IDLE = 256
"""Execution priority with nothing active: every priority is more urgent."""

NAMES = {
    NMI: "NMI", HARD_FAULT: "HardFault", MEM_MANAGE: "MemManage", BUS_FAULT: "BusFault", USAGE_FAULT: "UsageFault",
    SV_CALL: "SVCall", DEBUG_MONITOR: "DebugMonitor", PEND_SV: "PendSV", SYS_TICK: "SysTick",
}  # fmt: skip


@dataclass
class Masks:
    """The special registers that hold exceptions back: PRIMASK and FAULTMASK as 0 or 1, BASEPRI 0 to 255 (0: none)."""

    primask: int = 0
    faultmask: int = 0
    basepri: int = 0


def name_of(number: int) -> str:
    """An exception in words."""
    return NAMES.get(number) or (f"IRQ{number - FIRST_IRQ}" if number >= FIRST_IRQ else f"exception {number}")


class Exceptions:
    """State of all exceptions of a core with `lines` external interrupts."""

    def __init__(self, lines: int) -> None:
        self.lines = lines
        self.reset()

    def reset(self) -> None:
        """Nothing pending, nothing active, only what cannot be disabled is enabled."""
        self.pending: set[int] = set()
        self.active: set[int] = set()
        self.enabled = {NMI, HARD_FAULT, SV_CALL, PEND_SV, SYS_TICK, DEBUG_MONITOR}
        self.levels: set[int] = set()
        self.group_bits = 0
        self._priority: dict[int, int] = {NMI: -2, HARD_FAULT: -1}

    def priority(self, number: int) -> int:
        """Its configured priority; 0 after reset."""
        return self._priority.get(number, 0)

    def set_priority(self, number: int, value: int) -> None:
        """Configures it: 0 to 255, of which the upper four bits count."""
        self._priority[number] = value & 0xF0

    def group(self, priority: int) -> int:
        """The part of a priority that decides whether one exception interrupts another (AIRCR.PRIGROUP)."""
        return priority if priority < 0 else priority >> (self.group_bits + 1) << (self.group_bits + 1)

    def execution_priority(self, masks: Masks) -> int:
        """The priority at which the core runs: -2 to 255, IDLE with nothing active and no mask."""
        values = [IDLE, *(self.group(self.priority(number)) for number in self.active)]
        if masks.basepri:
            values.append(self.group(masks.basepri))
        if masks.primask:
            values.append(0)
        if masks.faultmask:
            values.append(-1)
        return min(values)

    def set_levels(self, lines: set[int]) -> None:
        """The asserted interrupt lines (0 is IRQ0): a line that rises makes its interrupt pending."""
        numbers = {line + FIRST_IRQ for line in lines}
        self.pending |= numbers - self.levels
        self.levels = numbers

    def most_urgent(self) -> int | None:
        """The pending and enabled exception that comes first: by priority, then by number."""
        ready = self.pending & self.enabled
        return min(ready, key=lambda number: (self.priority(number), number), default=None)

    def next_to_take(self, masks: Masks) -> int | None:
        """The exception that interrupts what runs, or None."""
        first = self.most_urgent()
        if first is None or self.group(self.priority(first)) >= self.execution_priority(masks):
            return None
        return first

    def preempts(self, number: int, masks: Masks) -> bool:
        """Whether a synchronous exception can be taken right where it arises, else it becomes a HardFault."""
        allowed = number in self.enabled
        return allowed and self.group(self.priority(number)) < self.execution_priority(masks)

    def wakes(self, masks: Masks) -> bool:
        """Whether WFI ends: what would be taken if PRIMASK were clear."""
        return self.next_to_take(Masks(0, masks.faultmask, masks.basepri)) is not None

    def activate(self, number: int) -> None:
        """It is entered."""
        self.pending.discard(number)
        self.active.add(number)

    def deactivate(self, number: int) -> None:
        """It returns; a line that is still asserted makes it pending once more."""
        self.active.discard(number)
        if number in self.levels:
            self.pending.add(number)
