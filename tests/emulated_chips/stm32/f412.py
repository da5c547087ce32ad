# SPDX-License-Identifier: Apache-2.0
"""The STM32F412ZG of the NUCLEO-F412ZG: 8 MHz clock signal on OSC_IN, USART3 on PD8 and PD9 to the ST-LINK."""

from __future__ import annotations

from dataclasses import dataclass

from tests.emulated_chips.chip.bus import Peripheral
from tests.emulated_chips.stm32.f4_clocks import HSI_HZ, F4Clocks
from tests.emulated_chips.stm32.f4_power import F4Flash, F4Power, Identification
from tests.emulated_chips.stm32.f4_usart import F4Usart
from tests.emulated_chips.stm32.gating import Oscillator
from tests.emulated_chips.stm32.gpio import Gpio, Wire, Wiring, ports
from tests.emulated_chips.stm32.registers import CoreClock

# DEV_ID 0x441, revision C.
IDCODE = 0x30006441


@dataclass
class F412:
    """The models, wired.

    Attributes:
        clock: the core's frequency at this moment.
        console: the USART that the ST-LINK's virtual COM port is connected to.
    """

    clock: CoreClock
    rcc: F4Clocks
    pwr: F4Power
    flash: F4Flash
    gpio: dict[str, Gpio]
    console: F4Usart
    others: list[Peripheral]

    @property
    def peripherals(self) -> list[Peripheral]:
        """All of them, for a bus."""
        return [self.rcc, self.pwr, self.flash, *self.gpio.values(), self.console, *self.others]


def _after_reset(letter: str) -> tuple[int, int, int]:
    """MODER, OSPEEDR, PUPDR: the debug port's pins are in use."""
    return {"A": (0xA8000000, 0x0C000000, 0x64000000), "B": (0x280, 0xC0, 0x100)}.get(letter, (0, 0, 0))


def make_f412() -> F412:
    """A chip after power-on reset."""
    clock = CoreClock(HSI_HZ)
    rcc = F4Clocks(clock, Oscillator(8_000_000, crystal=False))
    pwr, flash = F4Power(clock, rcc), F4Flash(rcc)
    rcc.attach(pwr, "APB1ENR", "PWREN")
    gpio = ports("ABCDEFGH", 0x40020000, _after_reset)
    for letter, port in gpio.items():
        rcc.attach(port, "AHB1ENR", f"GPIO{letter}EN")
    tx, rx = Wiring(gpio, [Wire("USART3_TX", "D", 8, 7)]), Wiring(gpio, [Wire("USART3_RX", "D", 9, 7)])
    console = F4Usart(clock, rcc.pclk1, tx, rx)
    console.name, console.base, console.irq = "USART3", 0x40004800, 39
    rcc.attach(console, "APB1ENR", "USART3EN")
    return F412(clock, rcc, pwr, flash, gpio, console, [Identification(0xE0042000, IDCODE)])
