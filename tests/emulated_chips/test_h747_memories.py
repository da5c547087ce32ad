# SPDX-License-Identifier: Apache-2.0
"""The STM32H747I-DISCO's external memories: they answer after the right start-up, and every step of it counts."""

import pytest

from tests.emulated_chips.chip.bus import ChipError
from tests.emulated_chips.driver import (
    H7_CLOCKS,
    QSPI,
    SDRAM,
    Driver,
    Step,
    command,
    h747,
    instruction,
    qspi_dummies,
    qspi_four_byte,
    qspi_map,
    qspi_pins,
    qspi_registers,
    qspi_reset,
    sdram_pins,
    sdram_registers,
    sdram_start,
)
from tests.emulated_chips.stm32.h747 import H747

CONTENT = bytes(range(1, 255)) * 40


def write(place: str, value: int) -> Step:
    return lambda d: d.write(place, value)


def change(place: str, **fields: int) -> Step:
    return lambda d: d.set(place, **fields)


def chip(d: Driver) -> H747:
    assert isinstance(d.chip, H747)
    return d.chip


def give(mode: int, refreshes: int = 1, mode_register: int = 0) -> Step:
    return lambda d: command(d, mode, refreshes, mode_register)


def wait_100us(d: Driver) -> None:
    d.pass_time(100e-6)


def test_sdram_is_accessible_after_its_last_step_only() -> None:
    d = h747().run(H7_CLOCKS)
    window = chip(d).fmc.windows[0]
    assert (window.origin, window.size) == (0xD0000000, 32 << 20)
    for step in SDRAM[len(H7_CLOCKS) :]:
        assert not window.readable()
        step(d)
    assert window.readable()
    assert window.writable()
    assert chip(d).fmc.sdclk() == 100_000_000


def test_sdram_needs_its_pins_all_the_time() -> None:
    d = h747().run(SDRAM)
    d.set("GPIOI.MODER", MODER10=0)
    assert not chip(d).fmc.accessible()


def test_sdram_at_another_kernel_clock() -> None:
    """PLL1's output Q at 200 MHz, SDCLK a third of it."""
    steps = [change("RCC.D1CCIPR", FMCSEL=1), sdram_pins, sdram_registers, change("FMC.SDCR1", SDCLK=3)]
    d = h747().run(H7_CLOCKS).run(steps)
    assert chip(d).fmc.sdclk() == 200_000_000 // 3


READY = [*H7_CLOCKS, sdram_pins, sdram_registers]
LOADED = [*READY, give(1), wait_100us, give(2), give(3, 8), give(4, mode_register=0x230)]


@pytest.mark.parametrize(("rule", "steps"), [
    (r"FMC: access while its clock is off", [write("FMC.SDCR1", 0)]),
    (r"pin PD0 \(FMC_D2\) is in analog mode", [*H7_CLOCKS, sdram_registers, give(1)]),
    (r"pin PG8 \(FMC_SDCLK\) has output speed 1", [*READY, change("GPIOG.OSPEEDR", OSPEEDR8=1), give(1)]),
    (r"a command while the controller is off", [*READY, change("FMC.BCR1", FMCEN=0), give(1)]),
    (r"to bank 2, and to it alone", [*READY, write("FMC.SDCMR", 1 | 1 << 4)]),
    (r"to bank 2, and to it alone", [*READY, write("FMC.SDCMR", 1 | 3 << 3)]),
    (r"SDCMR.MODE 5 is not modelled", [*READY, give(5)]),
    (r"clock enable while SDCR1.SDCLK is off", [*READY, change("FMC.SDCR1", SDCLK=0), give(1)]),
    (r"SDCR1.RPIPE or SDCLK is reserved", [*READY, change("FMC.SDCR1", RPIPE=3)]),
    (r"TRC is 5 clocks, the device needs 6 at 100.0 MHz", [*READY, write("FMC.SDTR1", 0x0F0F0FFF | 4 << 12 | 1 << 20),
                                                           give(1)]),
    (r"TRP is 1 clocks, the device needs 2", [*READY, write("FMC.SDTR1", 0x0F0F0FFF | 5 << 12), give(1)]),
    (r"TRAS is 4 clocks, the device needs 5", [*READY, change("FMC.SDTR2", TRAS=3), give(1)]),
    (r"TRCD is 1 clocks, the device needs 2", [*READY, change("FMC.SDTR2", TRCD=0), give(1)]),
    (r"TXSR is 6 clocks, the device needs 7", [*READY, change("FMC.SDTR2", TXSR=5), give(1)]),
    (r"TWR is 1 clocks, the device needs 2", [*READY, change("FMC.SDTR2", TWR=0), give(1)]),
    (r"TMRD is 1 clocks, the device needs 2", [*READY, change("FMC.SDTR2", TMRD=0), give(1)]),
    (r"TWR is 2 clocks, below TRAS - TRCD .* 3", [*READY, change("FMC.SDTR2", TWR=1), give(1)]),
    (r"SDCR2.NR is 0, the device needs 1", [*READY, change("FMC.SDCR2", NR=0), give(1)]),
    (r"SDCR2.MWID is 1, the device needs 2", [*READY, change("FMC.SDCR2", MWID=1), give(1)]),
    (r"SDCR2.WP is 1", [*READY, change("FMC.SDCR2", WP=1), give(1)]),
    (r"SDCR2.CAS is 1", [*READY, change("FMC.SDCR2", CAS=1), give(1)]),
    (r"precharge all while the device is off", [*READY, give(2)]),
    (r"precharge all 0.0 us after clock enable, the device needs 100 us", [*READY, give(1), give(2)]),
    (r"auto-refresh while the device is clocked", [*READY, give(1), wait_100us, give(3)]),
    (r"load mode register while the device is precharged",
     [*READY, give(1), wait_100us, give(2), give(3, 1), give(4, mode_register=0x230)]),
    (r"MRD is 0x220: the controller needs .* CAS latency 3", [*LOADED[:-1], give(4, mode_register=0x220)]),
    (r"MRD is 0x231", [*LOADED[:-1], give(4, mode_register=0x231)]),
    (r"refresh started while the device is refreshed", [*LOADED[:-1], write("FMC.SDRTR", 1542 << 1)]),
    (r"SDRTR.COUNT is 1543, at most 1542", [*LOADED, write("FMC.SDRTR", 1543 << 1)]),
    (r"SDRTR.COUNT is 40, at least 41", [*LOADED, write("FMC.SDRTR", 40 << 1)]),
    (r"SDCR2 changed after the device was started", [*LOADED, change("FMC.SDCR2", CAS=2)]),
    (r"SDTR1 changed after the device was started", [*LOADED, write("FMC.SDTR1", 0x0FFFFFFF)]),
    (r"SDCLK changes from 100.0 MHz to 50.0 MHz in use", [*LOADED, change("RCC.D1CFGR", HPRE=9)]),
    (r"FMC is clocked by PLL2R, which is not modelled", [*READY, change("RCC.D1CCIPR", FMCSEL=2), give(1)]),
    (r"SDSR written with .* changes read-only RE", [*READY, write("FMC.SDSR", 1)]),
])  # fmt: skip
def test_rules_of_the_sdram(rule: str, steps: list[Step]) -> None:
    d = h747()
    d.run(steps[:-1])
    with pytest.raises(ChipError, match=rule):
        d.run(steps[-1:])


def test_qspi_is_mapped_after_its_last_step_only() -> None:
    d = h747(CONTENT).run(H7_CLOCKS)
    window = chip(d).qspi.windows[0]
    assert window.origin == 0x90000000
    assert window.data is not None
    assert window.data[: len(CONTENT)] == CONTENT
    assert len(window.data) % 4096 == 0
    for step in QSPI[len(H7_CLOCKS) :]:
        assert not window.readable()
        step(d)
    assert window.readable()
    assert not window.writable()
    d.set("QUADSPI.CR", ABORT=1)
    d.wait("QUADSPI.CR.ABORT", 0)
    assert not window.readable()


def indirect(d: Driver, opcode: int, length: int, phases: int = 1 << 24 | 1 << 8) -> bytes:
    d.write("QUADSPI.FCR", 2)
    d.write("QUADSPI.DLR", length - 1)
    d.write("QUADSPI.CCR", 1 << 26 | phases | opcode)
    d.wait("QUADSPI.SR.TCF")
    return b"".join(d.read("QUADSPI.DR", 2).to_bytes(2, "little") for _ in range(length // 2))


CONNECTED = [*H7_CLOCKS, qspi_pins, qspi_registers]


def test_registers_of_both_dies() -> None:
    d = h747(CONTENT).run([*CONNECTED, qspi_reset])
    assert indirect(d, 0x9F, 6) == b"\x20\x20\xba\xba\x20\x20"
    assert indirect(d, 0x05, 2) == b"\0\0"
    instruction(d, 0x06)
    assert indirect(d, 0x05, 2) == b"\2\2"
    qspi_dummies(d)
    assert indirect(d, 0x85, 2) == b"\xab\xab"
    assert indirect(d, 0x70, 2) == b"\x80\x80"
    qspi_four_byte(d)
    assert indirect(d, 0x70, 2) == b"\x81\x81"
    qspi_reset(d)
    assert indirect(d, 0x85, 2) == b"\xfb\xfb"


def test_the_array_is_read_indirectly() -> None:
    d = h747(CONTENT).run(CONNECTED)
    d.write("QUADSPI.DLR", 7)
    d.write("QUADSPI.CCR", 1 << 26 | 3 << 24 | 10 << 18 | 3 << 12 | 3 << 10 | 1 << 8 | 0xEC)
    d.write("QUADSPI.AR", 20)
    assert d.read("QUADSPI.DR").to_bytes(4, "little") == CONTENT[20:24]
    assert d.read("QUADSPI.DR").to_bytes(4, "little") == CONTENT[24:28]
    assert d.field("QUADSPI.SR.BUSY") == 0


def test_a_die_in_the_quad_protocol_hears_four_lines_only() -> None:
    d = h747().run(CONNECTED)
    for die in chip(d).qspi.dies:
        die.quad = True
    qspi_reset(d)
    assert indirect(d, 0x05, 2) == b"\xff\xff"
    for opcode in (0x66, 0x99):
        d.write("QUADSPI.CCR", 3 << 8 | opcode)
        d.wait("QUADSPI.SR.BUSY", 0)
    d.pass_time(50e-6)
    assert indirect(d, 0x05, 2) == b"\0\0"
    for opcode in (0x66, 0x99):
        d.write("QUADSPI.CCR", 3 << 8 | opcode)
        d.wait("QUADSPI.SR.BUSY", 0)
    assert indirect(d, 0x9F, 2) == b"\x20\x20"


def test_automatic_polling() -> None:
    d = h747().run(CONNECTED)
    instruction(d, 0x06)
    d.set("QUADSPI.CR", APMS=1)
    d.write("QUADSPI.PSMKR", 0x0202)
    d.write("QUADSPI.PSMAR", 0x0202)
    d.write("QUADSPI.PIR", 16)
    d.write("QUADSPI.DLR", 1)
    d.write("QUADSPI.CCR", 2 << 26 | 1 << 24 | 1 << 8 | 0x05)
    d.wait("QUADSPI.SR.SMF")
    assert d.field("QUADSPI.SR.BUSY") == 0


@pytest.mark.parametrize(("flag", "place"), [("TC", "QUADSPI.SR.TCF"), ("BUSY", "QUADSPI.SR.BUSY")])
def test_a_flag_that_never_changes(flag: str, place: str) -> None:
    d = h747().run(CONNECTED)
    chip(d).qspi.never_ready(flag)
    with pytest.raises(TimeoutError, match=place):
        instruction(d, 0x06) if flag == "BUSY" else indirect(d, 0x05, 2)


def test_an_abort_that_never_ends() -> None:
    d = h747().run(QSPI)
    chip(d).qspi.never_ready("ABORT")
    d.set("QUADSPI.CR", ABORT=1)
    with pytest.raises(TimeoutError):
        d.wait("QUADSPI.CR.ABORT", 0)


def mapped(opcode: int = 0xEC, dummies: int = 10, size: int = 3, lines: int = 3) -> Step:
    return lambda d: qspi_map(d, opcode, dummies, size, lines)


def run(opcode: int) -> Step:
    return lambda d: instruction(d, opcode)


def test_other_reads_that_are_right() -> None:
    for steps in ([qspi_four_byte, mapped(0xEB)], [mapped(0x6C, 8, lines=1)], [mapped(0xEB, size=2)],
                  [lambda d: qspi_dummies(d, 0x8B), change("QUADSPI.CR", PRESCALER=2), mapped(dummies=8)]):  # fmt: skip
        d = h747().run(CONNECTED).run(steps)
        assert chip(d).qspi.accessible()


@pytest.mark.parametrize(("rule", "steps"), [
    (r"QUADSPI: access while its clock is off", [write("QUADSPI.CR", 0)]),
    (r"pin PB2 \(QUADSPI_CLK\) is in analog mode", [*H7_CLOCKS, qspi_registers, run(0x66)]),
    (r"pin PG6 \(QUADSPI_BK1_NCS\) is in alternate function 9 instead of 10",
     [*CONNECTED, change("GPIOG.AFRL", AFR6=9), run(0x66)]),
    (r"controller is off", [*CONNECTED, change("QUADSPI.CR", EN=0), run(0x66)]),
    (r"CR.DFM is 0", [*CONNECTED, change("QUADSPI.CR", DFM=0), run(0x66)]),
    (r"DCR.FSIZE is 25", [*CONNECTED, change("QUADSPI.DCR", FSIZE=25), run(0x66)]),
    (r"the clock would run at 200.0 MHz, at most 133", [*CONNECTED, change("QUADSPI.CR", PRESCALER=0), run(0x66)]),
    (r"CCR.IMODE is 0", [*CONNECTED, write("QUADSPI.CCR", 0x66)]),
    (r"read 0xec with the instruction on 4 lines", [*CONNECTED, write("QUADSPI.CCR", 0xF283FEC)]),
    (r"CCR: DDR", [*CONNECTED, write("QUADSPI.CCR", 1 << 31 | 1 << 8 | 0x66)]),
    (r"RESET MEMORY \(0x99\) without RESET ENABLE", [*CONNECTED, run(0x99)]),
    (r"RESET MEMORY \(0x99\) without RESET ENABLE", [*CONNECTED, run(0x66), run(0x06), run(0x99)]),
    (r"while the die recovers from its reset", [*CONNECTED, run(0x66), run(0x99), run(0x06)]),
    (r"instruction 0xc7 is not modelled", [*CONNECTED, run(0xC7)]),
    (r"VOLATILE CONFIGURATION without WRITE ENABLE",
     [*CONNECTED, write("QUADSPI.DLR", 1), write("QUADSPI.CCR", 1 << 24 | 1 << 8 | 0x81),
      lambda d: d.write("QUADSPI.DR", 0xABAB, 2)]),
    (r"volatile configuration 0xa3: bits 3 to 0 have to be 1011", [*CONNECTED, lambda d: qspi_dummies(d, 0xA3)]),
    (r"DR: 4 bytes written, DLR says 2",
     [*CONNECTED, run(6), write("QUADSPI.DLR", 1), write("QUADSPI.CCR", 1 << 24 | 1 << 8 | 0x81),
      write("QUADSPI.DR", 0xABABABAB)]),
    (r"DR written outside of an indirect write", [*CONNECTED, write("QUADSPI.DR", 1)]),
    (r"DR read outside of an indirect read", [*CONNECTED, lambda d: d.read("QUADSPI.DR")]),
    (r"expects 4, 4, 10 and 4", [*CONNECTED, mapped(dummies=8)]),
    (r"expects 4, 4, 8 and 4", [*CONNECTED, lambda d: qspi_dummies(d, 0x8B), mapped()]),
    (r"expects 3, 4, 10 and 4", [*CONNECTED, mapped(0xEB)]),
    (r"expects 4, 4, 10 and 4", [*CONNECTED, qspi_four_byte, mapped(0xEB, size=2)]),
    (r"with 4 address bytes on 1 lines", [*CONNECTED, mapped(lines=1)]),
    (r"opcode 0xee is not a read", [*CONNECTED, mapped(0xEE)]),
    (r"with 4 dummy cycles at 100.0 MHz, at most 69 MHz", [*CONNECTED, lambda d: qspi_dummies(d, 0x4B),
                                                          mapped(dummies=4)]),
    (r"CCR written while SR.BUSY is 1", [*QSPI, run(0x66)]),
    (r"DCR changed while SR.BUSY is 1", [*QSPI, change("QUADSPI.DCR", CSHT=1)]),
    (r"PRESCALER\) changed while SR.BUSY is 1", [*QSPI, change("QUADSPI.CR", PRESCALER=3)]),
    (r"CR: DMA and interrupts", [*CONNECTED, change("QUADSPI.CR", TCIE=1)]),
    (r"more than 32 bytes are not modelled",
     [*CONNECTED, write("QUADSPI.DLR", 63), write("QUADSPI.CCR", 1 << 26 | 1 << 24 | 1 << 8 | 0x05)]),
    (r"QSPI is clocked by PLL2R", [*CONNECTED, change("RCC.D1CCIPR", QSPISEL=2), run(0x66)]),
])  # fmt: skip
def test_rules_of_the_qspi_flash(rule: str, steps: list[Step]) -> None:
    d = h747()
    d.run(steps[:-1])
    with pytest.raises(ChipError, match=rule):
        d.run(steps[-1:])


def test_sdram_start_is_what_the_rules_assume() -> None:
    d = h747().run([*READY, sdram_start])
    assert chip(d).fmc.accessible()
