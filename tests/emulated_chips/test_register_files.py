# SPDX-License-Identifier: Apache-2.0
"""Rules that hold for every register: reserved and read-only bits, widths, accesses, time."""

from typing import ClassVar

import pytest

from tests.emulated_chips.chip.bus import Bus, ChipError
from tests.emulated_chips.stm32.registers import CoreClock, TimedRegisters, parse_fields, register


class Unit(TimedRegisters):
    name, base = "UNIT", 0x40000000
    flags: ClassVar[dict[str, tuple[str, str]]] = {"RDY": ("CR", "RDY")}
    layout = (
        register("CR", 0, 0xA0, "EN=0 RDY=1/r MODE=3:2 GO=4/w", (1, 2, 4)),
        register("SR", 4, 0x7, "OLD=0/rc_w0 DONE=1/rc_w1 LOCK=2/rs"),
        register("KEY", 8, 0, "KEY=31:0/w"),
    )
    commands = 0

    def write_cr(self, _: int, new: int) -> None:
        self.commands += new >> 4 & 1
        if new & 1:
            self.rise("RDY", 1e-6)


@pytest.fixture
def unit() -> Unit:
    return Unit(CoreClock(16_000_000))


def test_reserved_bits_keep_their_reset_value(unit: Unit) -> None:
    unit.write(0, 4, 0xA1)
    with pytest.raises(ChipError, match=r"UNIT: CR written with 0x00000001 changes reserved bit 5, reserved bit 7"):
        unit.write(0, 4, 0x1)
    with pytest.raises(ChipError, match="reserved bit 31"):
        unit.write(0, 4, 0x800000A1)


def test_read_only_bits_cannot_be_changed(unit: Unit) -> None:
    with pytest.raises(ChipError, match="changes read-only RDY"):
        unit.write(0, 4, 0xA2)


def test_a_flag_may_rise_between_read_and_write(unit: Unit) -> None:
    unit.write(0, 4, 0xA1)
    value = unit.read(0, 4)
    unit.advance(16)
    assert unit.get("CR", "RDY") == 1
    unit.write(0, 4, value | 4)
    assert unit.read(0, 4) == 0xA7


def test_widths(unit: Unit) -> None:
    unit.write(0, 1, 0xAD)
    assert unit.read(0, 1) == 0xAD
    assert unit.read(1, 1) == 0
    with pytest.raises(ChipError, match="SR does not allow accesses of 2 bytes"):
        unit.read(4, 2)


def test_cleared_and_set_by_writing(unit: Unit) -> None:
    unit.write(4, 4, 0b001)
    assert unit.read(4, 4) == 0b111
    unit.write(4, 4, 0b110)
    assert unit.read(4, 4) == 0b100
    unit.write(4, 4, 0)
    assert unit.read(4, 4) == 0b100


def test_write_only(unit: Unit) -> None:
    unit.write(0, 4, 0xB0)
    assert unit.commands == 1
    assert unit.read(0, 4) == 0xA0
    with pytest.raises(ChipError, match="KEY is write-only"):
        unit.read(8, 4)


def test_no_register(unit: Unit) -> None:
    with pytest.raises(ChipError, match="no register is modelled at offset 0xc"):
        unit.read(12, 4)


def test_time_follows_the_clock(unit: Unit) -> None:
    unit.write(0, 4, 0xA1)
    assert unit.next_event() == 16
    unit.clock.hz = 100_000_000
    assert unit.next_event() == 100
    unit.advance(99)
    assert unit.get("CR", "RDY") == 0
    unit.advance(1)
    assert unit.get("CR", "RDY") == 1
    assert unit.next_event() is None


def test_a_flag_that_never_rises(unit: Unit) -> None:
    unit.never_ready("RDY")
    unit.write(0, 4, 0xA1)
    assert unit.next_event() is None
    with pytest.raises(ValueError, match="UNIT has no flag X; there are: RDY"):
        unit.never_ready("X")


def test_an_error_of_the_bus_has_its_address(unit: Unit) -> None:
    with pytest.raises(ChipError, match="at address 0x4000000c"):
        Bus([unit]).read(0x4000000C, 4)


@pytest.mark.parametrize("text", ["A=0 B=0", "A=3:0 B=2", "A=0/x"])
def test_a_layout_is_checked(text: str) -> None:
    with pytest.raises(ValueError, match="field"):
        parse_fields(text)
