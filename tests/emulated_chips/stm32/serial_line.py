# SPDX-License-Identifier: Apache-2.0
"""The wire between a USART and the computer: 8 data bits, no parity, 1 stop bit at a fixed rate."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable

from tests.emulated_chips.stm32.gpio import Wiring
from tests.emulated_chips.stm32.registers import CoreClock, TimedRegisters

FRAME_BITS = 10


class Usart(TimedRegisters):
    """What USARTs of all families do with bytes on the line; registers are the subclasses'.

    A byte that arrives while the receiver is off is lost, as is one that finds the receiver full. A byte at a rate that
    differs too much from the line's is an error, in both directions.

    Attributes:
        sent: bytes that have left on the line, complete with their stop bit.
        lost: bytes that arrived while the receiver was off.
        overruns: bytes that arrived while the receiver was full.
        listener: called with each byte that has left.
        rate: the line's rate, bits a second.
        tolerance: of the rate, as a fraction.
    """

    irq = 0

    def __init__(self, clock: CoreClock, kernel: Callable[[], int], tx: Wiring, rx: Wiring) -> None:
        """Kernel: the frequency in Hz that the baud rate is divided from."""
        self.kernel, self.tx, self.rx = kernel, tx, rx
        self.sent = bytearray()
        self.lost = self.overruns = 0
        self.listener: Callable[[int], None] | None = None
        self.rate, self.tolerance = 115200, 0.01
        self._line: deque[int] = deque()
        self._shifting: int | None = None
        super().__init__(clock)

    def clear(self) -> None:
        """Registers and shift registers; what is on its way on the line stays."""
        super().clear()
        self._shifting = None
        if self._line:
            self._next_arrival()

    # Provided by the subclasses.

    def baud(self) -> float:
        """Bits a second, from clock and registers; 0 if the divider is not set or not allowed."""
        raise NotImplementedError

    def format_fault(self) -> str:
        """Why the format is not 8N1; empty if it is."""
        raise NotImplementedError

    def receiving(self) -> bool:
        """Whether the receiver is on."""
        raise NotImplementedError

    def sending(self) -> bool:
        """Whether the transmitter is on: bytes may leave."""
        raise NotImplementedError

    def received(self, byte: int) -> None:
        """A byte has arrived."""
        raise NotImplementedError

    def waiting(self) -> int | None:
        """Takes the next byte to send from the data register, None if there is none."""
        raise NotImplementedError

    def drained(self) -> None:
        """The last byte has left the shift register."""
        raise NotImplementedError

    # From the line.

    def receive(self, data: bytes) -> None:
        """The other side sends these bytes, back to back, after those on their way."""
        idle = not self._line
        self._line.extend(data)
        if idle and self._line:
            self._next_arrival()

    def in_flight(self) -> int:
        """Bytes given to `receive` that have not arrived."""
        return len(self._line)

    def _next_arrival(self) -> None:
        self.after("line", FRAME_BITS / self.rate, self._arrive)

    def _arrive(self) -> None:
        byte = self._line.popleft()
        if self._line:
            self._next_arrival()
        if not self.gate() or not self.receiving():
            self.lost += 1
            return
        self._check_line(self.rx)
        self.received(byte)

    # To the line.

    def shift(self) -> None:
        """Starts to send the next byte, if the shift register is free."""
        if self._shifting is not None or self.pending("preamble") or not self.sending():
            return
        byte = self.waiting()
        if byte is None:
            return
        self._check_line(self.tx)
        self._shifting = byte
        self.after("sent", FRAME_BITS / self.baud(), self._left)

    def preamble(self) -> None:
        """The idle frame that follows the transmitter's switching on."""
        if self.baud():
            self.after("preamble", FRAME_BITS / self.baud(), self.shift)

    def _left(self) -> None:
        byte, self._shifting = self._shifting, None
        if byte is not None:
            self.sent.append(byte)
            if self.listener is not None:
                self.listener(byte)
        self.shift()
        if self._shifting is None:
            self.drained()

    def _check_line(self, wiring: Wiring) -> None:
        if fault := wiring.fault() or self.format_fault():
            raise self.error(fault)
        baud = self.baud()
        if not baud:
            raise self.error("a byte on the line, but the baud rate divider is not set, or reserved")
        if abs(baud / self.rate - 1) > self.tolerance:
            raise self.error(
                f"runs at {baud:.0f} baud ({self.kernel() / 1e6:.3f} MHz, BRR {self.get('BRR'):#x}),"
                f" the line at {self.rate}"
            )
