# SPDX-License-Identifier: Apache-2.0
"""The STM32F412's models: the start-up that RM0402 prescribes works, each deviation from it is an error."""

import pytest

from tests.emulated_chips.chip.bus import ChipError
from tests.emulated_chips.driver import (
    F4_ALL,
    F4_CLOCKS,
    Driver,
    Step,
    f4_console,
    f4_pins,
    f4_pll,
    f4_switch,
    f4_voltage,
    f4_wait_states,
    f412,
)
from tests.emulated_chips.stm32.f412 import F412

FRAME = 10 / 115200


def send(d: Driver, data: bytes) -> None:
    for byte in data:
        d.wait("USART3.SR.TXE")
        d.write("USART3.DR", byte)


def write(place: str, value: int, size: int = 4) -> Step:
    return lambda d: d.write(place, value, size)


def change(place: str, **fields: int) -> Step:
    return lambda d: d.set(place, **fields)


def receive_a_byte(d: Driver) -> None:
    d.chip.console.receive(b"A")
    d.pass_time(2 * FRAME)


def test_from_reset_to_a_console() -> None:
    d = f412().run(F4_ALL)
    chip = d.chip
    assert isinstance(chip, F412)
    assert (chip.clock.hz, chip.rcc.pclk1(), chip.rcc.pclk2()) == (100_000_000, 50_000_000, 100_000_000)
    assert abs(chip.console.baud() / 115200 - 1) < 0.01
    send(d, b"hello")
    d.wait("USART3.SR.TC")
    assert chip.console.sent == b"hello"


def test_a_byte_takes_ten_bits() -> None:
    d = f412().run(F4_ALL)
    d.pass_time(2 * FRAME)
    start = d.chip.console.now
    send(d, b"x")
    d.wait("USART3.SR.TC")
    assert (d.chip.console.now - start) / 1e12 == pytest.approx(FRAME, rel=0.01)


def test_bytes_arrive_at_the_rate_of_the_line() -> None:
    d = f412().run(F4_ALL)
    d.chip.console.receive(b"ok!")
    got = bytearray()
    start = d.chip.console.now
    while len(got) < 3:
        d.wait("USART3.SR.RXNE")
        got.append(d.read("USART3.DR"))
    assert got == b"ok!"
    assert (d.chip.console.now - start) / 1e12 == pytest.approx(3 * FRAME, rel=0.01)
    assert d.chip.console.in_flight() == 0


def test_an_overrun_loses_the_second_byte() -> None:
    d = f412().run(F4_ALL)
    d.chip.console.receive(b"ab")
    d.pass_time(3 * FRAME)
    assert d.field("USART3.SR.ORE") == 1
    assert d.read("USART3.DR") == ord("a")
    assert d.field("USART3.SR.ORE") == 0
    assert d.chip.console.overruns == 1


def test_bytes_are_lost_while_the_receiver_is_off() -> None:
    d = f412()
    d.chip.console.receive(b"ab")
    d.pass_time(3 * FRAME)
    assert d.chip.console.lost == 2


def test_interrupts_are_levels() -> None:
    d = f412().run(F4_ALL)
    assert d.bus.irqs() == set()
    d.set("USART3.CR1", RXNEIE=1)
    receive_a_byte(d)
    assert d.bus.irqs() == {39}
    d.read("USART3.DR")
    assert d.bus.irqs() == set()
    d.set("USART3.CR1", RXNEIE=0, TXEIE=1)
    assert d.bus.irqs() == {39}


def test_oscillators_and_pll_take_their_time() -> None:
    d = f412().run([f4_voltage])
    d.set("RCC.CR", HSEBYP=1)
    d.set("RCC.CR", HSEON=1)
    start = d.chip.rcc.now
    d.wait("RCC.CR.HSERDY")
    assert 1.9e9 < d.chip.rcc.now - start < 2.1e9
    start = d.chip.rcc.now
    f4_pll(d)
    assert 0.2e9 < d.chip.rcc.now - start < 0.3e9


def test_pins() -> None:
    d = f412()
    assert isinstance(d.chip, F412)
    d.enable("RCC.AHB1ENR.GPIOBEN")
    assert d.read("GPIOB.MODER") == 0x280
    d.set("GPIOB.MODER", MODER7=1)
    d.write("GPIOB.BSRR", 1 << 7)
    assert d.field("GPIOB.IDR.IDR7") == 1
    d.write("GPIOB.BSRR", 1 << 23)
    assert d.field("GPIOB.ODR.ODR7") == 0
    d.chip.gpio["B"].inputs[0] = 1
    assert d.field("GPIOB.IDR.IDR0") == 1


def test_identity_and_reset_flags() -> None:
    d = f412()
    assert d.field("DBGMCU.IDCODE.DEV_ID") == 0x441
    assert d.field("RCC.CSR.PORRSTF") == 1
    d.set("RCC.CSR", RMVF=1)
    assert d.read("RCC.CSR") == 0


def test_a_reset_bit_resets_the_peripheral() -> None:
    d = f412().run(F4_ALL)
    d.set("RCC.APB1RSTR", USART3RST=1)
    d.set("RCC.APB1RSTR", USART3RST=0)
    assert d.read("USART3.BRR") == 0


def test_flash_unlock() -> None:
    d = f412()
    d.write("FLASH.KEYR", 0x45670123)
    d.write("FLASH.KEYR", 0xCDEF89AB)
    assert d.field("FLASH.CR.LOCK") == 0
    d.set("FLASH.CR", LOCK=1)
    assert d.field("FLASH.CR.LOCK") == 1


@pytest.mark.parametrize(("flag", "unit", "steps", "place"), [
    ("PLL", "rcc", [f4_voltage, f4_wait_states, f4_pll], "RCC.CR.PLLRDY"),
    ("VOS", "pwr", [f4_voltage, f4_wait_states, f4_pll], "PWR.CSR.VOSRDY"),
    ("SWS", "rcc", F4_CLOCKS, "RCC.CFGR.SWS"),
    ("HSE", "rcc", [change("RCC.CR", HSEBYP=1), change("RCC.CR", HSEON=1), lambda d: d.wait("RCC.CR.HSERDY")],
     "RCC.CR.HSERDY"),
])  # fmt: skip
def test_a_flag_that_never_rises(flag: str, unit: str, steps: list[Step], place: str) -> None:
    d = f412()
    getattr(d.chip, unit).never_ready(flag)
    with pytest.raises(TimeoutError, match=place):
        d.run(steps)


def test_the_board_has_no_crystal() -> None:
    """OSC_IN gets the ST-LINK's clock: without HSEBYP the HSE never becomes ready."""
    d = f412()
    d.set("RCC.CR", HSEON=1)
    with pytest.raises(TimeoutError):
        d.wait("RCC.CR.HSERDY")


NO_APB_DIVIDER = [f4_voltage, f4_wait_states, f4_pll, change("RCC.CFGR", SW=2)]
UNCONFIRMED = [f4_voltage, change("FLASH.ACR", LATENCY=3), f4_pll, f4_switch]
SLOW_FLASH = [f4_voltage, change("FLASH.ACR", LATENCY=2), lambda d: d.read("FLASH.ACR"), f4_pll, f4_switch]
LOW_VOLTAGE = [f4_voltage, change("PWR.CR", VOS=2), f4_wait_states, f4_pll, f4_switch]
EARLY = [f4_voltage, f4_wait_states, change("RCC.PLLCFGR", PLLM=8, PLLN=100), change("RCC.CR", PLLON=1),
         lambda d: d.wait("RCC.CR.PLLRDY"), f4_switch]  # fmt: skip
AT_HSI = [f4_pins, change("RCC.APB1ENR", USART3EN=1), lambda d: d.read("RCC.APB1ENR")]
CONSOLE_AT_HSI: list[Step] = [*AT_HSI, write("USART3.BRR", 139), change("USART3.CR1", UE=1, TE=1, RE=1)]
LOADED = [*CONSOLE_AT_HSI, lambda d: d.pass_time(2 * FRAME), write("USART3.DR", 1), write("USART3.DR", 2)]


@pytest.mark.parametrize(("rule", "steps"), [
    (r"RCC: CR written with .* changes read-only HSIRDY", [write("RCC.CR", 1 << 16 | 0x81)]),
    (r"changes reserved bit 20", [write("RCC.CR", 1 << 20 | 0x83)]),
    (r"RCC: CR.PLLON set before its source HSE is ready", [change("RCC.PLLCFGR", PLLSRC=1), change("RCC.CR", PLLON=1)]),
    (r"PLLCFGR: M=1 ", [change("RCC.PLLCFGR", PLLM=1), change("RCC.CR", PLLON=1)]),
    (r"the PLL's input is 0.500 MHz", [change("RCC.PLLCFGR", PLLM=32), change("RCC.CR", PLLON=1)]),
    (r"the VCO would run at 864.0 MHz", [change("RCC.PLLCFGR", PLLM=8, PLLN=432), change("RCC.CR", PLLON=1)]),
    (r"the PLL's output is 108.0 MHz", [change("RCC.PLLCFGR", PLLM=8, PLLN=108), change("RCC.CR", PLLON=1)]),
    (r"PLLCFGR changed while the PLL is on", [f4_voltage, f4_pll, change("RCC.PLLCFGR", PLLN=50)]),
    (r"CFGR.SW selects the PLL, which is not ready", [change("RCC.CFGR", SW=2)]),
    (r"CFGR.SW selects the HSE, which is not ready", [change("RCC.CFGR", SW=1)]),
    (r"CFGR.SW is 3", [change("RCC.CFGR", SW=3)]),
    (r"CR.HSION cleared while SYSCLK", [change("RCC.CR", HSION=0)]),
    (r"CR.HSION cleared while the PLL", [*F4_CLOCKS, change("RCC.CR", HSION=0)]),
    (r"CR.PLLON cleared while SYSCLK", [*F4_CLOCKS, change("RCC.CR", PLLON=0)]),
    (r"CR.HSEBYP changed while the HSE is on", [change("RCC.CR", HSEON=1), change("RCC.CR", HSEBYP=1)]),
    (r"CR.PLLI2SON is not modelled", [change("RCC.CR", PLLI2SON=1)]),
    (r"PCLK1 would run at 100.0 MHz, at most 50 MHz", NO_APB_DIVIDER),
    (r"FLASH: ACR.LATENCY is 2, HCLK of 100.0 MHz needs 3", SLOW_FLASH),
    (r"FLASH: ACR.LATENCY is 2, HCLK of 100.0 MHz needs 3", [*F4_CLOCKS, change("FLASH.ACR", LATENCY=2)]),
    (r"HCLK raised before ACR was read back", UNCONFIRMED),
    (r"ACR: a cache is reset while it is enabled", [change("FLASH.ACR", ICEN=1), change("FLASH.ACR", ICRST=1)]),
    (r"PWR: HCLK of 100.0 MHz at voltage scale 2 \(VOSRDY 1\), which allows 84 MHz", LOW_VOLTAGE),
    (r"at voltage scale 3 \(VOSRDY 0\), which allows 64 MHz", EARLY),
    (r"PWR: CR.VOS changed while the PLL is on", [f4_voltage, f4_pll, change("PWR.CR", VOS=2)]),
    (r"PWR: CR.VOS is 0", [f4_voltage, change("PWR.CR", VOS=0)]),
    (r"PWR: access while its clock is off", [change("PWR.CR", VOS=3)]),
    (r"GPIOD: access while its clock is off", [write("GPIOD.MODER", 0)]),
    (r"GPIOD: PUPDR8 is 3", [f4_pins, change("GPIOD.PUPDR", PUPDR8=3)]),
    (r"GPIOD: IDR written with .* changes read-only IDR0", [f4_pins, write("GPIOD.IDR", 1)]),
    (r"GPIOD: BSRR is write-only", [f4_pins, lambda d: d.read("GPIOD.BSRR")]),
    (r"no register is modelled at offset 0x84", [lambda d: d.bus.read(0x40023884, 4)]),
    (r"not modelled, at address 0x40001000", [lambda d: d.bus.read(0x40001000, 4)]),
    (r"FLASH: CR written while it is locked", [change("FLASH.CR", PG=1)]),
    (r"FLASH: KEYR written with 0x00000000 out of order", [write("FLASH.KEYR", 0)]),
    (r"FLASH: KEYR is write-only", [lambda d: d.read("FLASH.KEYR")]),
    (r"USART3: access while its clock is off", [write("USART3.BRR", 1)]),
    (r"USART3: accessed while RCC_APB1RSTR.USART3RST holds it in reset",
     [*AT_HSI, change("RCC.APB1RSTR", USART3RST=1), write("USART3.BRR", 139)]),
    (r"USART3: DR does not allow accesses of 1 bytes", [*CONSOLE_AT_HSI, write("USART3.DR", 65, 1)]),
    (r"DR written while the transmitter is off", [*AT_HSI, write("USART3.BRR", 139), write("USART3.DR", 65)]),
    (r"DR written while TXE is 0", [*LOADED, write("USART3.DR", 3)]),
    (r"switched off while it sends", [*LOADED, change("USART3.CR1", UE=0)]),
    (r"runs at 117647 baud", [*CONSOLE_AT_HSI, write("USART3.BRR", 136), write("USART3.DR", 65),
                              lambda d: d.pass_time(2 * FRAME)]),
    (r"runs at 115108 baud \(16.000 MHz, BRR 0x8b\), the line at 57600",
     [*CONSOLE_AT_HSI, lambda d: setattr(d.chip.console, "rate", 57600), receive_a_byte]),
    (r"the baud rate divider is not set, or reserved", [*CONSOLE_AT_HSI, write("USART3.BRR", 0), receive_a_byte]),
    (r"the format is not 8 bits", [*CONSOLE_AT_HSI, change("USART3.CR1", PCE=1), receive_a_byte]),
    (r"the format is not 8 bits", [*CONSOLE_AT_HSI, change("USART3.CR2", STOP=2), receive_a_byte]),
    (r"CR2: synchronous mode and LIN", [*AT_HSI, change("USART3.CR2", CLKEN=1)]),
    (r"CR3: DMA", [*AT_HSI, change("USART3.CR3", DMAT=1)]),
    (r"CR1.SBK and RWU", [*AT_HSI, change("USART3.CR1", RWU=1)]),
    (r"pin PD9 \(USART3_RX\) is in input mode instead of alternate function 7",
     [*CONSOLE_AT_HSI, change("GPIOD.MODER", MODER9=0), receive_a_byte]),
    (r"pin PD8 \(USART3_TX\) is in alternate function 8 instead of 7",
     [*CONSOLE_AT_HSI, change("GPIOD.AFRH", AFR8=8), write("USART3.DR", 65), lambda d: d.pass_time(2 * FRAME)]),
])  # fmt: skip
def test_rules(rule: str, steps: list[Step]) -> None:
    d = f412()
    d.run(steps[:-1])
    with pytest.raises(ChipError, match=rule):
        d.run(steps[-1:])


def test_a_clock_enable_takes_two_cycles() -> None:
    d = f412()
    enable, port = 0x40023830, 0x40020C00
    d.bus.write(enable, 4, 1 << 3)
    with pytest.raises(ChipError, match=r"GPIOD: accessed before the clock enable RCC_AHB1ENR.GPIODEN took effect"):
        d.bus.read(port, 4)
    d.bus.read(enable, 4)
    assert d.bus.read(port, 4) == 0


def test_oversampling_by_8() -> None:
    d = f412().run(F4_CLOCKS).run([f4_pins, f4_console, change("USART3.CR1", UE=0)])
    d.set("USART3.CR1", OVER8=1, UE=1)
    divider = round(2 * 50e6 / 115200)
    d.write("USART3.BRR", divider & ~15 | divider >> 1 & 7)
    assert abs(d.chip.console.baud() / 115200 - 1) < 0.01
    d.write("USART3.BRR", 0x368)
    assert d.chip.console.baud() == 0
