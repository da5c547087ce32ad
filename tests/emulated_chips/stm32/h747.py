# SPDX-License-Identifier: Apache-2.0
"""The STM32H747XI of the STM32H747I-DISCO, core 1: 25 MHz oscillator, USART1 on PA9 and PA10, SDRAM, QSPI flash."""

from __future__ import annotations

from dataclasses import dataclass

from tests.emulated_chips.chip.bus import Peripheral
from tests.emulated_chips.stm32 import quadspi, sdram
from tests.emulated_chips.stm32.f4_power import Identification
from tests.emulated_chips.stm32.gating import Oscillator
from tests.emulated_chips.stm32.gpio import Gpio, Wire, Wiring, ports
from tests.emulated_chips.stm32.h7_clocks import HSI_HZ, H7Clocks
from tests.emulated_chips.stm32.h7_power import H7Flash, H7Power, H7System
from tests.emulated_chips.stm32.h7_usart import H7Usart
from tests.emulated_chips.stm32.registers import CoreClock

# DEV_ID 0x450, revision V; bits 15 to 12 read 6.
IDCODE = 0x20036450


@dataclass
class H747:
    """The models, wired.

    Attributes:
        clock: the core's frequency at this moment.
        console: the USART that the ST-LINK's virtual COM port is connected to.
    """

    clock: CoreClock
    rcc: H7Clocks
    pwr: H7Power
    flash: H7Flash
    syscfg: H7System
    gpio: dict[str, Gpio]
    console: H7Usart
    fmc: sdram.Fmc
    qspi: quadspi.Quadspi
    others: list[Peripheral]

    @property
    def peripherals(self) -> list[Peripheral]:
        """All of them, for a bus."""
        single = [self.rcc, self.pwr, self.flash, self.syscfg, self.console, self.fmc, self.qspi]
        return [*single, *self.gpio.values(), *self.others]


def _after_reset(letter: str) -> tuple[int, int, int]:
    """MODER, OSPEEDR, PUPDR: all pins analog, except the debug port's."""
    special = {"A": (0xABFFFFFF, 0x0C000000, 0x64000000), "B": (0xFFFFFEBF, 0xC0, 0x100)}
    return special.get(letter, (0xFFFFFFFF, 0, 0))


def make_h747(content: bytes = b"") -> H747:
    """A chip after power-on reset; content: bytes of the QSPI flash from its start."""
    clock = CoreClock(HSI_HZ)
    rcc = H7Clocks(clock, Oscillator(25_000_000, crystal=True))
    pwr = H7Power(clock, rcc)
    flash, syscfg = H7Flash(rcc, pwr), H7System(clock, rcc, pwr)
    gpio = ports("ABCDEFGHIJK", 0x58020000, _after_reset)
    tx, rx = Wiring(gpio, [Wire("USART1_TX", "A", 9, 7)]), Wiring(gpio, [Wire("USART1_RX", "A", 10, 7)])
    console = H7Usart(clock, rcc.usart1, tx, rx)
    console.name, console.base, console.irq = "USART1", 0x40011000, 37
    fmc = sdram.Fmc(clock, lambda: rcc.memory("FMC"), Wiring(gpio, sdram.board_wires()))
    qspi = quadspi.Quadspi(clock, lambda: rcc.memory("QSPI"), Wiring(gpio, quadspi.board_wires()), content)
    rcc.watchers += [fmc.check_clock, qspi.check_clock]
    for one, name, part in ((syscfg, "APB4ENR", "SYSCFGEN"), (console, "APB2ENR", "USART1EN"),
                            (fmc, "AHB3ENR", "FMCEN"), (qspi, "AHB3ENR", "QSPIEN")):  # fmt: skip
        rcc.attach(one, name, part)
    for letter, port in gpio.items():
        rcc.attach(port, "AHB4ENR", f"GPIO{letter}EN")
    identity = Identification(0x5C001000, IDCODE)
    return H747(clock, rcc, pwr, flash, syscfg, gpio, console, fmc, qspi, [identity])
