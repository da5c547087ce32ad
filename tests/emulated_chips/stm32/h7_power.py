# SPDX-License-Identifier: Apache-2.0
"""PWR, SYSCFG (overdrive) and the flash interface of the STM32H747 (RM0399, chapters 7, 12 and 4)."""

from __future__ import annotations

from typing import ClassVar

from tests.emulated_chips.stm32.h7_clocks import MHZ, H7Clocks
from tests.emulated_chips.stm32.registers import CoreClock, Registers, TimedRegisters, register

# By voltage scale 0 to 3: highest clocks in MHz of core, AXI and AHB, APB (data sheet, general operating conditions).
CLOCK_MHZ = ((480, 240, 120), (400, 200, 100), (300, 150, 75), (200, 100, 50))
# By voltage scale: highest AXI clock in MHz with 0, 1, 2, ... wait states, and with WRHIGHFREQ 0, 1, 2.
WAIT_MHZ = ((70, 140, 210, 225, 240), (70, 140, 210, 225), (55, 110, 165, 225), (45, 90, 135, 180, 225))
DELAY_MHZ = ((70, 185, 240), (70, 185, 225), (55, 165, 225), (45, 135, 225))
VOS_SCALES = {3: 1, 2: 2, 1: 3}
SUPPLY, SDEN, LDOEN = 0xFF, 4, 2
KEYS = (0x45670123, 0xCDEF89AB)


class H7Power(TimedRegisters):
    """PWR on a board whose core is supplied by the step-down converter directly.

    Attributes:
        overdrive: VOS0 is requested.
    """

    name, base = "PWR", 0x58024800
    flags: ClassVar[dict[str, tuple[str, str]]] = {"ACTVOS": ("CSR1", "ACTVOSRDY"), "VOS": ("D3CR", "VOSRDY")}
    layout = (
        register("CR1", 0x00, 0xF000C000, "LPDS=0 PVDE=4 PLS=7:5 DBP=8 FLPS=9 SVOS=15:14 AVDEN=16 ALS=18:17"),
        register("CSR1", 0x04, 0x4000, "PVDO=4/r ACTVOSRDY=13/r ACTVOS=15:14/r AVDO=16/r"),
        register("CR2", 0x08, 0, "BREN=0 MONEN=4 BRRDY=16/r VBATL=20/r VBATH=21/r TEMPL=22/r TEMPH=23/r"),
        register(
            "CR3", 0x0C, 0x6, "BYPASS=0 LDOEN=1 SDEN=2 SDEXTHP=3 SDLEVEL=5:4 VBE=8 VBRS=9 SDEXTRDY=16/r USB33DEN=24"
            " USBREGEN=25 USB33RDY=26/r",
        ),
        register("CPUCR", 0x10, 0, "PDDS_D1=0 PDDS_D2=1 PDDS_D3=2 HOLD2F=4/r STOPF=5/r SBF=6/r SBF_D1=7/r SBF_D2=8/r"
                 " CSSF=9 HOLD2=10 RUN_D3=11"),
        register("D3CR", 0x18, 0x4000, "VOSRDY=13/r VOS=15:14"),
    )  # fmt: skip

    def __init__(self, clock: CoreClock, rcc: H7Clocks) -> None:
        self.rcc = rcc
        super().__init__(clock)
        rcc.watchers.append(self.check)

    def clear(self) -> None:
        super().clear()
        self._configured = False
        self.overdrive = False

    def reset(self) -> None:
        """The supply configuration is lost at power-on only."""
        supply, configured, valid = self.get("CR3"), self._configured, self.get("CSR1", "ACTVOSRDY")
        super().reset()
        if configured:
            self.values["CR3"], self._configured = supply, True
            self.put("CSR1", "ACTVOSRDY", valid)
            self.put("D3CR", "VOSRDY", valid)

    def write_cr3(self, old: int, new: int) -> None:
        if self._configured:
            if (old ^ new) & SUPPLY:
                raise self.error("CR3: the supply configuration can be written once after power-on")
            return
        if new & SUPPLY != SDEN:
            raise self.error(
                f"CR3 selects supply {new & SUPPLY:#x}, but the board's core is on the step-down converter: SDEN alone"
            )
        self._configured = True
        self.rise("ACTVOS", 30e-6, self._settled)

    def _settled(self) -> None:
        self.put("CSR1", "ACTVOS", self.get("D3CR", "VOS"))
        if "VOS" not in self._dead:
            self.put("D3CR", "VOSRDY", 1)

    def write_d3cr(self, old: int, new: int) -> None:
        if not (old ^ new) >> 14 & 3:
            return
        if not self.get("CSR1", "ACTVOSRDY"):
            raise self.error("D3CR.VOS changed before the supply is configured (CR3) and valid (CSR1.ACTVOSRDY)")
        if not new >> 14 & 3:
            raise self.error("D3CR.VOS is 0, which is reserved")
        self.fall("VOS")
        self.rise("VOS", 50e-6, self._settled)
        self.rcc.changed()

    def write_cr1(self, _: int, new: int) -> None:
        if not new >> 14 & 3:
            raise self.error("CR1.SVOS is 0, which is reserved")

    def request_overdrive(self, on: bool) -> None:
        """SYSCFG's ODEN: from scale 1 to scale 0; raises ChipError where that is not allowed."""
        if on and not self.get("CR3", "LDOEN"):
            raise self.error("VOS0 (SYSCFG_PWRCR.ODEN) needs the LDO, the core is on the step-down converter")
        self.overdrive = on

    def scale(self) -> int:
        """The voltage scale in effect, 0 (highest voltage) to 3; the lower of old and new while it changes."""
        actual = VOS_SCALES[self.get("CSR1", "ACTVOS")]
        wanted = VOS_SCALES[self.get("D3CR", "VOS")]
        scale = wanted if self.get("D3CR", "VOSRDY") else max(actual, wanted)
        return 0 if self.overdrive and scale == 1 else scale

    def check(self) -> None:
        """Raises ChipError if a clock is too fast for the voltage."""
        rcc = self.rcc
        if not self.get("CSR1", "ACTVOSRDY") and rcc.get("CFGR", "SWS"):
            raise self.error("SYSCLK switched before the supply is configured (CR3) and valid (CSR1.ACTVOSRDY)")
        core, bus, apb = CLOCK_MHZ[self.scale()]
        clocks = [("the core", rcc.cpu(), core), ("HCLK", rcc.hclk(), bus)]
        # After reset the APBs run at the HSI's 64 MHz in scale 3, which has to be right.
        if rcc.get("CFGR", "SWS"):
            clocks += [(f"PCLK{number}", rcc.apb(number), apb) for number in (1, 2, 3, 4)]
        for name, hz, limit in clocks:
            if hz > limit * MHZ:
                raise self.error(
                    f"{name} would run at {hz / 1e6:.1f} MHz, at most {limit} MHz at voltage scale {self.scale()}"
                )


class H7Flash(Registers):
    """FLASH: wait states, programming delay, the lock of bank 1. Erasing and programming are not modelled."""

    name, base, size = "FLASH", 0x52002000, 0x1000
    layout = (
        register("ACR", 0x00, 0x37, "LATENCY=3:0 WRHIGHFREQ=5:4"),
        register("KEYR1", 0x04, 0, "KEYR1=31:0/w"),
        register("CR1", 0x0C, 0x31, "LOCK1=0/rs PG1=1 SER1=2 BER1=3 PSIZE1=5:4 FW1=6 START1=7 SNB1=10:8 EOPIE1=16"),
        register("SR1", 0x10, 0, "BSY1=0/r WBNE1=1/r QW1=2/r EOP1=16/r WRPERR1=17/r PGSERR1=18/r"),
    )

    def __init__(self, rcc: H7Clocks, pwr: H7Power) -> None:
        self.rcc, self.pwr = rcc, pwr
        super().__init__()
        rcc.watchers.append(self.check)

    def clear(self) -> None:
        super().clear()
        self._keys = 0
        self._confirmed = {part: self.get("ACR", part) for part in ("LATENCY", "WRHIGHFREQ")}

    def read_acr(self) -> int:
        self._confirmed = {part: self.get("ACR", part) for part in self._confirmed}
        return self.values["ACR"]

    def write_acr(self, _: int, __: int) -> None:
        self._confirmed = {part: min(value, self.get("ACR", part)) for part, value in self._confirmed.items()}
        self.check()

    def check(self) -> None:
        """Raises ChipError if the AXI clock needs more than what is set and was read back."""
        scale, axi = self.pwr.scale(), self.rcc.hclk()
        for part, steps in (("LATENCY", WAIT_MHZ[scale]), ("WRHIGHFREQ", DELAY_MHZ[scale])):
            needed = next((value for value, limit in enumerate(steps) if axi <= limit * MHZ), len(steps))
            clock = f"an AXI clock of {axi / 1e6:.1f} MHz at voltage scale {scale} needs {needed}"
            if self.get("ACR", part) < needed:
                raise self.error(f"ACR.{part} is {self.get('ACR', part)}, {clock}")
            if self._confirmed[part] < needed:
                raise self.error(f"ACR was not read back to see that {part} is in effect, {clock}")

    def write_keyr1(self, _: int, new: int) -> None:
        if self._keys >= 2 or new != KEYS[self._keys]:
            self._keys = 3
            raise self.error(f"KEYR1 written with {new:#010x} out of order: CR1 stays locked until reset")
        self._keys += 1
        if self._keys == 2:
            self.put("CR1", "LOCK1", 0)

    def write_cr1(self, old: int, new: int) -> None:
        if old & 1:
            raise self.error("CR1 written while it is locked")
        if new & 0x8E:
            raise self.error("CR1: erasing and programming are not modelled")
        if new & 1:
            self._keys = 0


class H7System(TimedRegisters):
    """SYSCFG: the overdrive bit, the analog switches, the I/O compensation cell, which needs the CSI."""

    name, base = "SYSCFG", 0x58000400
    flags: ClassVar[dict[str, tuple[str, str]]] = {"COMPENSATION": ("CCCSR", "READY")}
    layout = (
        register(
            "PMCR", 0x04, 0x0F000000, "I2C1FMP=0 I2C2FMP=1 I2C3FMP=2 I2C4FMP=3 PB6FMP=4 PB7FMP=5 PB8FMP=6 PB9FMP=7"
            " BOOSTE=8 BOOSTVDDSEL=9 EPIS=23:21 PA0SO=24 PA1SO=25 PC2SO=26 PC3SO=27",
        ),
        register("CCCSR", 0x20, 0, "EN=0 CS=1 READY=8/r HSLV=16"),
        register("PWRCR", 0x2C, 0, "ODEN=0"),
    )  # fmt: skip

    def __init__(self, clock: CoreClock, rcc: H7Clocks, pwr: H7Power) -> None:
        self.rcc, self.pwr = rcc, pwr
        super().__init__(clock)

    def write_pwrcr(self, old: int, new: int) -> None:
        if old != new:
            self.pwr.request_overdrive(bool(new & 1))

    def write_cccsr(self, old: int, new: int) -> None:
        if new >> 16 & 1:
            raise self.error("CCCSR.HSLV is for supplies below 2.7 V, the board has 3.3 V")
        if not new & 1:
            self.fall("COMPENSATION")
        elif not old & 1:
            if not self.rcc.get("CR", "CSIRDY"):
                raise self.error("CCCSR.EN set while the CSI, which clocks the compensation cell, is off")
            self.rise("COMPENSATION", 10e-6)
