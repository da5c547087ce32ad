# SPDX-License-Identifier: Apache-2.0
"""Whole messages over a transport, in either mode: where the pure frame cores meet I/O and time."""

from __future__ import annotations

import time
from collections import deque
from typing import TYPE_CHECKING

from ai_runner.errors import InvalidMessageError, SilentDeviceError, UndeliveredFrameError
from ai_runner.protocol import framing31
from ai_runner.protocol.checked import TIMEOUT_MS, TRIES, WINDOW, CheckedLink, FrameType

if TYPE_CHECKING:
    from ai_runner.drivers import Transport

__all__ = ["Connection"]

_FRAME_BYTES = 522


def _now_ms() -> int:
    return int(time.monotonic() * 1000)


class Connection:
    """Sends and receives messages; starts in the compatible mode.

    Args:
        transport: an open line; closed by `close`.
        timeout_ms: the checked mode's first retransmission time-out; at slow rates a full window's time is added.
        tries: the checked mode's number of transmissions of a frame.
        next_seconds: the compatible mode's time for the device to ask for the next packet.
    """

    def __init__(
        self,
        transport: Transport,
        *,
        timeout_ms: int = TIMEOUT_MS,
        tries: int = TRIES,
        next_seconds: float = 5.0,
    ) -> None:
        self.transport = transport
        self._next_seconds = next_seconds
        self._timeout_ms = timeout_ms + int(1000 * WINDOW * _FRAME_BYTES * transport.byte_seconds)
        self._tries = tries
        self._decoder = framing31.DeviceDecoder()
        self._checked: CheckedLink | None = None
        self._messages: deque[bytes] = deque()
        self.last_write = time.monotonic()

    @property
    def is_checked(self) -> bool:
        """Whether the checked mode is on."""
        return self._checked is not None

    def close(self) -> None:
        """Close the line."""
        self.transport.close()

    def enter_checked(self) -> None:
        """Speak the checked mode from here on."""
        self._reset()
        self._checked = CheckedLink(timeout_ms=self._timeout_ms, tries=self._tries)

    def enter_compatible(self) -> None:
        """Speak the compatible mode from here on."""
        self._reset()
        self._checked = None

    def _reset(self) -> None:
        self._decoder.reset()
        self._messages.clear()

    def drain(self, seconds: float) -> bytes:
        """Throw away what arrives until the line is quiet for ``seconds``; return it (the first 64 KB)."""
        thrown = bytearray()
        end = time.monotonic() + 10 * seconds
        while (data := self.transport.read(seconds)) and time.monotonic() < end:
            thrown += data[: 65536 - len(thrown)]
        self._decoder.reset()
        return bytes(thrown)

    def write_raw(self, data: bytes) -> None:
        """Send bytes as they are."""
        self.transport.write(data)
        self.last_write = time.monotonic()

    def send(self, message: bytes) -> None:
        """Send a message.

        Raises:
            LinkError: the line is broken.
            SilentDeviceError: compatible mode: the device does not ask for the next packet.
            InvalidMessageError: compatible mode: it says something else instead.
        """
        if self._checked is None:
            self._send_packets(message)
            return
        self._checked.send(message, _now_ms())
        self._flush(self._checked)

    def receive(self, timeout: float) -> bytes:
        """Return the next message.

        In the checked mode the time begins anew with each frame that either side receives: at slow rates a large
        message is long under way.

        Raises:
            SilentDeviceError: none within ``timeout`` seconds.
            LinkError: the line is broken, or a frame could not be delivered.
            InvalidMessageError: compatible mode: what comes is no packet.
        """
        end, seen = time.monotonic() + timeout, self._progress
        while not self._messages:
            if self._progress != seen:
                end, seen = time.monotonic() + timeout, self._progress
            left = end - time.monotonic()
            if left <= 0:
                part = " more than a part of a message" if self._decoder.partial else ""
                raise SilentDeviceError(f"{self.transport.name}: the device sent nothing{part} for {timeout:g} s")
            self._step(left)
        return self._messages.popleft()

    @property
    def _progress(self) -> int:
        return 0 if self._checked is None else self._checked.progress

    def flush(self, timeout: float) -> bool:
        """Wait until the device has acknowledged everything; False when it has not."""
        end = time.monotonic() + timeout
        while self._checked is not None and not self._checked.idle and time.monotonic() < end:
            self._step(end - time.monotonic())
        return self._checked is None or self._checked.idle

    def _step(self, left: float) -> None:
        """Read once, no longer than ``left`` seconds, and do what is due."""
        if self._checked is None:
            self._take_packets(self.transport.read(left))
            return
        deadline = self._checked.deadline_ms
        if deadline is not None:
            left = min(left, max(deadline - _now_ms(), 0) / 1000)
        data = self.transport.read(left)
        now = _now_ms()
        if data:
            self._messages.extend(self._checked.receive(data, now))
        else:
            self._checked.poll(now)
        self._flush(self._checked)

    def _flush(self, link: CheckedLink) -> None:
        data = link.output()
        if data:
            self.write_raw(data)
        if link.failure is not None:
            frame = link.failure
            kind = FrameType(frame.type).name.lower()
            raise UndeliveredFrameError(
                f"{self.transport.name}: frame {frame.sequence} ({kind}) sent {frame.tries} times, never acknowledged",
                "reset the board, check the cable and the baud rate",
            )

    def _take_packets(self, data: bytes) -> None:
        self._messages.extend(self._decoder.feed(data))
        if self._decoder.bad:
            self._decoder.reset()
            raise InvalidMessageError(
                f"{self.transport.name}: the device sent something that is no packet of protocol 3",
                "bytes were lost or damaged on the line; the checked mode repairs that where the firmware has it",
            )

    def _send_packets(self, message: bytes) -> None:
        first, *more = framing31.encode_host(message)
        self.write_raw(first)
        for index, packet in enumerate(more):
            self._wait_next(index + 1, len(more) + 1)
            self.write_raw(packet)

    def _wait_next(self, index: int, count: int) -> None:
        answer = b""
        end = time.monotonic() + self._next_seconds
        while not answer and time.monotonic() < end:
            answer = self.transport.read(end - time.monotonic())
        if not answer:
            raise SilentDeviceError(
                f"{self.transport.name}: the device asked for no packet {index} of {count} "
                f"within {self._next_seconds:g} s"
            )
        if answer != bytes([framing31.NEXT]):
            raise InvalidMessageError(
                f"{self.transport.name}: instead of asking for packet {index} the device sent {answer[:16].hex(' ')}"
            )
