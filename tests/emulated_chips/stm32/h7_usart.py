# SPDX-License-Identifier: Apache-2.0
"""USART of the STM32H7 (RM0399, chapter 51), asynchronous mode with or without FIFOs, without DMA."""

from __future__ import annotations

from collections import deque
from typing import ClassVar

from tests.emulated_chips.stm32.registers import register
from tests.emulated_chips.stm32.serial_line import FRAME_BITS, Usart

DEPTH = 16
PRESCALERS = (1, 2, 4, 6, 8, 10, 12, 16, 32, 64, 128, 256)
# Bits that may only be written while UE is 0: M1, M0, FIFOEN, OVER8, WAKE, PCE, PS, DEAT, DEDT.
CR1_FROZEN = 1 << 28 | 1 << 12 | 1 << 29 | 1 << 15 | 7 << 9 | 0x3FF << 16
CLEARS = ("PE", "FE", "NE", "ORE", "IDLE", "TXFE", "TC", "TCBGT", "LBDF", "CTSIF", "RTOF", "EOBF", "UDR", "CMF", "WUF")


class H7Usart(Usart):
    """One USART; `name`, `base` and `irq` are set by the chip."""

    flags: ClassVar[dict[str, tuple[str, str]]] = {"TEACK": ("ISR", "TEACK"), "REACK": ("ISR", "REACK")}
    consumed = frozenset({0x24})
    layout = (
        register(
            "CR1", 0x00, 0, "UE=0 UESM=1 RE=2 TE=3 IDLEIE=4 RXNEIE=5 TCIE=6 TXEIE=7 PEIE=8 PS=9 PCE=10 WAKE=11 M0=12"
            " MME=13 CMIE=14 OVER8=15 DEDT=20:16 DEAT=25:21 RTOIE=26 EOBIE=27 M1=28 FIFOEN=29 TXFEIE=30 RXFFIE=31",
        ),
        register(
            "CR2", 0x04, 0, "SLVEN=0 DIS_NSS=3 ADDM7=4 LBDL=5 LBDIE=6 LBCL=8 CPHA=9 CPOL=10 CLKEN=11 STOP=13:12"
            " LINEN=14 SWAP=15 RXINV=16 TXINV=17 DATAINV=18 MSBFIRST=19 ABREN=20 ABRMOD=22:21 RTOEN=23 ADD=31:24",
        ),
        register(
            "CR3", 0x08, 0, "EIE=0 IREN=1 IRLP=2 HDSEL=3 NACK=4 SCEN=5 DMAR=6 DMAT=7 RTSE=8 CTSE=9 CTSIE=10 ONEBIT=11"
            " OVRDIS=12 DDRE=13 DEM=14 DEP=15 SCARCNT=19:17 WUS=21:20 WUFIE=22 TXFTIE=23 TCBGTIE=24 RXFTCFG=27:25"
            " RXFTIE=28 TXFTCFG=31:29",
        ),
        register("BRR", 0x0C, 0, "BRR=15:0"),
        register("RQR", 0x18, 0, "ABRRQ=0/w SBKRQ=1/w MMRQ=2/w RXFRQ=3/w TXFRQ=4/w"),
        register(
            "ISR", 0x1C, 0xC0, "PE=0/r FE=1/r NE=2/r ORE=3/r IDLE=4/r RXNE=5/r TC=6/r TXE=7/r LBDF=8/r CTSIF=9/r"
            " CTS=10/r RTOF=11/r EOBF=12/r UDR=13/r ABRE=14/r ABRF=15/r BUSY=16/r CMF=17/r SBKF=18/r RWU=19/r WUF=20/r"
            " TEACK=21/r REACK=22/r TXFE=23/r RXFF=24/r TCBGT=25/r RXFT=26/r TXFT=27/r",
        ),
        register(
            "ICR", 0x20, 0, "PE=0/w FE=1/w NE=2/w ORE=3/w IDLE=4/w TXFE=5/w TC=6/w TCBGT=7/w LBDF=8/w CTSIF=9/w"
            " RTOF=11/w EOBF=12/w UDR=13/w CMF=17/w WUF=20/w",
        ),
        register("RDR", 0x24, 0, "RDR=8:0/r"),
        register("TDR", 0x28, 0, "TDR=8:0"),
        register("PRESC", 0x2C, 0, "PRESCALER=3:0"),
    )  # fmt: skip

    def clear(self) -> None:
        self._out: deque[int] = deque()
        self._in: deque[int] = deque()
        super().clear()

    def _depth(self) -> int:
        return DEPTH if self.get("CR1", "FIFOEN") else 1

    def baud(self) -> float:
        brr, presc = self.get("BRR"), self.get("PRESC")
        if presc >= len(PRESCALERS):
            return 0.0
        hz = self.kernel() / PRESCALERS[presc]
        if self.get("CR1", "OVER8"):
            divider = brr & 0xFFF0 | brr << 1 & 0xE
            return 2 * hz / divider if divider >= 16 and not brr & 8 else 0.0
        return hz / brr if brr >= 16 else 0.0

    def format_fault(self) -> str:
        if self.get("CR1") & (1 << 12 | 1 << 28 | 1 << 10) or self.get("CR2", "STOP"):
            return "the format is not 8 bits, no parity, 1 stop bit (CR1.M, CR1.PCE, CR2.STOP)"
        return ""

    def receiving(self) -> bool:
        return bool(self.get("ISR", "REACK"))

    def sending(self) -> bool:
        return bool(self.get("ISR", "TEACK"))

    def received(self, byte: int) -> None:
        if len(self._in) < self._depth():
            self._in.append(byte)
        else:
            self.overruns += 1
            if self.get("CR3", "OVRDIS"):
                self._in[-1] = byte
            else:
                self.put("ISR", "ORE", 1)
        self._levels()
        self.after("idle", FRAME_BITS / self.rate, lambda: self.put("ISR", "IDLE", 1))

    def waiting(self) -> int | None:
        byte = self._out.popleft() if self._out else None
        self._levels()
        return byte

    def drained(self) -> None:
        self.put("ISR", "TC", 1)

    def _levels(self) -> None:
        """Flags that follow how full the FIFOs are."""
        fifo = self.get("CR1", "FIFOEN")
        self.put("ISR", "RXNE", int(bool(self._in)))
        self.put("ISR", "TXE", int(len(self._out) < self._depth()))
        self.put("ISR", "TXFE", int(bool(fifo) and not self._out))
        self.put("ISR", "RXFF", int(bool(fifo) and len(self._in) == DEPTH))

    # Registers.

    def read_rdr(self) -> int:
        if self._in:
            self.values["RDR"] = self._in.popleft()
            self._levels()
        return self.values["RDR"]

    def write_tdr(self, _: int, new: int) -> None:
        if not (self.get("CR1", "UE") and self.get("CR1", "TE")):
            raise self.error("TDR written while the transmitter is off (CR1.UE, CR1.TE)")
        if not self.get("ISR", "TXE"):
            raise self.error("TDR written while TXE/TXFNF is 0: the byte is lost")
        self._out.append(new & 0xFF)
        self.put("ISR", "TC", 0)
        self._levels()
        self.shift()

    def write_icr(self, _: int, new: int) -> None:
        for name in CLEARS:
            if new & self._named["ICR"].by_name[name].mask and name != "TXFE":
                self.put("ISR", name, 0)

    def write_rqr(self, _: int, new: int) -> None:
        if new & 0x7:
            raise self.error("RQR: auto baud rate, break and mute mode are not modelled")
        if new & 8:
            self._in.clear()
        if new & 16:
            self._out.clear()
        self._levels()

    def _frozen(self, name: str, old: int, new: int, mask: int = 0xFFFFFFFF) -> None:
        if self.get("CR1", "UE") and (old ^ new) & mask:
            raise self.error(f"{name} changed while the USART is enabled (CR1.UE)")

    def write_brr(self, old: int, new: int) -> None:
        self._frozen("BRR", old, new)

    def write_presc(self, old: int, new: int) -> None:
        self._frozen("PRESC", old, new)

    def write_cr2(self, old: int, new: int) -> None:
        self._frozen("CR2", old, new)
        if new & 0x00FFCF69:
            raise self.error("CR2: only the number of stop bits is modelled")

    def write_cr3(self, old: int, new: int) -> None:
        self._frozen("CR3 (ONEBIT, OVRDIS)", old, new, 1 << 11 | 1 << 12)
        if new & ~(1 | 1 << 11 | 1 << 12):
            raise self.error("CR3: only EIE, ONEBIT and OVRDIS are modelled")

    def write_cr1(self, old: int, new: int) -> None:
        if old & new & 1:
            self._frozen("CR1 (M, PCE, PS, OVER8, FIFOEN)", old, new, CR1_FROZEN)
        if new & 0xCC006102:
            raise self.error("CR1: UESM, PEIE, MME, CMIE, RTOIE, EOBIE, TXFEIE and RXFFIE are not modelled")
        self._acknowledge("TEACK", old, new, 3)
        self._acknowledge("REACK", old, new, 2)
        if not new & 1:
            self._in.clear()
            self._out.clear()
        self._levels()

    def _acknowledge(self, flag: str, old: int, new: int, bit: int) -> None:
        """TE and RE take effect some kernel cycles after UE and they are set."""
        was, on = old & old >> bit & 1, new & new >> bit & 1
        if on and not was:
            self.rise(flag, 1e-6, self.preamble if bit == 3 else None)
        if was and not on:
            if bit == 3 and self._shifting is not None:
                raise self.error("CR1: the transmitter is switched off while it sends")
            self.fall(flag)

    def irqs(self) -> set[int]:
        status, control = self.values["ISR"], self.values["CR1"]
        raised = (
            (control & 1 << 5 and status & (1 << 5 | 1 << 3))
            or control & status & (1 << 4 | 1 << 6 | 1 << 7)
            or (self.get("CR3", "EIE") and status & 1 << 3)
        )
        return {self.irq} if raised else set()
