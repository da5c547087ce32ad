# SPDX-License-Identifier: Apache-2.0
"""Cache and tightly coupled memory registers of the Cortex-M7 (Armv7-M ARM B2.2, Cortex-M7 TRM 4.3).

Only the order of steps is modelled: caches hold nothing here, so a missing clean does not show. Their contents are
undefined after a reset, so each has to be invalidated before it is enabled.
"""

from __future__ import annotations

from .bus import ChipError
from .registers import Register, Registers

SETS, WAYS, WAY_SHIFT = 128, 4, 30
"""Data cache of the STM32H7: 16 KB, lines of 32 bytes."""
DATA_SIZE, CODE_SIZE = 0xF00FE019, 0xF01FE009
"""CCSIDR of the data cache and of the instruction cache (16 KB, 2 ways)."""


class Caches:
    """CLIDR to CSSELR and ICIALLU to ABFSR; offsets count from 0xE000E000."""

    def __init__(self) -> None:
        self._data: set[tuple[int, int]] = set()
        self._code = False
        self._select = Register("CSSELR", 0, writable=1)
        self.registers = Registers("caches", {
            0xD78: Register("CLIDR", 0x09000003), 0xD7C: Register("CTR", 0x8303C003),
            0xD80: Register("CCSIDR", read=lambda: CODE_SIZE if self._select.value else DATA_SIZE),
            0xD84: self._select,
            **self._maintenance(),
            0xF90: Register("ITCMCR", 0x7 << 3 | 1, writable=7), 0xF94: Register("DTCMCR", 0x8 << 3 | 1, writable=7),
            0xF98: Register("AHBPCR", 0x3 << 1 | 1, writable=1), 0xF9C: Register("CACR", 0, writable=7),
            0xFA0: Register("AHBSCR", 0x800, writable=0xFFFF), 0xFA8: Register("ABFSR", 0, clears=0x31F),
        })  # fmt: skip

    def _maintenance(self) -> dict[int, Register]:
        operations = {
            0xF50: ("ICIALLU", self._invalidate_code), 0xF58: ("ICIMVAU", self._line), 0xF5C: ("DCIMVAC", self._line),
            0xF60: ("DCISW", self._invalidate_data), 0xF64: ("DCCMVAU", self._clean),
            0xF68: ("DCCMVAC", self._clean), 0xF6C: ("DCCSW", self._clean), 0xF70: ("DCCIMVAC", self._clean),
            0xF74: ("DCCISW", self._clean), 0xF78: ("BPIALL", self._line),
        }  # fmt: skip
        return {
            offset: Register(name, writable=0xFFFFFFFF, readable=False, wrote=function)
            for offset, (name, function) in operations.items()
        }

    def reset(self) -> None:
        """Undefined contents."""
        self.registers.reset()
        self._data.clear()
        self._code = False

    def _line(self, _value: int) -> None:
        """An operation that changes nothing here."""

    def _invalidate_code(self, _value: int) -> None:
        self._code = True

    def _invalidate_data(self, value: int) -> None:
        way, index = value >> WAY_SHIFT & 3, value >> 5 & 0x1FF
        if index >= SETS or value & 0x1F or value & ((1 << WAY_SHIFT) - 1) & ~0x3FFF:
            raise ChipError(f"DCISW: {value:#x} names no set and way of this cache")
        self._data.add((index, way))

    def _clean(self, _value: int) -> None:
        if len(self._data) < SETS * WAYS:
            raise ChipError("the data cache is cleaned before it was invalidated: its undefined lines go to memory")

    def check_enable(self, code: bool, data: bool) -> None:
        """Raises ChipError if a cache is switched on that was not invalidated since the reset."""
        if code and not self._code:
            raise ChipError("CCR.IC set before the instruction cache was invalidated (ICIALLU)")
        if data and (missing := SETS * WAYS - len(self._data)):
            raise ChipError(f"CCR.DC set before the data cache was invalidated (DCISW): {missing} lines are left")
