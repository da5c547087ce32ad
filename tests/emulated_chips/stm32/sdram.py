# SPDX-License-Identifier: Apache-2.0
"""The FMC's SDRAM controller (RM0399, 22.9) with an IS42S32800G-6 in bank 2: 8 M x 32 bits, 4 banks, 4096 rows.

The device's memory becomes accessible when its whole start-up sequence was given: clock, 100 us, precharge all, two
auto-refreshes, mode register, refresh rate. Not modelled: bank 1, NOR, NAND, self-refresh, power-down, refresh errors.
"""

from __future__ import annotations

import math
from collections.abc import Callable

from tests.emulated_chips.chip.bus import Window
from tests.emulated_chips.stm32.gpio import Wire, Wiring
from tests.emulated_chips.stm32.registers import PS, CoreClock, TimedRegisters, register

ORIGIN, SIZE = 0xD0000000, 32 << 20
# Data sheet of the device, speed grade 6, in ns: row cycle, row active, precharge, row to column, leaving self-refresh,
# write recovery; the shortest clock periods with a CAS latency of 2 and 3.
T_RC, T_RAS, T_RP, T_RCD, T_XSR, T_WR = 60, 42, 18, 18, 70, 12
T_CK = {2: 10, 3: 6}
T_MRD_CYCLES = 2
REFRESH_NS = 64e6 / 4096
CONTROLLER_MHZ = 110
STEPS = ("off", "clocked", "precharged", "refreshed", "mode set", "running")
COMMANDS = (
    "normal",
    "clock enable",
    "precharge all",
    "auto-refresh",
    "load mode register",
    "self-refresh",
    "power-down",
)

_PINS = {
    "D": "D2:0 D3:1 D13:8 D14:9 D15:10 D0:14 D1:15",
    "E": "NBL0:0 NBL1:1 D4:7 D5:8 D6:9 D7:10 D8:11 D9:12 D10:13 D11:14 D12:15",
    "F": "A0:0 A1:1 A2:2 A3:3 A4:4 A5:5 SDNRAS:11 A6:12 A7:13 A8:14 A9:15",
    "G": "A10:0 A11:1 BA0:4 BA1:5 SDCLK:8 SDNCAS:15",
    "H": "SDNWE:5 SDNE1:6 SDCKE1:7 D16:8 D17:9 D18:10 D19:11 D20:12 D21:13 D22:14 D23:15",
    "I": "D24:0 D25:1 D26:2 D27:3 NBL2:4 NBL3:5 D28:6 D29:7 D30:9 D31:10",
}


def board_wires() -> list[Wire]:
    """The 56 signals of the STM32H747I-DISCO's SDRAM, all in alternate function 12 at high speed or more."""
    return [
        Wire(f"FMC_{signal}", port, int(pin), 12, 2)
        for port, text in _PINS.items()
        for signal, _, pin in (token.partition(":") for token in text.split())
    ]


_CONTROL = "NC=1:0 NR=3:2 MWID=5:4 NB=6 CAS=8:7 WP=9 SDCLK=11:10 RBURST=12 RPIPE=14:13"
_TIMING = "TMRD=3:0 TXSR=7:4 TRAS=11:8 TRC=15:12 TWR=19:16 TRP=23:20 TRCD=27:24"


class Fmc(TimedRegisters):
    """The controller.

    Attributes:
        step: how far the device's start-up went, an index of STEPS.
    """

    name, base, size = "FMC", 0x52004000, 0x400
    layout = (
        register(
            "BCR1", 0x000, 0x30DB, "MBKEN=0 MUXEN=1 MTYP=3:2 MWID=5:4 FACCEN=6 BURSTEN=8 WAITPOL=9 WAITCFG=11 WREN=12"
            " WAITEN=13 EXTMOD=14 ASYNCWAIT=15 CPSIZE=18:16 CBURSTRW=19 CCLKEN=20 WFDIS=21 BMAP=25:24 FMCEN=31",
        ),
        register("SDCR1", 0x140, 0x2D0, _CONTROL),
        register("SDCR2", 0x144, 0x2D0, _CONTROL),
        register("SDTR1", 0x148, 0x0FFFFFFF, _TIMING),
        register("SDTR2", 0x14C, 0x0FFFFFFF, _TIMING),
        register("SDCMR", 0x150, 0, "MODE=2:0 CTB2=3 CTB1=4 NRFS=8:5 MRD=22:9"),
        register("SDRTR", 0x154, 0, "CRE=0/w COUNT=13:1 REIE=14"),
        register("SDSR", 0x158, 0, "RE=0/r MODES1=2:1/r MODES2=4:3/r"),
    )  # fmt: skip

    def __init__(self, clock: CoreClock, kernel: Callable[[], int], wiring: Wiring) -> None:
        """Kernel: the frequency in Hz of fmc_ker_ck; raises ChipError if it does not run."""
        self.kernel, self.wiring = kernel, wiring
        super().__init__(clock)
        self.windows = [Window(ORIGIN, SIZE, None, self.accessible, self.accessible)]

    def clear(self) -> None:
        super().clear()
        self.step, self._since, self._hz, self._refreshes = 0, 0, 0, 0

    def accessible(self) -> bool:
        """Whether the device answers."""
        return STEPS[self.step] == "running" and bool(self.get("BCR1", "FMCEN")) and not self.wiring.fault()

    def sdclk(self) -> int:
        """The memory's clock in Hz, 0 while SDCR1.SDCLK is off."""
        divider = self.get("SDCR1", "SDCLK")
        return self.kernel() // divider if divider >= 2 else 0

    # Timings.

    def _cycles(self, part: str) -> int:
        """A timing in clocks; TRP and TRC of both banks stand in SDTR1."""
        return self.get("SDTR1" if part in ("TRP", "TRC") else "SDTR2", part) + 1

    def _check_timings(self) -> None:
        hz = self.sdclk()
        if not hz:
            raise self.error("clock enable while SDCR1.SDCLK is off or reserved (it is shared by both banks)")
        if hz > CONTROLLER_MHZ * 1_000_000:
            raise self.error(f"SDCLK would run at {hz / 1e6:.1f} MHz, at most {CONTROLLER_MHZ} MHz")
        needs = {"TRC": T_RC, "TRAS": T_RAS, "TRP": T_RP, "TRCD": T_RCD, "TXSR": T_XSR, "TWR": T_WR}
        cycles = {part: math.ceil(ns * hz / 1e9 - 1e-9) for part, ns in needs.items()} | {"TMRD": T_MRD_CYCLES}
        for part, needed in cycles.items():
            if self._cycles(part) < needed:
                at = f"at {hz / 1e6:.1f} MHz"
                raise self.error(f"{part} is {self._cycles(part)} clocks, the device needs {needed} {at}")
        active, row, to_column, precharge = (self._cycles(part) for part in ("TRAS", "TRC", "TRCD", "TRP"))
        recovery = max(active - to_column, row - to_column - precharge)
        if self._cycles("TWR") < recovery:
            raise self.error(
                f"TWR is {self._cycles('TWR')} clocks, below TRAS - TRCD or TRC - TRCD - TRP, which is {recovery}"
            )

    def _check_geometry(self) -> None:
        wanted = {"NC": 1, "NR": 1, "MWID": 2, "NB": 1, "WP": 0}
        for part, value in wanted.items():
            if self.get("SDCR2", part) != value:
                raise self.error(f"SDCR2.{part} is {self.get('SDCR2', part)}, the device needs {value}")
        cas = self.get("SDCR2", "CAS")
        if cas not in T_CK or self.sdclk() * T_CK[cas] > 1e9:
            raise self.error(f"SDCR2.CAS is {cas}, which the device does not allow at {self.sdclk() / 1e6:.1f} MHz")

    # Registers.

    def _configuration(self, name: str, old: int, new: int) -> None:
        if old != new and self.step:
            raise self.error(f"{name} changed after the device was started")

    def write_sdcr1(self, old: int, new: int) -> None:
        self._configuration("SDCR1", old, new)
        if self.get("SDCR1", "RPIPE") == 3 or self.get("SDCR1", "SDCLK") == 1:
            raise self.error("SDCR1.RPIPE or SDCLK is reserved")

    def write_sdcr2(self, old: int, new: int) -> None:
        self._configuration("SDCR2", old, new)

    def write_sdtr1(self, old: int, new: int) -> None:
        self._configuration("SDTR1", old, new)

    def write_sdtr2(self, old: int, new: int) -> None:
        self._configuration("SDTR2", old, new)

    def write_bcr1(self, _: int, __: int) -> None:
        if self.get("BCR1", "BMAP"):
            raise self.error("BCR1.BMAP: only the default mapping is modelled")

    def write_sdcmr(self, _: int, __: int) -> None:
        mode = self.get("SDCMR", "MODE")
        if mode == 0 or mode >= 5:
            raise self.error(f"SDCMR.MODE {mode} is not modelled, or reserved")
        if not self.get("SDCMR", "CTB2") or self.get("SDCMR", "CTB1"):
            raise self.error("SDCMR: the command has to go to bank 2, and to it alone (CTB2)")
        if not self.get("BCR1", "FMCEN"):
            raise self.error("SDCMR: a command while the controller is off (BCR1.FMCEN)")
        if fault := self.wiring.fault():
            raise self.error(fault)
        expected = {1: (0,), 2: (1,), 3: (2, 3), 4: (3,)}[mode]
        if self.step not in expected:
            raise self.error(f"SDCMR: {COMMANDS[mode]} while the device is {STEPS[self.step]}")
        (self._clock_enable, self._precharge, self._refresh, self._load_mode)[mode - 1]()

    def _clock_enable(self) -> None:
        self._check_timings()
        self._check_geometry()
        self.step, self._since, self._hz = 1, self.now, self.sdclk()

    def _precharge(self) -> None:
        waited = (self.now - self._since) * 1e6 / PS
        if waited < 100:
            raise self.error(f"precharge all {waited:.1f} us after clock enable, the device needs 100 us")
        self.step, self._refreshes = 2, 0

    def _refresh(self) -> None:
        self._refreshes += self.get("SDCMR", "NRFS") + 1
        self.step = 3 if self._refreshes >= 2 else 2

    def _load_mode(self) -> None:
        mode, cas = self.get("SDCMR", "MRD"), self.get("SDCR2", "CAS")
        if mode & ~0x200 != cas << 4:
            raise self.error(
                f"SDCMR.MRD is {mode:#x}: the controller needs bursts of 1, sequential, CAS latency {cas} as in SDCR2"
            )
        self.step = 4

    def write_sdrtr(self, _: int, __: int) -> None:
        count = self.get("SDRTR", "COUNT")
        if self.get("SDRTR", "REIE"):
            raise self.error("SDRTR.REIE: the refresh error is not modelled")
        if not count:
            return
        if count < 41:
            raise self.error(f"SDRTR.COUNT is {count}, at least 41 is needed")
        hz = self.sdclk() or 1
        longest = REFRESH_NS * hz / 1e9 - 20
        if count > longest:
            raise self.error(f"SDRTR.COUNT is {count}, at most {int(longest)}: {REFRESH_NS:.0f} ns less 20 clocks")
        if count == sum(self._cycles(part) for part in ("TWR", "TRP", "TRC", "TRCD")) + 4:
            raise self.error("SDRTR.COUNT equals TWR + TRP + TRC + TRCD + 4, which the manual forbids")
        if self.step < 4:
            raise self.error(f"SDRTR: refresh started while the device is {STEPS[self.step]}")
        self.step = 5

    def check_clock(self) -> None:
        """For the RCC: the memory's clock must not change while it is in use."""
        if self.step and self.sdclk() != self._hz:
            raise self.error(f"SDCLK changes from {self._hz / 1e6:.1f} MHz to {self.sdclk() / 1e6:.1f} MHz in use")
