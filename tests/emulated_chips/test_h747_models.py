# SPDX-License-Identifier: Apache-2.0
"""The STM32H747's clocks, supply, flash interface and USART: RM0399's start-up works, each deviation is an error."""

import pytest

from tests.emulated_chips.chip.bus import ChipError
from tests.emulated_chips.driver import (
    H7_ALL,
    H7_CLOCKS,
    Driver,
    Step,
    h7_console,
    h7_dividers,
    h7_oscillator,
    h7_pins,
    h7_pll,
    h7_supply,
    h7_switch,
    h7_wait_states,
    h747,
)
from tests.emulated_chips.stm32.h747 import H747

FRAME = 10 / 115200
DIVR = 159 | 1 << 9 | 3 << 16 | 1 << 24


def write(place: str, value: int) -> Step:
    return lambda d: d.write(place, value)


def change(place: str, **fields: int) -> Step:
    return lambda d: d.set(place, **fields)


def send(d: Driver, data: bytes) -> None:
    for byte in data:
        d.wait("USART1.ISR.TXE")
        d.write("USART1.TDR", byte)


def receive_a_byte(d: Driver) -> None:
    d.chip.console.receive(b"A")
    d.pass_time(2 * FRAME)


def start_pll(**configuration: int) -> list[Step]:
    """HSE and a PLL1 that differs from the right one in some fields of PLLCFGR, PLLCKSELR or PLL1DIVR."""
    given = {"PLLSRC": 2, "DIVM1": 5, "PLL1RGE": 2, "PLL1VCOSEL": 0, "DIVN1": 159, "DIVP1": 1} | configuration
    places = {
        "RCC.PLLCKSELR": ("PLLSRC", "DIVM1"),
        "RCC.PLLCFGR": ("PLL1RGE", "PLL1VCOSEL", "PLL1FRACEN", "DIVP1EN"),
        "RCC.PLL1DIVR": ("DIVN1", "DIVP1"),
        "RCC.PLL1FRACR": ("FRACN1",),
    }
    steps: list[Step] = [h7_supply, h7_oscillator]
    steps += [
        change(place, **{name: given[name] for name in names if name in given}) for place, names in places.items()
    ]
    return [*steps, change("RCC.CR", PLL1ON=1)]


def test_from_reset_to_a_console() -> None:
    d = h747().run(H7_ALL)
    chip = d.chip
    assert isinstance(chip, H747)
    assert chip.clock.hz == 400_000_000
    assert (chip.rcc.hclk(), chip.rcc.apb(1), chip.rcc.apb(2)) == (200_000_000, 100_000_000, 100_000_000)
    assert abs(chip.console.baud() / 115200 - 1) < 0.01
    send(d, b"hello")
    d.wait("USART1.ISR.TC")
    assert chip.console.sent == b"hello"
    chip.console.receive(b"A")
    d.wait("USART1.ISR.RXNE")
    assert d.read("USART1.RDR") == 65


def test_fifos_hold_sixteen_bytes() -> None:
    d = h747().run(H7_CLOCKS).run([h7_pins, h7_console, change("USART1.CR1", UE=0), change("USART1.CR1", FIFOEN=1)])
    d.set("USART1.CR1", UE=1)
    d.wait("USART1.ISR.TEACK")
    d.pass_time(2 * FRAME)
    for byte in range(17):
        assert d.field("USART1.ISR.TXE") == 1
        d.write("USART1.TDR", byte)
    assert d.field("USART1.ISR.TXE") == 0
    d.wait("USART1.ISR.TXFE")
    d.wait("USART1.ISR.TC")
    assert d.chip.console.sent == bytes(range(17))
    d.chip.console.receive(bytes(range(17)))
    d.pass_time(18 * FRAME)
    assert d.field("USART1.ISR.ORE") == 1
    assert [d.read("USART1.RDR") for _ in range(16)] == list(range(16))
    d.write("USART1.ICR", 1 << 3)
    assert d.field("USART1.ISR.ORE") == 0


def test_a_byte_waits_for_the_transmitter() -> None:
    d = h747().run([*CONSOLE_OFF, change("USART1.CR1", UE=1, TE=1), write("USART1.TDR", 65)])
    d.pass_time(1.5 * FRAME)
    assert d.chip.console.sent == b""
    d.pass_time(FRAME)
    assert d.chip.console.sent == b"A"


def test_an_overrun_without_fifo() -> None:
    d = h747().run(H7_ALL)
    d.chip.console.receive(b"ab")
    d.pass_time(3 * FRAME)
    assert d.chip.console.overruns == 1
    assert d.read("USART1.RDR") == ord("a")


def test_interrupts_are_levels() -> None:
    d = h747().run(H7_ALL)
    d.set("USART1.CR1", RXNEIE=1)
    assert d.bus.irqs() == set()
    receive_a_byte(d)
    assert d.bus.irqs() == {37}
    d.write("USART1.RQR", 8)
    assert d.bus.irqs() == set()


def test_prescaler_and_oversampling() -> None:
    d = h747().run(H7_CLOCKS).run([h7_pins, h7_console])
    d.set("USART1.CR1", UE=0)
    d.set("USART1.PRESC", PRESCALER=2)
    d.set("USART1.CR1", OVER8=1)
    divider = round(2 * 25e6 / 115200)
    d.write("USART1.BRR", divider & 0xFFF0 | divider >> 1 & 7)
    assert abs(d.chip.console.baud() / 115200 - 1) < 0.01


def test_the_kernel_clock_can_be_the_hsi() -> None:
    d = h747().run(H7_ALL)
    assert isinstance(d.chip, H747)
    d.set("RCC.D2CCIP2R", USART16SEL=3)
    assert d.chip.rcc.usart1() == 64_000_000


def test_the_supply_configuration_outlives_a_reset() -> None:
    d = h747().run(H7_ALL)
    d.bus.reset()
    assert d.chip.clock.hz == 64_000_000
    assert d.field("PWR.CR3.LDOEN") == 0
    d.run(H7_ALL)
    assert d.chip.clock.hz == 400_000_000


def test_the_compensation_cell() -> None:
    d = h747()
    d.set("RCC.CR", CSION=1)
    d.wait("RCC.CR.CSIRDY")
    d.enable("RCC.APB4ENR.SYSCFGEN")
    d.set("SYSCFG.CCCSR", EN=1)
    assert d.field("SYSCFG.CCCSR.READY") == 0
    d.wait("SYSCFG.CCCSR.READY")


def test_identity() -> None:
    assert h747().field("DBGMCU.IDCODE.DEV_ID") == 0x450


@pytest.mark.parametrize(("flag", "unit", "place"), [
    ("HSE", "rcc", "RCC.CR.HSERDY"),
    ("PLL1", "rcc", "RCC.CR.PLL1RDY"),
    ("SWS", "rcc", "RCC.CFGR.SWS"),
    ("ACTVOS", "pwr", "PWR.CSR1.ACTVOSRDY"),
    ("VOS", "pwr", "PWR.D3CR.VOSRDY"),
    ("TEACK", "console", "USART1.ISR.TEACK"),
    ("REACK", "console", "USART1.ISR.REACK"),
])  # fmt: skip
def test_a_flag_that_never_rises(flag: str, unit: str, place: str) -> None:
    d = h747()
    getattr(d.chip, unit).never_ready(flag)
    with pytest.raises(TimeoutError, match=place):
        d.run(H7_ALL)


NO_VOLTAGE: list[Step] = [change("PWR.CR3", LDOEN=0), lambda d: d.wait("PWR.CSR1.ACTVOSRDY"), h7_oscillator, h7_pll,
                          h7_dividers, h7_wait_states, h7_switch]  # fmt: skip
NO_DIVIDERS: list[Step] = [h7_supply, h7_oscillator, h7_pll, h7_wait_states, h7_switch]
NO_APB: list[Step] = [h7_supply, h7_oscillator, h7_pll, change("RCC.D1CFGR", HPRE=8), h7_wait_states, h7_switch]
SLOW_FLASH: list[Step] = [h7_supply, h7_oscillator, h7_pll, h7_dividers, change("FLASH.ACR", LATENCY=1), h7_switch]
NO_DELAY: list[Step] = [h7_supply, h7_oscillator, h7_pll, h7_dividers, change("FLASH.ACR", LATENCY=2, WRHIGHFREQ=1),
                        lambda d: d.read("FLASH.ACR"), h7_switch]  # fmt: skip
UNCONFIRMED: list[Step] = [h7_supply, change("FLASH.ACR", LATENCY=1, WRHIGHFREQ=1), h7_oscillator, h7_pll, h7_dividers,
                           change("FLASH.ACR", LATENCY=2, WRHIGHFREQ=2), h7_switch]  # fmt: skip
UNSUPPLIED: list[Step] = [h7_oscillator, h7_pll, h7_dividers, h7_wait_states, h7_switch]
CONSOLE_OFF: list[Step] = [h7_pins, lambda d: d.enable("RCC.APB2ENR.USART1EN"), write("USART1.BRR", 556)]
RUNNING: list[Step] = [*CONSOLE_OFF, change("USART1.CR1", UE=1, TE=1, RE=1), lambda d: d.wait("USART1.ISR.TEACK"),
                       lambda d: d.pass_time(2 * FRAME)]  # fmt: skip


@pytest.mark.parametrize(("rule", "steps"), [
    (r"PWR: CR3 selects supply 0x2, but the board's core is on the step-down", [change("PWR.CR3", SDEN=0)]),
    (r"PWR: CR3: the supply configuration can be written once", [h7_supply, change("PWR.CR3", LDOEN=1)]),
    (r"D3CR.VOS changed before the supply is configured", [change("PWR.D3CR", VOS=3)]),
    (r"D3CR.VOS is 0", [h7_supply, change("PWR.D3CR", VOS=0)]),
    (r"VOS0 \(SYSCFG_PWRCR.ODEN\) needs the LDO", [h7_supply, lambda d: d.enable("RCC.APB4ENR.SYSCFGEN"),
                                                   change("SYSCFG.PWRCR", ODEN=1)]),
    (r"SYSCFG: access while its clock is off", [write("SYSCFG.PWRCR", 1)]),
    (r"CCCSR.EN set while the CSI", [lambda d: d.enable("RCC.APB4ENR.SYSCFGEN"), change("SYSCFG.CCCSR", EN=1)]),
    (r"CCCSR.HSLV is for supplies below 2.7 V", [lambda d: d.enable("RCC.APB4ENR.SYSCFGEN"),
                                                change("SYSCFG.CCCSR", HSLV=1)]),
    (r"PWR: CR1 written with .* changes reserved bit 28", [write("PWR.CR1", 0xC000)]),
    (r"SYSCLK switched before the supply is configured", UNSUPPLIED),
    (r"the core would run at 400.0 MHz, at most 200 MHz at voltage scale 3", NO_VOLTAGE),
    (r"HCLK would run at 400.0 MHz, at most 200 MHz at voltage scale 1", NO_DIVIDERS),
    (r"PCLK1 would run at 200.0 MHz, at most 100 MHz", NO_APB),
    (r"the core would run at 400.0 MHz, at most 300 MHz at voltage scale 2", [*H7_CLOCKS, change("PWR.D3CR", VOS=2)]),
    (r"FLASH: ACR.LATENCY is 1, an AXI clock of 200.0 MHz at voltage scale 1 needs 2", SLOW_FLASH),
    (r"FLASH: ACR.WRHIGHFREQ is 1, an AXI clock of 200.0 MHz at voltage scale 1 needs 2", NO_DELAY),
    (r"FLASH: ACR was not read back to see that LATENCY is in effect", UNCONFIRMED),
    (r"FLASH: ACR.LATENCY is 1", [*H7_CLOCKS, change("FLASH.ACR", LATENCY=1)]),
    (r"FLASH: CR1 written while it is locked", [change("FLASH.CR1", PG1=1)]),
    (r"FLASH: KEYR1 written with .* out of order", [write("FLASH.KEYR1", 1)]),
    (r"CR.PLL1ON set while its source \(HSE\) is not ready", [change("RCC.PLLCKSELR", PLLSRC=2),
                                                            change("RCC.CR", PLL1ON=1)]),
    (r"CR.PLL1ON set while its source \(none", [change("RCC.PLLCKSELR", PLLSRC=3), change("RCC.CR", PLL1ON=1)]),
    (r"PLL1's input is 5.000 MHz, PLL1RGE says 8 to 16", start_pll(PLL1RGE=3)),
    (r"PLL1VCOSEL does not fit", start_pll(PLL1VCOSEL=1, DIVN1=79)),
    (r"PLL1VCOSEL does not fit", start_pll(DIVM1=25, PLL1RGE=0, DIVN1=399)),
    (r"VCO would run at 1000.0 MHz, not 192 to 960", start_pll(DIVN1=199)),
    (r"DIVP1 gives an odd divider", start_pll(DIVP1=2)),
    (r"fractional division", start_pll(PLL1FRACEN=1, FRACN1=1)),
    (r"PLLCKSELR changed while PLL1 is on", [*H7_CLOCKS, change("RCC.PLLCKSELR", DIVM1=10)]),
    (r"PLLCFGR changed while PLL1 is on", [*H7_CLOCKS, change("RCC.PLLCFGR", DIVQ1EN=0)]),
    (r"PLL1DIVR changed while PLL1 is on", [*H7_CLOCKS, change("RCC.PLL1DIVR", DIVN1=100)]),
    (r"CFGR.SW selects the PLL1, which is not ready", [h7_supply, change("RCC.CFGR", SW=3)]),
    (r"output P is off", [*start_pll(DIVP1EN=0), lambda d: d.wait("RCC.CR.PLL1RDY"), h7_switch]),
    (r"CFGR.SW is 5, which is reserved", [change("RCC.CFGR", SW=5)]),
    (r"CR.HSEON cleared while PLL1 runs from it", [*H7_CLOCKS, change("RCC.CR", HSEON=0)]),
    (r"CR.HSION cleared while SYSCLK runs from it", [change("RCC.CR", HSION=0)]),
    (r"CR.PLL1ON cleared while SYSCLK", [*H7_CLOCKS, change("RCC.CR", PLL1ON=0)]),
    (r"CR.PLL2ON is not modelled", [change("RCC.CR", PLL2ON=1)]),
    (r"changes read-only D1CKRDY", [write("RCC.CR", 0x8025)]),
    (r"GPIOA: access while its clock is off", [write("GPIOA.MODER", 0)]),
    (r"USART1: access while its clock is off", [write("USART1.BRR", 1)]),
    (r"BRR changed while the USART is enabled", [*RUNNING, write("USART1.BRR", 100)]),
    (r"PRESC changed while the USART is enabled", [*RUNNING, write("USART1.PRESC", 1)]),
    (r"CR2 changed while the USART is enabled", [*RUNNING, change("USART1.CR2", STOP=2)]),
    (r"CR1 \(M, PCE.* changed while the USART is enabled", [*RUNNING, change("USART1.CR1", FIFOEN=1)]),
    (r"TDR written while the transmitter is off", [*CONSOLE_OFF, write("USART1.TDR", 65)]),
    (r"TDR written while TXE/TXFNF is 0", [*RUNNING, *[write("USART1.TDR", 65)] * 3]),
    (r"switched off while it sends", [*RUNNING, write("USART1.TDR", 65), change("USART1.CR1", UE=0)]),
    (r"ISR written with .* changes read-only RXNE", [*RUNNING, write("USART1.ISR", 1 << 5)]),
    (r"ICR is write-only", [*RUNNING, lambda d: d.read("USART1.ICR")]),
    (r"RDR does not allow accesses of 1 bytes", [*RUNNING, lambda d: d.read("USART1.RDR", 1)]),
    (r"CR3: only EIE, ONEBIT", [*RUNNING, change("USART1.CR3", DMAT=1)]),
    (r"runs at 114286 baud .* the line at 57600",
     [*CONSOLE_OFF[:-1], write("USART1.BRR", 560), change("USART1.CR1", UE=1, RE=1),
      lambda d: setattr(d.chip.console, "rate", 57600), receive_a_byte]),
    (r"the format is not 8 bits", [*CONSOLE_OFF, change("USART1.CR1", M0=1), change("USART1.CR1", UE=1, RE=1),
                                  receive_a_byte]),
    (r"pin PA9 \(USART1_TX\) is in analog mode", [*RUNNING, change("GPIOA.MODER", MODER9=3), write("USART1.TDR", 65)]),
    (r"pin PA10 \(USART1_RX\) is in alternate function 4 instead of 7",
     [*RUNNING, change("GPIOA.AFRH", AFR10=4), receive_a_byte]),
    (r"USART1 is clocked by PLL2Q, which is not modelled", [*RUNNING, change("RCC.D2CCIP2R", USART16SEL=1),
                                                           receive_a_byte]),
    (r"USART1 is clocked by the CSI, which is off", [*RUNNING, change("RCC.D2CCIP2R", USART16SEL=4), receive_a_byte]),
])  # fmt: skip
def test_rules(rule: str, steps: list[Step]) -> None:
    d = h747()
    d.run(steps[:-1])
    with pytest.raises(ChipError, match=rule):
        d.run(steps[-1:])
