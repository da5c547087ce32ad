# SPDX-License-Identifier: Apache-2.0
"""Framing of protocol 3.1, the compatible mode: packets of 33 bytes, a count and 32 bytes of payload.

Host to device, a message goes out as a varint length and its bytes, cut in pieces of 32; the device asks for every
packet but the first with one byte `NEXT`. Device to host, no length: the last packet has bit 7 set in its count, and a
message that fills its packets exactly ends with an empty one. There is no checksum and no way to find the start of a
packet again.
"""

from __future__ import annotations

__all__ = ["LAST", "NEXT", "PACKET", "PAYLOAD", "DeviceDecoder", "HostDecoder", "encode_device", "encode_host"]

PAYLOAD = 32
PACKET = PAYLOAD + 1
LAST = 0x80
NEXT = 0xAA
MAX_MESSAGE = 0x0400_0000
_VARINT_BYTES = 4


def _packet(count: int, payload: bytes) -> bytes:
    return bytes([count]) + payload.ljust(PAYLOAD, b"\0")


def encode_varint(value: int) -> bytes:
    """Return ``value`` (>= 0) as a protobuf varint."""
    out = bytearray()
    while value > 0x7F:
        out.append(value & 0x7F | 0x80)
        value >>= 7
    out.append(value)
    return bytes(out)


def encode_host(message: bytes) -> list[bytes]:
    """Cut a message to the device into packets of 33 bytes; wait for `NEXT` before each but the first."""
    stream = encode_varint(len(message)) + message
    pieces = [stream[i : i + PAYLOAD] for i in range(0, len(stream), PAYLOAD)]
    return [_packet(len(piece), piece) for piece in pieces]


def encode_device(message: bytes) -> bytes:
    """Return the packets of a message to the host, one after the other."""
    full = len(message) // PAYLOAD
    packets = [_packet(PAYLOAD, message[i * PAYLOAD : (i + 1) * PAYLOAD]) for i in range(full)]
    rest = message[full * PAYLOAD :]
    packets.append(_packet(len(rest) | LAST, rest))
    return b"".join(packets)


class DeviceDecoder:
    """Puts messages from the device together; bytes in, messages out.

    A packet with an impossible count, or a message above 64 MB, sets ``bad`` and drops what was gathered: where packets
    begin is then unknown, and only silence on the line tells (see `reset`).
    """

    def __init__(self) -> None:
        self._packet = bytearray()
        self._message = bytearray()
        self.bad = False

    def reset(self) -> None:
        """Forget everything that was received."""
        self._packet.clear()
        self._message.clear()
        self.bad = False

    @property
    def partial(self) -> bool:
        """Whether a message has begun and is not complete."""
        return bool(self._packet or self._message)

    def feed(self, data: bytes) -> list[bytes]:
        """Take received bytes; return the messages that they complete."""
        messages: list[bytes] = []
        self._packet += data
        while len(self._packet) >= PACKET and not self.bad:
            packet = bytes(self._packet[:PACKET])
            del self._packet[:PACKET]
            if self._take(packet):
                messages.append(bytes(self._message))
                self._message.clear()
        return messages

    def _take(self, packet: bytes) -> bool:
        count, last = packet[0] & 0x7F, bool(packet[0] & LAST)
        # Only the last packet may be short: a shorter one in the middle is a packet boundary lost.
        if count > PAYLOAD or (not last and count != PAYLOAD) or len(self._message) > MAX_MESSAGE:
            self.reset()
            self.bad = True
            return False
        self._message += packet[1 : 1 + count]
        return last


class HostDecoder:
    """The device's side of the host's packets: bytes in, messages and requests for packets out.

    After `feed`, ``wants_next`` says that the device has to send `NEXT`. Packets that cannot be part of a message are
    dropped and counted in ``dropped``.
    """

    def __init__(self) -> None:
        self._packet = bytearray()
        self._message = bytearray()
        self._length = 0
        self.wants_next = False
        self.dropped = 0

    def feed(self, data: bytes) -> list[bytes]:
        """Take received bytes; return the messages that they complete."""
        messages: list[bytes] = []
        self.wants_next = False
        self._packet += data
        while len(self._packet) >= PACKET:
            packet = bytes(self._packet[:PACKET])
            del self._packet[:PACKET]
            if self._take(packet):
                messages.append(bytes(self._message[: self._length]))
                self._length = 0
                self._message.clear()
        self.wants_next = self._length > 0 and not self._packet
        return messages

    def _take(self, packet: bytes) -> bool:
        count = packet[0]
        payload = packet[1 : 1 + count]
        if not 1 <= count <= PAYLOAD:
            self._drop()
            return False
        if self._length == 0:
            self._length, used = _decode_varint(payload)
            payload = payload[used:]
            if not 0 < self._length <= MAX_MESSAGE:
                self._drop()
                return False
        self._message += payload
        return len(self._message) >= self._length

    def _drop(self) -> None:
        self._length = 0
        self._message.clear()
        self.dropped += 1


def _decode_varint(data: bytes) -> tuple[int, int]:
    """Return (value, bytes used); (0, 0) when there is no complete varint of at most four bytes."""
    value = 0
    for index, byte in enumerate(data[:_VARINT_BYTES]):
        value |= (byte & 0x7F) << (7 * index)
        if not byte & 0x80:
            return value, index + 1
    return 0, 0
