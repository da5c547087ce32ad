# SPDX-License-Identifier: Apache-2.0
"""RCC of the STM32F412 (RM0402, chapter 6): oscillators, PLL, prescalers, clock enables.

Not modelled: PLLI2S, backup domain, low-power enables, clock outputs, interrupts; an access to their registers fails.
Start-up times are those of the data sheet (HSI 4 us at most, HSE 2 ms, PLL 200 us).
"""

from __future__ import annotations

from collections.abc import Callable
from typing import ClassVar

from tests.emulated_chips.stm32.gating import AHB_DIVIDERS, APB_DIVIDERS, ClockControl, Oscillator
from tests.emulated_chips.stm32.registers import CoreClock, register

ANY = (1, 2, 4)
HSI_HZ = 16_000_000
SOURCES = ("HSI", "HSE", "PLL")
AHB1 = (*(f"GPIO{letter}" for letter in "ABCDEFGH"), "CRC", "DMA1", "DMA2")
AHB1_BITS = (*range(8), 12, 21, 22)
AHB2 = {"RNG": 6, "OTGFS": 7}
AHB3 = {"FSMC": 0, "QSPI": 1}
APB1 = {
    "TIM2": 0, "TIM3": 1, "TIM4": 2, "TIM5": 3, "TIM6": 4, "TIM7": 5, "TIM12": 6, "TIM13": 7, "TIM14": 8, "WWDG": 11,
    "SPI2": 14, "SPI3": 15, "USART2": 17, "USART3": 18, "I2C1": 21, "I2C2": 22, "I2C3": 23, "I2CFMP1": 24,
    "CAN1": 25, "CAN2": 26, "PWR": 28,
}  # fmt: skip
APB2 = {
    "TIM1": 0, "TIM8": 1, "USART1": 4, "USART6": 5, "ADC1": 8, "SDIO": 11, "SPI1": 12, "SPI4": 13, "SYSCFG": 14,
    "TIM9": 16, "TIM10": 17, "TIM11": 18, "SPI5": 20, "DFSDM1": 24,
}  # fmt: skip


def _bits(names: dict[str, int], suffix: str) -> str:
    return " ".join(f"{name}{suffix}={bit}" for name, bit in names.items())


_AHB1 = dict(zip(AHB1, AHB1_BITS, strict=True))
_BUSES = (("AHB1", 0, _AHB1, ""), ("AHB2", 4, AHB2, ""), ("AHB3", 8, AHB3, ""), ("APB1", 0x10, APB1, " RTCAPBEN=10"),
          ("APB2", 0x14, APB2, " EXTITEN=15"))  # fmt: skip


class F4Clocks(ClockControl):
    """The RCC.

    Attributes:
        locked: called with True when the PLL has locked, with False when it is switched off.
    """

    name, base = "RCC", 0x40023800
    flags: ClassVar[dict[str, tuple[str, str]]] = {
        "HSI": ("CR", "HSIRDY"),
        "HSE": ("CR", "HSERDY"),
        "PLL": ("CR", "PLLRDY"),
        "SWS": ("CFGR", "SWS"),
    }
    layout = (
        register(
            "CR", 0x00, 0x83,
            "HSION=0 HSIRDY=1/r HSITRIM=7:3 HSICAL=15:8/r HSEON=16 HSERDY=17/r HSEBYP=18 CSSON=19 PLLON=24 PLLRDY=25/r"
            " PLLI2SON=26 PLLI2SRDY=27/r", ANY,
        ),
        register("PLLCFGR", 0x04, 0x24003010, "PLLM=5:0 PLLN=14:6 PLLP=17:16 PLLSRC=22 PLLQ=27:24 PLLR=30:28", ANY),
        register(
            "CFGR", 0x08, 0, "SW=1:0 SWS=3:2/r HPRE=7:4 PPRE1=12:10 PPRE2=15:13 RTCPRE=20:16 MCO1=22:21 MCO1PRE=26:24"
            " MCO2PRE=29:27 MCO2=31:30", ANY,
        ),
        register(
            "CSR", 0x74, 0x0E000000, "LSION=0 LSIRDY=1/r RMVF=24/w BORRSTF=25/r PINRSTF=26/r PORRSTF=27/r SFTRSTF=28/r"
            " IWDGRSTF=29/r WWDGRSTF=30/r LPWRRSTF=31/r", ANY,
        ),
        *(register(f"{bus}RSTR", 0x10 + at, 0, _bits(names, "RST"), ANY) for bus, at, names, _ in _BUSES),
        *(register(f"{bus}ENR", 0x30 + at, 0, _bits(names, "EN") + more, ANY) for bus, at, names, more in _BUSES),
    )  # fmt: skip

    def __init__(self, clock: CoreClock, hse: Oscillator | None) -> None:
        self.hse = hse
        self.locked: list[Callable[[bool], None]] = []
        super().__init__(clock)

    def clear(self) -> None:
        super().clear()
        self.clock.hz = HSI_HZ

    # Frequencies in Hz.

    def _source(self, name: str) -> int:
        if name == "PLL":
            return self.vco() // (2 * self.get("PLLCFGR", "PLLP") + 2)
        return HSI_HZ if name == "HSI" else self.hse.hz if self.hse else 0

    def vco(self) -> int:
        """The PLL's oscillator, by the configuration register."""
        source = "HSE" if self.get("PLLCFGR", "PLLSRC") else "HSI"
        return self._source(source) * self.get("PLLCFGR", "PLLN") // self.get("PLLCFGR", "PLLM")

    def hclk(self) -> int:
        """Core, AHB, memories."""
        return self._source(SOURCES[self.get("CFGR", "SWS")]) // AHB_DIVIDERS[self.get("CFGR", "HPRE")]

    def pclk1(self) -> int:
        """APB1, at most 50 MHz."""
        return self.hclk() // APB_DIVIDERS[self.get("CFGR", "PPRE1")]

    def pclk2(self) -> int:
        """APB2, at most 100 MHz."""
        return self.hclk() // APB_DIVIDERS[self.get("CFGR", "PPRE2")]

    def bus_hz(self, enable: str) -> int:
        """See the base class."""
        return {"APB1ENR": self.pclk1, "APB2ENR": self.pclk2}.get(enable, self.hclk)()

    # What writes do.

    def write_cr(self, old: int, _: int) -> None:
        for part in ("CSSON", "PLLI2SON"):
            if self.get("CR", part):
                raise self.error(f"CR.{part} is not modelled")
        self._switch("HSI", old & 1, 4e-6)
        self._switch("HSE", old >> 16 & 1, 2e-3)
        if (old ^ self.get("CR")) >> 18 & 1 and self.get("CR", "HSEON") and old >> 16 & 1:
            raise self.error("CR.HSEBYP changed while the HSE is on")
        self._switch_pll(old >> 24 & 1)

    def _used(self, name: str) -> str:
        """Who needs an oscillator: empty, SYSCLK or PLL."""
        if SOURCES[self.get("CFGR", "SWS")] == name:
            return "SYSCLK"
        source = "HSE" if self.get("PLLCFGR", "PLLSRC") else "HSI"
        return "the PLL" if name == source and self.get("CR", "PLLON") else ""

    def _switch(self, name: str, was: int, seconds: float) -> None:
        on = self.get("CR", f"{name}ON")
        if was and not on:
            if user := self._used(name):
                raise self.error(f"CR.{name}ON cleared while {user} runs from it")
            self.fall(name)
        elif on and not was and self._oscillates(name):
            self.rise(name, seconds)

    def _oscillates(self, name: str) -> bool:
        """An HSE without a crystal never becomes ready, except in bypass mode."""
        return name == "HSI" or (self.hse is not None and (self.hse.crystal or bool(self.get("CR", "HSEBYP"))))

    def _switch_pll(self, was: int) -> None:
        on = self.get("CR", "PLLON")
        if on and not was:
            self._check_pll()
            self.rise("PLL", 200e-6, lambda: self._tell(True))
        elif was and not on:
            if self._used("PLL"):
                raise self.error("CR.PLLON cleared while SYSCLK runs from the PLL")
            self.fall("PLL")
            self._tell(False)

    def _tell(self, locked: bool) -> None:
        for listener in self.locked:
            listener(locked)

    def _check_pll(self) -> None:
        source = "HSE" if self.get("PLLCFGR", "PLLSRC") else "HSI"
        if not self.get("CR", f"{source}RDY"):
            raise self.error(f"CR.PLLON set before its source {source} is ready")
        m, n = self.get("PLLCFGR", "PLLM"), self.get("PLLCFGR", "PLLN")
        if m < 2 or not 50 <= n <= 432 or self.get("PLLCFGR", "PLLQ") < 2 or self.get("PLLCFGR", "PLLR") < 2:
            raise self.error(f"PLLCFGR: M={m} (2 to 63), N={n} (50 to 432), Q and R (2 and more) out of range")
        if not 1_000_000 <= self._source(source) / m <= 2_000_000:
            raise self.error(f"PLLCFGR: the PLL's input is {self._source(source) / m / 1e6:.3f} MHz, not 1 to 2 MHz")
        if not 100_000_000 <= self.vco() <= 432_000_000:
            raise self.error(f"PLLCFGR: the VCO would run at {self.vco() / 1e6:.1f} MHz, not 100 to 432 MHz")
        if self._source("PLL") > 100_000_000:
            raise self.error(f"PLLCFGR: the PLL's output is {self._source('PLL') / 1e6:.1f} MHz, at most 100 MHz")

    def write_pllcfgr(self, old: int, new: int) -> None:
        if old != new and self.get("CR", "PLLON"):
            raise self.error("PLLCFGR changed while the PLL is on")

    def write_cfgr(self, _: int, __: int) -> None:
        wanted = self.get("CFGR", "SW")
        if wanted == 3:
            raise self.error("CFGR.SW is 3, which is not allowed")
        if not self.get("CR", f"{SOURCES[wanted]}RDY"):
            raise self.error(f"CFGR.SW selects the {SOURCES[wanted]}, which is not ready")
        if "SWS" not in self._dead:
            self.put("CFGR", "SWS", wanted)
        self.clock.hz = self.hclk()
        self._check_buses()
        self.changed()

    def _check_buses(self) -> None:
        for name, hz, limit in (("PCLK1", self.pclk1(), 50), ("PCLK2", self.pclk2(), 100)):
            if hz > limit * 1_000_000:
                raise self.error(
                    f"{name} would run at {hz / 1e6:.1f} MHz, at most {limit} MHz: set its prescaler first"
                )

    def write_csr(self, _: int, new: int) -> None:
        if new & 1:
            raise self.error("CSR.LSION is not modelled")
        if new >> 24 & 1:
            self.values["CSR"] &= 0x00FFFFFF
