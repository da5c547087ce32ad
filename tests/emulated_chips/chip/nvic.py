# SPDX-License-Identifier: Apache-2.0
"""Registers of the nested vectored interrupt controller (DDI 0403, B3.4): a view of `Exceptions`.

Offsets count from 0xE000E000. The upper four bits of a priority are implemented, as on every STM32 with these cores.
"""

from __future__ import annotations

from .bus import ChipError
from .exceptions import FIRST_IRQ, Exceptions

_SET_ENABLE, _CLEAR_ENABLE, _SET_PENDING, _CLEAR_PENDING, _ACTIVE, _PRIORITY = 0x100, 0x180, 0x200, 0x280, 0x300, 0x400
_TRIGGER = 0xF00


class Nvic:
    """ISER, ICER, ISPR, ICPR, IABR (words), IPR (bytes to words), STIR."""

    def __init__(self, exceptions: Exceptions) -> None:
        self._exceptions = exceptions

    def __contains__(self, offset: int) -> bool:
        return _SET_ENABLE <= offset < _PRIORITY + 240 or offset == _TRIGGER

    def read(self, offset: int, size: int) -> int:
        """As Peripheral.read."""
        if _PRIORITY <= offset < _TRIGGER:
            numbers = self._priority_numbers(offset, size)
            return sum(self._exceptions.priority(number) << 8 * place for place, number in enumerate(numbers))
        first = self._first(offset, size)
        held = {0: self._exceptions.enabled, 1: self._exceptions.pending, 2: self._exceptions.active}
        numbers_set = held[min((offset - _SET_ENABLE) >> 8, 2)]
        return sum(1 << place for place in range(32) if first + place in numbers_set)

    def write(self, offset: int, size: int, value: int) -> None:
        """As Peripheral.write."""
        if offset == _TRIGGER:
            self._trigger(size, value)
        elif offset >= _PRIORITY:
            self._set_priorities(offset, size, value)
        else:
            self._change(offset, size, value)

    def _first(self, offset: int, size: int) -> int:
        if size != 4 or offset & 0x7F >= self._words() * 4 or offset >= _ACTIVE + 0x80:
            raise ChipError(f"NVIC: no register of {size} bytes at offset {offset:#x}")
        return FIRST_IRQ + (offset & 0x7F) * 8

    def _words(self) -> int:
        return -(-self._exceptions.lines // 32)

    def _numbers(self, offset: int, size: int, value: int) -> set[int]:
        first = self._first(offset, size)
        numbers = {first + place for place in range(32) if value >> place & 1}
        if missing := [number for number in numbers if number >= FIRST_IRQ + self._exceptions.lines]:
            raise ChipError(f"NVIC: this part has no IRQ{min(missing) - FIRST_IRQ}")
        return numbers

    def _change(self, offset: int, size: int, value: int) -> None:
        numbers, exceptions = self._numbers(offset, size, value), self._exceptions
        if offset < _CLEAR_ENABLE:
            exceptions.enabled |= numbers
        elif offset < _SET_PENDING:
            exceptions.enabled -= numbers
        elif offset < _CLEAR_PENDING:
            exceptions.pending |= numbers
        elif offset < _ACTIVE:
            # A line that is still asserted sets it again at once.
            exceptions.pending -= numbers - exceptions.levels
        else:
            raise ChipError(f"NVIC: offset {offset:#x} is read-only (IABR)")

    def _priority_numbers(self, offset: int, size: int) -> range:
        first = FIRST_IRQ + offset - _PRIORITY
        if first + size > FIRST_IRQ + self._words() * 32:
            raise ChipError(f"NVIC: this part has no IRQ{first - FIRST_IRQ}")
        return range(first, first + size)

    def _set_priorities(self, offset: int, size: int, value: int) -> None:
        for place, number in enumerate(self._priority_numbers(offset, size)):
            priority = value >> 8 * place & 0xFF
            if priority & 0x0F:
                raise ChipError(f"NVIC_IPR: priority {priority:#x} of IRQ{number - FIRST_IRQ} uses unimplemented bits")
            self._exceptions.set_priority(number, priority)

    def _trigger(self, size: int, value: int) -> None:
        if size != 4 or value >= self._exceptions.lines:
            raise ChipError(f"NVIC_STIR: {value:#x} in {size} bytes is no interrupt of this part")
        self._exceptions.pending.add(FIRST_IRQ + value)
