# SPDX-License-Identifier: Apache-2.0
"""USART of the STM32F4 (RM0402, chapter 25), asynchronous mode with interrupts, without DMA."""

from __future__ import annotations

from tests.emulated_chips.stm32.registers import register
from tests.emulated_chips.stm32.serial_line import FRAME_BITS, Usart

SIZES = (2, 4)
RXNE, TC, TXE, ORE, IDLE = 1 << 5, 1 << 6, 1 << 7, 1 << 3, 1 << 4
RECEIVE_FLAGS = ("PE", "FE", "NF", "ORE", "IDLE")


class F4Usart(Usart):
    """One USART; `name`, `base` and `irq` are set by the chip."""

    consumed = frozenset({0x04})
    layout = (
        register(
            "SR", 0x00, 0xC0, "PE=0/r FE=1/r NF=2/r ORE=3/r IDLE=4/r RXNE=5/rc_w0 TC=6/rc_w0 TXE=7/r LBD=8/rc_w0"
            " CTS=9/rc_w0", SIZES,
        ),
        register("DR", 0x04, 0, "DR=8:0", SIZES),
        register("BRR", 0x08, 0, "DIV_FRACTION=3:0 DIV_MANTISSA=15:4", SIZES),
        register(
            "CR1", 0x0C, 0, "SBK=0 RWU=1 RE=2 TE=3 IDLEIE=4 RXNEIE=5 TCIE=6 TXEIE=7 PEIE=8 PS=9 PCE=10 WAKE=11 M=12"
            " UE=13 OVER8=15", SIZES,
        ),
        register("CR2", 0x10, 0, "ADD=3:0 LBDL=5 LBDIE=6 LBCL=8 CPHA=9 CPOL=10 CLKEN=11 STOP=13:12 LINEN=14", SIZES),
        register(
            "CR3", 0x14, 0, "EIE=0 IREN=1 IRLP=2 HDSEL=3 NACK=4 SCEN=5 DMAR=6 DMAT=7 RTSE=8 CTSE=9 CTSIE=10 ONEBIT=11",
            SIZES,
        ),
        register("GTPR", 0x18, 0, "PSC=7:0 GT=15:8", SIZES),
    )  # fmt: skip

    def clear(self) -> None:
        self._held: int | None = None
        self._data = 0
        self._sr_read = False
        super().clear()

    def baud(self) -> float:
        brr, over8 = self.get("BRR"), self.get("CR1", "OVER8")
        divider = (brr >> 4) * 8 + (brr & 7) if over8 else brr
        if divider < (8 if over8 else 16) or (over8 and brr & 8):
            return 0.0
        return self.kernel() / divider

    def format_fault(self) -> str:
        if self.get("CR1", "M") or self.get("CR1", "PCE") or self.get("CR2", "STOP"):
            return "the format is not 8 bits, no parity, 1 stop bit (CR1.M, CR1.PCE, CR2.STOP)"
        return ""

    def receiving(self) -> bool:
        return bool(self.get("CR1", "UE") and self.get("CR1", "RE"))

    def sending(self) -> bool:
        return bool(self.get("CR1", "UE") and self.get("CR1", "TE"))

    def received(self, byte: int) -> None:
        if self.get("SR", "RXNE"):
            self.overruns += 1
            self.put("SR", "ORE", 1)
        else:
            self._data = byte
            self.put("SR", "RXNE", 1)
        self.after("idle", FRAME_BITS / self.rate, self._idle)

    def _idle(self) -> None:
        self.put("SR", "IDLE", 1)

    def waiting(self) -> int | None:
        byte, self._held = self._held, None
        if byte is not None:
            self.put("SR", "TXE", 1)
        return byte

    def drained(self) -> None:
        self.put("SR", "TC", 1)

    # Registers.

    def read_sr(self) -> int:
        self._sr_read = True
        return self.values["SR"]

    def read_dr(self) -> int:
        self.put("SR", "RXNE", 0)
        if self._sr_read:
            for flag in RECEIVE_FLAGS:
                self.put("SR", flag, 0)
        self._sr_read = False
        return self._data

    def write_dr(self, _: int, new: int) -> None:
        if not self.sending():
            raise self.error("DR written while the transmitter is off (CR1.UE, CR1.TE)")
        if not self.get("SR", "TXE"):
            raise self.error("DR written while TXE is 0: the byte before is lost")
        if self._sr_read:
            self.put("SR", "TC", 0)
        self._sr_read = False
        self._held = new & 0xFF
        self.put("SR", "TXE", 0)
        self.shift()

    def write_cr1(self, old: int, new: int) -> None:
        if new & 3:
            raise self.error("CR1.SBK and RWU are not modelled")
        sending = new >> 13 & new >> 3 & 1
        if sending and not old >> 13 & old >> 3 & 1:
            self.preamble()
        if not sending and self._shifting is not None:
            raise self.error("CR1: the transmitter is switched off while it sends")

    def write_cr2(self, _: int, new: int) -> None:
        if new & 0x4F60:
            raise self.error("CR2: synchronous mode and LIN are not modelled")

    def write_cr3(self, _: int, new: int) -> None:
        if new & 0x7FE:
            raise self.error("CR3: DMA, flow control, half-duplex, IrDA and smartcard are not modelled")

    def irqs(self) -> set[int]:
        status, control = self.values["SR"], self.values["CR1"]
        raised = (
            (control & RXNE and status & (RXNE | ORE))
            or control & status & (TC | TXE | IDLE)
            or (self.get("CR3", "EIE") and status & ORE)
        )
        return {self.irq} if raised else set()
