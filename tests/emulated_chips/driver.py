# SPDX-License-Identifier: Apache-2.0
"""Programs for the peripheral models without a CPU: accesses by name, and the start-up sequences of the manuals."""

from __future__ import annotations

from collections.abc import Callable

from tests.emulated_chips.chip.bus import Bus, Peripheral
from tests.emulated_chips.stm32.f412 import F412, make_f412
from tests.emulated_chips.stm32.h747 import H747, make_h747
from tests.emulated_chips.stm32.registers import Registers

Step = Callable[["Driver"], object]


class Driver:
    """Accesses the registers of a chip through its bus, 10 core cycles each.

    A place is written `RCC.CR`, a field `RCC.CR.HSEON`.
    """

    def __init__(self, chip: F412 | H747) -> None:
        self.chip = chip
        self.bus = Bus(chip.peripherals)
        self._by_name: dict[str, Peripheral] = {one.name: one for one in chip.peripherals}

    def _address(self, place: str) -> tuple[Registers, str, int]:
        name, register = place.split(".")[:2]
        one = self._by_name[name]
        assert isinstance(one, Registers)
        return one, register, one.base + one._named[register].offset

    def read(self, place: str, size: int = 4) -> int:
        self.bus.advance(10)
        return self.bus.read(self._address(place)[2], size)

    def field(self, place: str) -> int:
        one, register, _ = self._address(place)
        part = one._named[register].by_name[place.split(".")[2]]
        return (self.read(place) & part.mask) >> part.low

    def write(self, place: str, value: int, size: int = 4) -> None:
        self.bus.advance(10)
        self.bus.write(self._address(place)[2], size, value)

    def set(self, place: str, **fields: int) -> None:
        """Read, modify, write."""
        one, register, _ = self._address(place)
        value = self.read(place)
        for name, content in fields.items():
            part = one._named[register].by_name[name]
            value = value & ~part.mask | content << part.low
        self.write(place, value)

    def enable(self, place: str) -> None:
        """Switches a peripheral's clock on and reads the bit back."""
        register, part = place.rsplit(".", 1)
        self.set(register, **{part: 1})
        self.read(register)

    def wait(self, place: str, value: int = 1, milliseconds: float = 10.0) -> None:
        """Raises TimeoutError, as bounded waits of a program do."""
        end = self.chip.rcc.now + milliseconds * 1e9
        while self.field(place) != value:
            if self.chip.rcc.now > end:
                raise TimeoutError(place)
            self.bus.advance(self.bus.next_event() or 10_000)

    def pass_time(self, seconds: float) -> None:
        self.bus.advance(round(seconds * self.chip.clock.hz) + 1)

    def run(self, steps: list[Step]) -> Driver:
        for step in steps:
            step(self)
        return self


def f412() -> Driver:
    return Driver(make_f412())


def h747(content: bytes = b"") -> Driver:
    return Driver(make_h747(content))


# STM32F412: 100 MHz from the HSI by the PLL (8, 100, 2).


def f4_voltage(d: Driver) -> None:
    d.enable("RCC.APB1ENR.PWREN")
    d.set("PWR.CR", VOS=3)


def f4_wait_states(d: Driver) -> None:
    d.set("FLASH.ACR", LATENCY=3, PRFTEN=1, ICEN=1, DCEN=1)
    d.read("FLASH.ACR")


def f4_pll(d: Driver) -> None:
    d.set("RCC.PLLCFGR", PLLM=8, PLLN=100, PLLP=0, PLLSRC=0, PLLQ=4)
    d.set("RCC.CR", PLLON=1)
    d.wait("RCC.CR.PLLRDY")
    d.wait("PWR.CSR.VOSRDY")


def f4_switch(d: Driver) -> None:
    d.set("RCC.CFGR", PPRE1=4)
    d.set("RCC.CFGR", SW=2)
    d.wait("RCC.CFGR.SWS", 2)


def f4_pins(d: Driver) -> None:
    d.enable("RCC.AHB1ENR.GPIODEN")
    d.set("GPIOD.AFRH", AFR8=7, AFR9=7)
    d.set("GPIOD.MODER", MODER8=2, MODER9=2)


def f4_console(d: Driver) -> None:
    d.enable("RCC.APB1ENR.USART3EN")
    d.write("USART3.BRR", round(50e6 / 115200))
    d.set("USART3.CR1", UE=1, TE=1, RE=1)


F4_CLOCKS: list[Step] = [f4_voltage, f4_wait_states, f4_pll, f4_switch]
F4_ALL: list[Step] = [*F4_CLOCKS, f4_pins, f4_console]


# STM32H747: 400 MHz from the HSE by PLL1 (5, 160, 2), supply by the step-down converter.


def h7_supply(d: Driver) -> None:
    d.set("PWR.CR3", LDOEN=0, SDEN=1)
    d.wait("PWR.CSR1.ACTVOSRDY")
    d.set("PWR.D3CR", VOS=3)
    d.wait("PWR.D3CR.VOSRDY")


def h7_oscillator(d: Driver) -> None:
    d.set("RCC.CR", HSEON=1)
    d.wait("RCC.CR.HSERDY")


def h7_pll(d: Driver) -> None:
    d.set("RCC.PLLCKSELR", PLLSRC=2, DIVM1=5)
    d.set("RCC.PLLCFGR", PLL1RGE=2, PLL1VCOSEL=0)
    d.write("RCC.PLL1DIVR", 159 | 1 << 9 | 3 << 16 | 1 << 24)
    d.set("RCC.CR", PLL1ON=1)
    d.wait("RCC.CR.PLL1RDY")


def h7_dividers(d: Driver) -> None:
    d.set("RCC.D1CFGR", HPRE=8, D1PPRE=4)
    d.set("RCC.D2CFGR", D2PPRE1=4, D2PPRE2=4)
    d.set("RCC.D3CFGR", D3PPRE=4)


def h7_wait_states(d: Driver) -> None:
    d.set("FLASH.ACR", LATENCY=2, WRHIGHFREQ=2)
    d.read("FLASH.ACR")


def h7_switch(d: Driver) -> None:
    d.set("RCC.CFGR", SW=3)
    d.wait("RCC.CFGR.SWS", 3)


def h7_pins(d: Driver) -> None:
    d.enable("RCC.AHB4ENR.GPIOAEN")
    d.set("GPIOA.AFRH", AFR9=7, AFR10=7)
    d.set("GPIOA.MODER", MODER9=2, MODER10=2)


def h7_console(d: Driver) -> None:
    d.enable("RCC.APB2ENR.USART1EN")
    d.write("USART1.BRR", round(100e6 / 115200))
    d.set("USART1.CR1", UE=1, TE=1, RE=1)
    d.wait("USART1.ISR.TEACK")
    d.wait("USART1.ISR.REACK")


H7_CLOCKS: list[Step] = [h7_supply, h7_oscillator, h7_pll, h7_dividers, h7_wait_states, h7_switch]
H7_ALL: list[Step] = [*H7_CLOCKS, h7_pins, h7_console]


def connect(d: Driver, unit: str) -> None:
    """All pins of FMC or QUADSPI as the board needs them."""
    chip = d.chip
    assert isinstance(chip, H747)
    wiring = chip.fmc.wiring if unit == "FMC" else chip.qspi.wiring
    for port in sorted({wire.port for wire in wiring.wires}):
        d.enable(f"RCC.AHB4ENR.GPIO{port}EN")
    fields: dict[str, dict[str, int]] = {}
    for wire in wiring.wires:
        port, pin = f"GPIO{wire.port}", wire.pin
        fields.setdefault(f"{port}.{'AFRL' if pin < 8 else 'AFRH'}", {})[f"AFR{pin}"] = wire.function
        fields.setdefault(f"{port}.OSPEEDR", {})[f"OSPEEDR{pin}"] = 3
        fields.setdefault(f"{port}.MODER", {})[f"MODER{pin}"] = 2
    for place, contents in fields.items():
        d.set(place, **contents)


def sdram_pins(d: Driver) -> None:
    connect(d, "FMC")


def sdram_registers(d: Driver) -> None:
    """100 MHz; times in clocks less one."""
    d.enable("RCC.AHB3ENR.FMCEN")
    d.set("FMC.SDCR1", SDCLK=2, RBURST=1)
    d.set("FMC.SDCR2", NC=1, NR=1, MWID=2, NB=1, CAS=3, WP=0)
    d.write("FMC.SDTR1", 0x0F0F0FFF | 5 << 12 | 1 << 20)
    d.write("FMC.SDTR2", 1 | 6 << 4 | 4 << 8 | 5 << 12 | 2 << 16 | 1 << 20 | 1 << 24)
    d.set("FMC.BCR1", FMCEN=1)


def command(d: Driver, mode: int, refreshes: int = 1, mode_register: int = 0) -> None:
    d.write("FMC.SDCMR", mode | 1 << 3 | refreshes - 1 << 5 | mode_register << 9)


def sdram_start(d: Driver) -> None:
    command(d, 1)
    d.pass_time(100e-6)
    command(d, 2)
    command(d, 3, refreshes=8)
    command(d, 4, mode_register=0x230)
    d.write("FMC.SDRTR", 1542 << 1)


SDRAM: list[Step] = [*H7_CLOCKS, sdram_pins, sdram_registers, sdram_start]


def qspi_pins(d: Driver) -> None:
    connect(d, "QSPI")


def qspi_registers(d: Driver) -> None:
    """100 MHz, two dies."""
    d.enable("RCC.AHB3ENR.QSPIEN")
    d.write("QUADSPI.CR", 1 << 24 | 1 << 6 | 1 << 4 | 1)
    d.write("QUADSPI.DCR", 26 << 16 | 3 << 8)


def instruction(d: Driver, opcode: int) -> None:
    d.write("QUADSPI.CCR", 1 << 8 | opcode)
    d.wait("QUADSPI.SR.BUSY", 0)


def qspi_reset(d: Driver) -> None:
    instruction(d, 0x66)
    instruction(d, 0x99)
    d.pass_time(50e-6)


def qspi_dummies(d: Driver, value: int = 0xAB) -> None:
    instruction(d, 0x06)
    d.write("QUADSPI.DLR", 1)
    d.write("QUADSPI.CCR", 1 << 24 | 1 << 8 | 0x81)
    d.write("QUADSPI.DR", value | value << 8, 2)
    d.wait("QUADSPI.SR.BUSY", 0)


def qspi_four_byte(d: Driver) -> None:
    instruction(d, 0xB7)


def qspi_map(d: Driver, opcode: int = 0xEC, dummies: int = 10, size: int = 3, lines: int = 3) -> None:
    d.write("QUADSPI.CCR", 3 << 26 | 3 << 24 | dummies << 18 | size << 12 | lines << 10 | 1 << 8 | opcode)


QSPI: list[Step] = [*H7_CLOCKS, qspi_pins, qspi_registers, qspi_reset, qspi_dummies, qspi_map]
