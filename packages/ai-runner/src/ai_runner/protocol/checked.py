# SPDX-License-Identifier: Apache-2.0
"""The checked mode: COBS frames with a CRC-32, a window, cumulative acknowledge, retransmission.

A frame on the line is the COBS encoding of ``type u8 | sequence u8 | payload | CRC-32 little-endian``, ended by one
zero byte. `CheckedLink` is a pure state machine: received bytes and the time go in, bytes to send and whole messages
come out. It behaves byte for byte like the C implementation in the firmware; one table of vectors drives the tests of
both.
"""

from __future__ import annotations

import zlib
from collections import deque
from dataclasses import dataclass
from enum import IntEnum

from cobs import cobs

__all__ = ["MAGIC", "CheckedLink", "Failure", "Frame", "FrameType", "RejectReason", "decode_frame", "encode_frame"]

MAGIC = 0x434F4253
"""``param`` of the SYNC request that accepts the checked mode ("COBS")."""
PAYLOAD = 512
WINDOW = 4
TIMEOUT_MS = 500
MAX_MESSAGE = 0x0400_0000
TRIES = 5
_OVERHEAD = 6
_MAX_ENCODED = PAYLOAD + _OVERHEAD + (PAYLOAD + _OVERHEAD) // 254 + 1


class FrameType(IntEnum):
    """First byte of a frame."""

    DATA = 0
    LAST = 1
    ACK = 2
    REJECT = 3


class RejectReason(IntEnum):
    """Payload of a reject."""

    BAD_FRAME = 1
    OUT_OF_SEQUENCE = 2


@dataclass(frozen=True)
class Frame:
    """A decoded frame: type (may be one that is not known), sequence 0..255, payload of at most 512 bytes."""

    type: int
    sequence: int
    payload: bytes


@dataclass(frozen=True)
class Failure:
    """The frame that could not be delivered."""

    type: int
    sequence: int
    tries: int


def encode_frame(frame: Frame) -> bytes:
    """Return the frame as it goes to the line, ending zero included."""
    body = bytes([frame.type, frame.sequence]) + frame.payload
    return bytes(cobs.encode(body + zlib.crc32(body).to_bytes(4, "little"))) + b"\0"


def decode_frame(encoded: bytes) -> Frame | None:
    """Decode what stood between two zeros; None when it is no valid frame."""
    if len(encoded) > _MAX_ENCODED:
        return None
    try:
        body = bytes(cobs.decode(encoded))
    except cobs.DecodeError:
        return None
    if not _OVERHEAD <= len(body) <= PAYLOAD + _OVERHEAD:
        return None
    if zlib.crc32(body[:-4]) != int.from_bytes(body[-4:], "little"):
        return None
    return Frame(body[0], body[1], body[2:-4])


class CheckedLink:
    """One end of a link in the checked mode.

    Args:
        timeout_ms: wait before the first retransmission; doubled for each further one.
        tries: times a frame is sent before the link gives up.
    """

    def __init__(self, *, timeout_ms: int = TIMEOUT_MS, tries: int = TRIES) -> None:
        self._timeout_ms = timeout_ms
        self._max_tries = tries
        self._queue: deque[tuple[FrameType, bytes]] = deque()
        self._sent: deque[Frame] = deque()
        self._output = bytearray()
        self._received = bytearray()
        self._message = bytearray()
        self._expected = 0
        self._next = 0
        self._tries = 0
        self._sent_at = 0
        self._rejected = False
        self.failure: Failure | None = None
        self.progress = 0
        """Frames that the peer has acknowledged or sent, each counted once."""

    @property
    def idle(self) -> bool:
        """Whether everything that was sent is acknowledged."""
        return not self._queue and not self._sent

    @property
    def deadline_ms(self) -> int | None:
        """When `poll` has something to do; None when nothing is under way."""
        if not self._sent or self.failure:
            return None
        return self._sent_at + (self._timeout_ms << (self._tries - 1))

    def output(self) -> bytes:
        """Return, once, the bytes that have to go to the line."""
        data = bytes(self._output)
        self._output.clear()
        return data

    def send(self, message: bytes, now_ms: int) -> None:
        """Queue a message, cut into payloads of 512 bytes; what the window allows goes out at once."""
        pieces = [message[i : i + PAYLOAD] for i in range(0, len(message), PAYLOAD)] or [b""]
        self._queue.extend((FrameType.DATA, piece) for piece in pieces[:-1])
        self._queue.append((FrameType.LAST, pieces[-1]))
        self._fill_window(now_ms)

    def receive(self, data: bytes, now_ms: int) -> list[bytes]:
        """Take received bytes; return the messages that they complete."""
        messages: list[bytes] = []
        *ended, rest = data.split(b"\0")
        for piece in ended:
            encoded = bytes(self._received) + piece
            self._received.clear()
            if encoded:
                self._take(encoded, now_ms, messages)
                self._fill_window(now_ms)
        # What is longer than any frame stays too long, whatever follows: no need to keep all of it.
        self._received += rest
        del self._received[_MAX_ENCODED + 1 :]
        return messages

    def poll(self, now_ms: int) -> None:
        """Retransmit what is due."""
        deadline = self.deadline_ms
        if deadline is not None and now_ms >= deadline:
            self._retransmit(now_ms)

    def _take(self, encoded: bytes, now_ms: int, messages: list[bytes]) -> None:
        frame = decode_frame(encoded)
        if frame is None:
            self._reject(RejectReason.BAD_FRAME)
        elif frame.type in (FrameType.DATA, FrameType.LAST):
            self._take_data(frame, messages)
        elif frame.type == FrameType.ACK and len(frame.payload) == 1:
            self._release(frame.payload[0], now_ms)
        elif frame.type == FrameType.REJECT:
            self._take_reject(frame.sequence, now_ms)

    def _take_data(self, frame: Frame, messages: list[bytes]) -> None:
        behind = (self._expected - frame.sequence) & 0xFF
        if behind == 0 and len(self._message) + len(frame.payload) > MAX_MESSAGE:
            return  # never acknowledged: the sender of an endless message gives up
        if behind == 0:
            self._expected = (self._expected + 1) & 0xFF
            self._rejected = False
            self.progress += 1
            self._acknowledge()
            self._message += frame.payload
            if frame.type == FrameType.LAST:
                messages.append(bytes(self._message))
                self._message.clear()
        elif behind <= WINDOW:
            self._acknowledge()
        else:
            self._reject(RejectReason.OUT_OF_SEQUENCE)

    def _take_reject(self, sequence: int, now_ms: int) -> None:
        self._release(sequence, now_ms)
        if self._sent:
            self._retransmit(now_ms)
        else:
            # What was damaged was not our data: perhaps our acknowledge.
            self._acknowledge()

    def _release(self, expected: int, now_ms: int) -> None:
        """The peer has everything before ``expected``; values outside the window are stale and mean nothing."""
        if not self._sent:
            return
        count = (expected - self._sent[0].sequence) & 0xFF
        if 0 < count <= len(self._sent):
            for _ in range(count):
                self._sent.popleft()
            self._tries = 1
            self._sent_at = now_ms
            self.progress += count

    def _fill_window(self, now_ms: int) -> None:
        while self._queue and len(self._sent) < WINDOW and not self.failure:
            kind, payload = self._queue.popleft()
            if not self._sent:
                self._tries = 1
                self._sent_at = now_ms
            frame = Frame(kind, self._next, payload)
            self._next = (self._next + 1) & 0xFF
            self._sent.append(frame)
            self._output += encode_frame(frame)

    def _retransmit(self, now_ms: int) -> None:
        if self._tries >= self._max_tries:
            oldest = self._sent[0]
            self.failure = self.failure or Failure(oldest.type, oldest.sequence, self._tries)
            return
        self._tries += 1
        self._sent_at = now_ms
        for frame in self._sent:
            self._output += encode_frame(frame)

    def _acknowledge(self) -> None:
        self._control(FrameType.ACK, self._expected)

    def _reject(self, reason: RejectReason) -> None:
        """Reject once per expected frame: if the repetition is damaged too, the sender's time-out helps."""
        if not self._rejected:
            self._rejected = True
            self._control(FrameType.REJECT, int(reason))

    def _control(self, kind: FrameType, value: int) -> None:
        if not self.failure:
            self._output += encode_frame(Frame(kind, self._expected, bytes([value])))
