# SPDX-License-Identifier: Apache-2.0
"""PWR and the flash interface of the STM32F412 (RM0402, chapters 5 and 3), and its identification."""

from __future__ import annotations

from typing import ClassVar

from tests.emulated_chips.stm32.f4_clocks import F4Clocks
from tests.emulated_chips.stm32.registers import CoreClock, Registers, TimedRegisters, register

ANY = (1, 2, 4)
# Highest HCLK in MHz by voltage scale (VOS 1 is scale 3), and by wait states at 2.7 to 3.6 V.
SCALE_MHZ = {1: 64, 2: 84, 3: 100}
WAIT_MHZ = (30, 64, 90, 100)
KEYS = (0x45670123, 0xCDEF89AB)


class F4Power(TimedRegisters):
    """PWR: the core's voltage. Scale 3 holds while the PLL is off; VOS counts once it has locked, VOSRDY tells."""

    name, base = "PWR", 0x40007000
    flags: ClassVar[dict[str, tuple[str, str]]] = {"VOS": ("CSR", "VOSRDY")}
    layout = (
        register(
            "CR", 0x00, 0x8000, "LPDS=0 PDDS=1 CWUF=2/w CSBF=3/w PVDE=4 PLS=7:5 DBP=8 FPDS=9 LPLVDS=10 MRLVDS=11"
            " ADCDC1=13 VOS=15:14 FMSSR=20 FISSR=21", ANY,
        ),
        register("CSR", 0x04, 0, "WUF=0/r SBF=1/r PVDO=2/r BRR=3/r EWUP3=6 EWUP2=7 EWUP1=8 BRE=9 VOSRDY=14/r", ANY),
    )  # fmt: skip

    def __init__(self, clock: CoreClock, rcc: F4Clocks) -> None:
        self.rcc = rcc
        super().__init__(clock)
        rcc.locked.append(self._pll)
        rcc.watchers.append(self.check)

    def _pll(self, locked: bool) -> None:
        if locked:
            self.rise("VOS", 40e-6)
        else:
            self.fall("VOS")

    def write_cr(self, old: int, new: int) -> None:
        if (old ^ new) >> 14 & 3:
            if self.rcc.get("CR", "PLLON"):
                raise self.error("CR.VOS changed while the PLL is on")
            if not new >> 14 & 3:
                raise self.error("CR.VOS is 0, which is reserved")

    def scale(self) -> int:
        """The scale in effect, as a value of VOS."""
        return self.get("CR", "VOS") if self.get("CSR", "VOSRDY") else 1

    def check(self) -> None:
        """Raises ChipError if HCLK is too fast for the voltage."""
        hclk, limit = self.rcc.hclk(), SCALE_MHZ[self.scale()]
        if hclk > limit * 1_000_000:
            raise self.error(
                f"HCLK of {hclk / 1e6:.1f} MHz at voltage scale {4 - self.scale()} (VOSRDY"
                f" {self.get('CSR', 'VOSRDY')}), which allows {limit} MHz"
            )


class F4Flash(Registers):
    """FLASH: wait states, caches, the lock of the control register. Erasing and programming are not modelled."""

    name, base = "FLASH", 0x40023C00
    layout = (
        register("ACR", 0x00, 0, "LATENCY=3:0 PRFTEN=8 ICEN=9 DCEN=10 ICRST=11 DCRST=12", ANY),
        register("KEYR", 0x04, 0, "KEY=31:0/w"),
        register(
            "SR", 0x0C, 0, "EOP=0/rc_w1 OPERR=1/rc_w1 WRPERR=4/rc_w1 PGAERR=5/rc_w1 PGPERR=6/rc_w1 PGSERR=7/rc_w1"
            " RDERR=8/rc_w1 BSY=16/r", ANY,
        ),
        register("CR", 0x10, 0x80000000, "PG=0 SER=1 MER=2 SNB=6:3 PSIZE=9:8 STRT=16/rs EOPIE=24 ERRIE=25 LOCK=31/rs"),
    )  # fmt: skip

    def __init__(self, rcc: F4Clocks) -> None:
        self.rcc = rcc
        super().__init__()
        rcc.watchers.append(self.check)

    def clear(self) -> None:
        super().clear()
        self._keys = 0
        self._confirmed = 0

    def read_acr(self) -> int:
        self._confirmed = self.get("ACR", "LATENCY")
        return self.values["ACR"]

    def write_acr(self, _: int, new: int) -> None:
        if (new >> 11 & 1 and new >> 9 & 1) or (new >> 12 & 1 and new >> 10 & 1):
            raise self.error("ACR: a cache is reset while it is enabled")
        self._confirmed = min(self._confirmed, self.get("ACR", "LATENCY"))
        self.check()

    def check(self) -> None:
        """Raises ChipError if HCLK needs more wait states than are set and were read back."""
        hclk = self.rcc.hclk()
        needed = next((states for states, limit in enumerate(WAIT_MHZ) if hclk <= limit * 1_000_000), len(WAIT_MHZ))
        if self.get("ACR", "LATENCY") < needed:
            raise self.error(
                f"ACR.LATENCY is {self.get('ACR', 'LATENCY')}, HCLK of {hclk / 1e6:.1f} MHz needs {needed}"
            )
        if self._confirmed < needed:
            raise self.error("HCLK raised before ACR was read back to see that the wait states are in effect")

    def write_keyr(self, _: int, new: int) -> None:
        if self._keys >= 2 or new != KEYS[self._keys]:
            self._keys = 3
            raise self.error(f"KEYR written with {new:#010x} out of order: CR stays locked until reset")
        self._keys += 1
        if self._keys == 2:
            self.put("CR", "LOCK", 0)

    def write_cr(self, old: int, new: int) -> None:
        if old >> 31:
            raise self.error("CR written while it is locked")
        if new & 0x10007:
            raise self.error("CR: erasing and programming are not modelled")
        if new >> 31:
            self._keys = 0


class Identification(Registers):
    """DBGMCU_IDCODE."""

    name = "DBGMCU"
    layout = (
        register("IDCODE", 0x00, 0, "DEV_ID=11:0/r REV_ID=31:16/r", ANY),
        register("CR", 0x04, 0, "DBG_SLEEP=0 DBG_STOP=1 DBG_STANDBY=2 TRACE_IOEN=5 TRACE_MODE=7:6"),
    )

    def __init__(self, base: int, value: int) -> None:
        self.base, self._value = base, value
        super().__init__()

    def read_idcode(self) -> int:
        return self._value
