# SPDX-License-Identifier: Apache-2.0
"""RCC of the STM32H747 (RM0399, chapter 9): oscillators, PLL1, prescalers, kernel clocks, clock enables.

Not modelled: PLL2, PLL3, fractional division, HSI48, backup domain, clock outputs, low-power enables, interrupts.
Start-up times: HSI 2 us, CSI 4 us, HSE 2 ms, PLL 100 us.
"""

from __future__ import annotations

from typing import ClassVar

from tests.emulated_chips.stm32.gating import AHB_DIVIDERS, APB_DIVIDERS, ClockControl, Oscillator
from tests.emulated_chips.stm32.h7_enables import enables, resets
from tests.emulated_chips.stm32.registers import CoreClock, register

HSI_HZ, CSI_HZ, MHZ = 64_000_000, 4_000_000, 1_000_000
SOURCES = ("HSI", "CSI", "HSE", "PLL1")
PLL_SOURCES = ("HSI", "CSI", "HSE", "")
START_UP = {"HSI": 2e-6, "CSI": 4e-6, "HSE": 2e-3}
ON_BITS = {"HSI": 0, "CSI": 7, "HSE": 16}
# Input ranges of PLLCFGR.PLL1RGE in MHz; VCO ranges of PLL1VCOSEL in MHz (wide: revision V).
INPUT_MHZ = ((1, 2), (2, 4), (4, 8), (8, 16))
VCO_MHZ = ((192, 960), (150, 420))
# Fields of PLLCFGR that PLL1 uses, PLL1FRACEN excepted.
PLL1_FIELDS = 0x7000E


class H7Clocks(ClockControl):
    """The RCC, as core 1 sees it."""

    name, base = "RCC", 0x58024400
    flags: ClassVar[dict[str, tuple[str, str]]] = {
        "HSI": ("CR", "HSIRDY"),
        "CSI": ("CR", "CSIRDY"),
        "HSE": ("CR", "HSERDY"),
        "PLL1": ("CR", "PLL1RDY"),
        "SWS": ("CFGR", "SWS"),
    }
    layout = (
        register(
            "CR", 0x00, 0xC025, "HSION=0 HSIKERON=1 HSIRDY=2/r HSIDIV=4:3 HSIDIVF=5/r CSION=7 CSIRDY=8/r CSIKERON=9"
            " HSI48ON=12 HSI48RDY=13/r D1CKRDY=14/r D2CKRDY=15/r HSEON=16 HSERDY=17/r HSEBYP=18 HSECSSON=19 PLL1ON=24"
            " PLL1RDY=25/r PLL2ON=26 PLL2RDY=27/r PLL3ON=28 PLL3RDY=29/r",
        ),
        register(
            "CFGR", 0x10, 0, "SW=2:0 SWS=5:3/r STOPWUCK=6 STOPKERWUCK=7 RTCPRE=13:8 HRTIMSEL=14 TIMPRE=15"
            " MCO1PRE=21:18 MCO1=24:22 MCO2PRE=28:25 MCO2=31:29",
        ),
        register("D1CFGR", 0x18, 0, "HPRE=3:0 D1PPRE=6:4 D1CPRE=11:8"),
        register("D2CFGR", 0x1C, 0, "D2PPRE1=6:4 D2PPRE2=10:8"),
        register("D3CFGR", 0x20, 0, "D3PPRE=6:4"),
        register("PLLCKSELR", 0x28, 0x02020200, "PLLSRC=1:0 DIVM1=9:4 DIVM2=17:12 DIVM3=25:20"),
        register(
            "PLLCFGR", 0x2C, 0x01FF0000, "PLL1FRACEN=0 PLL1VCOSEL=1 PLL1RGE=3:2 PLL2FRACEN=4 PLL2VCOSEL=5 PLL2RGE=7:6"
            " PLL3FRACEN=8 PLL3VCOSEL=9 PLL3RGE=11:10 DIVP1EN=16 DIVQ1EN=17 DIVR1EN=18 DIVP2EN=19 DIVQ2EN=20 DIVR2EN=21"
            " DIVP3EN=22 DIVQ3EN=23 DIVR3EN=24",
        ),
        register("PLL1DIVR", 0x30, 0x01010280, "DIVN1=8:0 DIVP1=15:9 DIVQ1=22:16 DIVR1=30:24"),
        register("PLL1FRACR", 0x34, 0, "FRACN1=15:3"),
        register("D1CCIPR", 0x4C, 0, "FMCSEL=1:0 QSPISEL=5:4 DSISEL=8 SDMMCSEL=16 CKPERSEL=29:28"),
        register(
            "D2CCIP2R", 0x54, 0, "USART234578SEL=2:0 USART16SEL=5:3 RNGSEL=9:8 I2C123SEL=13:12 USBSEL=21:20"
            " CECSEL=23:22 LPTIM1SEL=30:28",
        ),
        *resets(),
        *enables(),
    )  # fmt: skip

    def __init__(self, clock: CoreClock, hse: Oscillator | None) -> None:
        self.hse = hse
        super().__init__(clock)

    def clear(self) -> None:
        super().clear()
        self.clock.hz = HSI_HZ

    # Frequencies in Hz.

    def source(self, name: str) -> int:
        """An oscillator's frequency, whether it runs or not."""
        if name == "PLL1":
            return self.pll1("P")
        if name == "HSE":
            return self.hse.hz if self.hse else 0
        return CSI_HZ if name == "CSI" else HSI_HZ >> self.get("CR", "HSIDIV")

    def _reference(self) -> float:
        """What PLL1 multiplies; 0 without source or divider."""
        name, divider = PLL_SOURCES[self.get("PLLCKSELR", "PLLSRC")], self.get("PLLCKSELR", "DIVM1")
        return self.source(name) / divider if name and divider else 0.0

    def vco(self) -> float:
        """PLL1's oscillator, by the configuration."""
        return self._reference() * (self.get("PLL1DIVR", "DIVN1") + 1)

    def pll1(self, output: str) -> int:
        """An output (P, Q, R) of PLL1."""
        return int(self.vco()) // (self.get("PLL1DIVR", f"DIV{output}1") + 1)

    def cpu(self) -> int:
        """The Cortex-M7's clock."""
        return self.source(SOURCES[self.get("CFGR", "SWS")]) // AHB_DIVIDERS[self.get("D1CFGR", "D1CPRE")]

    def hclk(self) -> int:
        """AXI and all AHBs."""
        return self.cpu() // AHB_DIVIDERS[self.get("D1CFGR", "HPRE")]

    def apb(self, number: int) -> int:
        """APB1 to APB4."""
        name, part = {
            1: ("D2CFGR", "D2PPRE1"), 2: ("D2CFGR", "D2PPRE2"), 3: ("D1CFGR", "D1PPRE"), 4: ("D3CFGR", "D3PPRE"),
        }[number]  # fmt: skip
        return self.hclk() // APB_DIVIDERS[self.get(name, part)]

    def bus_hz(self, enable: str) -> int:
        """See the base class."""
        return self.apb(int(enable[3])) if enable.startswith("APB") else self.hclk()

    def _kernel(self, user: str, names: tuple[str, ...], choice: int) -> int:
        """The frequency of a kernel clock; ChipError if it does not run."""
        name = names[choice] if choice < len(names) else "reserved"
        if name == "PLL1Q":
            if not self.get("CR", "PLL1RDY") or not self.get("PLLCFGR", "DIVQ1EN"):
                raise self.error(f"{user} is clocked by PLL1's output Q, which is off")
            return self.pll1("Q")
        if name in START_UP:
            if not self.get("CR", f"{name}RDY"):
                raise self.error(f"{user} is clocked by the {name}, which is off")
            return self.source(name)
        if name == "HCLK":
            return self.hclk()
        if name == "PCLK2":
            return self.apb(2)
        raise self.error(f"{user} is clocked by {name}, which is not modelled or does not exist")

    def usart1(self) -> int:
        """The kernel clock of USART1 and USART6."""
        names = ("PCLK2", "PLL2Q", "PLL3Q", "HSI", "CSI", "LSE")
        return self._kernel("USART1", names, self.get("D2CCIP2R", "USART16SEL"))

    def memory(self, user: str) -> int:
        """The kernel clock of FMC or QSPI."""
        per = ("HSI", "CSI", "HSE", "reserved")[self.get("D1CCIPR", "CKPERSEL")]
        return self._kernel(user, ("HCLK", "PLL1Q", "PLL2R", per), self.get("D1CCIPR", f"{user}SEL"))

    # What writes do.

    def write_cr(self, old: int, new: int) -> None:
        for part in ("HSI48ON", "HSECSSON", "PLL2ON", "PLL3ON"):
            if self.get("CR", part):
                raise self.error(f"CR.{part} is not modelled")
        if (old ^ new) >> 3 & 3 and old >> 24 & 1 and self.get("PLLCKSELR", "PLLSRC") == 0:
            raise self.error("CR.HSIDIV changed while PLL1 runs from the HSI")
        if (old ^ new) >> 18 & 1 and old & new & 1 << 16:
            raise self.error("CR.HSEBYP changed while the HSE is on")
        for name, bit in ON_BITS.items():
            self._switch(name, old >> bit & 1)
        self._switch_pll(old >> 24 & 1)
        self._changed()

    def _used(self, name: str) -> str:
        if SOURCES[self.get("CFGR", "SWS")] == name:
            return "SYSCLK"
        feeds = PLL_SOURCES[self.get("PLLCKSELR", "PLLSRC")] == name
        return "PLL1" if feeds and self.get("CR", "PLL1ON") else ""

    def _switch(self, name: str, was: int) -> None:
        on = self.get("CR", f"{name}ON")
        if was and not on:
            if user := self._used(name):
                raise self.error(f"CR.{name}ON cleared while {user} runs from it")
            self.fall(name)
        elif on and not was and self._oscillates(name):
            self.rise(name, START_UP[name])

    def _oscillates(self, name: str) -> bool:
        """An HSE without a crystal never becomes ready, except in bypass mode."""
        return name != "HSE" or (self.hse is not None and (self.hse.crystal or bool(self.get("CR", "HSEBYP"))))

    def _switch_pll(self, was: int) -> None:
        on = self.get("CR", "PLL1ON")
        if on and not was:
            self._check_pll()
            self.rise("PLL1", 100e-6)
        elif was and not on:
            if self._used("PLL1"):
                raise self.error("CR.PLL1ON cleared while SYSCLK runs from PLL1")
            self.fall("PLL1")

    def _check_pll(self) -> None:
        name = PLL_SOURCES[self.get("PLLCKSELR", "PLLSRC")]
        if not name or not self.get("CR", f"{name}RDY"):
            raise self.error(f"CR.PLL1ON set while its source ({name or 'none, PLLSRC is 3'}) is not ready")
        if self.get("PLLCFGR", "PLL1FRACEN") and self.get("PLL1FRACR", "FRACN1"):
            raise self.error("fractional division of PLL1 is not modelled")
        reference, wide = self._reference() / MHZ, not self.get("PLLCFGR", "PLL1VCOSEL")
        low, high = INPUT_MHZ[self.get("PLLCFGR", "PLL1RGE")]
        if not low <= reference <= high:
            raise self.error(f"PLL1's input is {reference:.3f} MHz, PLL1RGE says {low} to {high} MHz")
        if (wide and reference < 2) or (not wide and reference > 2):
            raise self.error(f"PLL1VCOSEL does not fit an input of {reference:.3f} MHz (wide: 2 and more)")
        low, high = VCO_MHZ[not wide]
        if not low <= self.vco() / MHZ <= high:
            raise self.error(f"PLL1's VCO would run at {self.vco() / MHZ:.1f} MHz, not {low} to {high} MHz")
        if self.get("PLL1DIVR", "DIVN1") < 3:
            raise self.error("PLL1DIVR.DIVN1 is below 3 (a factor of 4)")
        if self.get("PLL1DIVR", "DIVP1") and not self.get("PLL1DIVR", "DIVP1") & 1:
            raise self.error("PLL1DIVR.DIVP1 gives an odd divider, which is not allowed")

    def _locked(self, what: str, changes: int) -> None:
        if changes and self.get("CR", "PLL1ON"):
            raise self.error(f"{what} changed while PLL1 is on")

    def write_pllckselr(self, old: int, new: int) -> None:
        self._locked("PLLCKSELR", (old ^ new) & 0x3F3)

    def write_pllcfgr(self, old: int, new: int) -> None:
        self._locked("PLLCFGR", (old ^ new) & PLL1_FIELDS)

    def write_pll1divr(self, old: int, new: int) -> None:
        self._locked("PLL1DIVR", old ^ new)

    def write_cfgr(self, _: int, __: int) -> None:
        wanted = self.get("CFGR", "SW")
        if wanted >= len(SOURCES):
            raise self.error(f"CFGR.SW is {wanted}, which is reserved")
        name = SOURCES[wanted]
        if not self.get("CR", f"{name}RDY"):
            raise self.error(f"CFGR.SW selects the {name}, which is not ready")
        if name == "PLL1" and not self.get("PLLCFGR", "DIVP1EN"):
            raise self.error("CFGR.SW selects PLL1, whose output P is off (PLLCFGR.DIVP1EN)")
        if "SWS" not in self._dead:
            self.put("CFGR", "SWS", wanted)
        self._changed()

    def write_d1cfgr(self, _: int, __: int) -> None:
        self._changed()

    def write_d2cfgr(self, _: int, __: int) -> None:
        self._changed()

    def write_d3cfgr(self, _: int, __: int) -> None:
        self._changed()

    def _changed(self) -> None:
        self.clock.hz = self.cpu()
        self.changed()
