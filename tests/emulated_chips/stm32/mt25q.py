# SPDX-License-Identifier: Apache-2.0
"""One die of the MT25TL01G: an MT25QL512, as its data sheet says, in extended SPI protocol without DTR.

Modelled: reset, identification, status, write enable, volatile configuration, address mode, array reads. A die that
another program left in the quad protocol understands a reset only. Everything else (erasing, programming, locks)
is refused.
"""

from __future__ import annotations

from dataclasses import dataclass

from tests.emulated_chips.chip.bus import ChipError
from tests.emulated_chips.stm32.registers import PS

DIE_BYTES = 64 << 20
IDENTIFICATION = bytes((0x20, 0xBA, 0x20))
RESET_PS = 40 * PS // 1_000_000
VOLATILE_DEFAULT = 0xFB
# Array reads: lines of address and data, address bytes (None: by the address mode), dummy cycles by default.
READS = {
    0x03: (1, 1, None, 0), 0x13: (1, 1, 4, 0), 0x0B: (1, 1, None, 8), 0x0C: (1, 1, 4, 8), 0x6B: (1, 4, None, 8),
    0x6C: (1, 4, 4, 8), 0xEB: (4, 4, None, 10), 0xEC: (4, 4, 4, 10),
}  # fmt: skip
SLOW = (0x03, 0x13)
SLOW_MHZ = 66
# Highest clock in MHz with 1, 2, ... dummy cycles, by lines of address and data; 133 MHz beyond. Not compared with the
# data sheet's table itself, which was not at hand: near a limit, look there.
FASTEST = {
    (1, 1): (94, 112, 129),
    (1, 4): (44, 61, 78, 97, 106, 115, 125),
    (4, 4): (39, 48, 58, 69, 78, 86, 97, 106, 115, 125),
}


@dataclass(frozen=True)
class Transaction:
    """What the controller puts on the wires between two edges of chip select.

    Attributes:
        opcode: the instruction.
        address_bytes, address_lines: 0 without an address.
        dummies: clock cycles before the data.
        data_lines: 0 without data.
        hz: the clock.
        lines: of the instruction.
    """

    opcode: int
    address_bytes: int
    address_lines: int
    dummies: int
    data_lines: int
    hz: int
    lines: int = 1

    @property
    def shape(self) -> tuple[int, int, int]:
        """Address bytes, dummy cycles, lines of the data."""
        return self.address_bytes, self.dummies, self.data_lines


class Mt25q:
    """The state of one die.

    Attributes:
        quad: instructions come on four lines; never after a reset.
        busy_until: end of the recovery from a reset, in picoseconds.
        identification: manufacturer, type, capacity.
        stubborn: a fault: the volatile configuration cannot be written.
    """

    def __init__(self) -> None:
        self.busy_until = 0
        self.identification = IDENTIFICATION
        self.stubborn = False
        self._defaults()

    def _defaults(self) -> None:
        self.write_enabled = self.four_byte = self.reset_enabled = self.quad = False
        self.volatile = VOLATILE_DEFAULT

    def deaf(self, one: Transaction) -> bool:
        """Whether the instruction comes on the wrong number of lines, of which the die makes nothing."""
        return one.lines != (4 if self.quad else 1)

    def _refuse(self, what: str) -> ChipError:
        return ChipError(f"MT25TL01G: {what}")

    def dummies(self, opcode: int) -> int:
        """Dummy cycles that a read needs; 0 and 15 in the register mean the command's default."""
        field = self.volatile >> 4
        return 0 if opcode in SLOW else READS[opcode][3] if field in (0, 15) else field

    def check_read(self, one: Transaction) -> None:
        """Raises ChipError where the die would return something else than the array's contents."""
        if self.deaf(one):
            raise self._refuse(f"read {one.opcode:#04x} with the instruction on {one.lines} lines")
        if one.opcode not in READS:
            raise self._refuse(f"opcode {one.opcode:#04x} is not a read that is modelled")
        lines, data, size, _ = READS[one.opcode]
        size = size or (4 if self.four_byte else 3)
        needed = (size, lines, self.dummies(one.opcode), data)
        given = (one.address_bytes, one.address_lines, one.dummies, one.data_lines)
        if given != needed:
            raise self._refuse(
                f"read {one.opcode:#04x} with {given[0]} address bytes on {given[1]} lines, {given[2]} dummy cycles and"
                f" data on {given[3]} lines; the die expects {needed[0]}, {needed[1]}, {needed[2]} and {needed[3]}"
            )
        limit = self._limit(one)
        if one.hz > limit * 1_000_000:
            raise self._refuse(
                f"read {one.opcode:#04x} with {one.dummies} dummy cycles at {one.hz / 1e6:.1f} MHz, at most {limit} MHz"
            )

    def _limit(self, one: Transaction) -> int:
        if one.opcode in SLOW:
            return SLOW_MHZ
        steps = FASTEST[one.address_lines, one.data_lines]
        return steps[one.dummies - 1] if one.dummies <= len(steps) else 133

    def begin(self, one: Transaction, now: int) -> None:
        """Chip select falls; raises ChipError while the die resets."""
        if now < self.busy_until:
            raise self._refuse(f"instruction {one.opcode:#04x} while the die recovers from its reset (40 us)")
        if self.reset_enabled and one.opcode not in (0x66, 0x99):
            self.reset_enabled = False

    def command(self, one: Transaction, now: int) -> None:
        """An instruction without address and data."""
        if self.deaf(one):
            return
        self.begin(one, now)
        if one.shape != (0, 0, 0):
            raise self._refuse(f"instruction {one.opcode:#04x} takes no address, dummy cycles or data")
        if one.opcode == 0x99:
            if not self.reset_enabled:
                raise self._refuse("RESET MEMORY (0x99) without RESET ENABLE (0x66) just before")
            self._defaults()
            self.busy_until = now + RESET_PS
        elif one.opcode == 0x66:
            self.reset_enabled = True
        elif one.opcode in (0x06, 0x04):
            self.write_enabled = one.opcode == 0x06
        elif one.opcode in (0xB7, 0xE9):
            self.four_byte, self.write_enabled = one.opcode == 0xB7, False
        else:
            raise self._refuse(f"instruction {one.opcode:#04x} is not modelled")

    def fetch(self, one: Transaction, length: int, now: int) -> bytes:
        """A register read: `length` bytes; what nobody drives reads as ones."""
        if self.deaf(one):
            return b"\xff" * length
        self.begin(one, now)
        if one.shape != (0, 0, 1):
            raise self._refuse(f"register read {one.opcode:#04x} takes no address, no dummy cycles, data on one line")
        contents = {
            0x9F: self.identification, 0x9E: self.identification, 0x05: bytes((self.write_enabled << 1,)),
            0x70: bytes((0x80 | self.four_byte,)), 0x85: bytes((self.volatile,)), 0x65: b"\xff",
        }.get(one.opcode)  # fmt: skip
        if contents is None:
            raise self._refuse(f"register read {one.opcode:#04x} is not modelled")
        if len(contents) == 3:
            if length > 3:
                raise self._refuse("only the first three bytes of the identification are modelled")
            return contents[:length]
        return contents * length

    def store(self, one: Transaction, data: bytes, now: int) -> None:
        """A register write."""
        if self.deaf(one):
            return
        self.begin(one, now)
        if one.opcode != 0x81 or one.shape != (0, 0, 1) or len(data) != 1:
            raise self._refuse(
                f"write {one.opcode:#04x} of {len(data)} bytes: only WRITE VOLATILE CONFIGURATION (0x81) is modelled"
            )
        if not self.write_enabled:
            raise self._refuse("WRITE VOLATILE CONFIGURATION without WRITE ENABLE (0x06)")
        if data[0] & 0xF != 0xB:
            raise self._refuse(f"volatile configuration {data[0]:#04x}: bits 3 to 0 have to be 1011 (no XIP, no wrap)")
        self.write_enabled = False
        if not self.stubborn:
            self.volatile = data[0]
