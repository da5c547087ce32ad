# SPDX-License-Identifier: Apache-2.0
"""Write the table of vectors, firmware/protocol/vectors.json: what docs/protocol.md says, as examples.

Built from the specification with zlib and the cobs package only, not with either implementation.
"""

from __future__ import annotations

import json
import zlib
from pathlib import Path

from cobs import cobs

ROOT = Path(__file__).resolve().parents[2]
# The package's tests carry a copy, because they have to pass where only the package is.
COPIES = [
    ROOT / "firmware" / "protocol" / "vectors.json",
    ROOT / "packages" / "ai-runner" / "tests" / "protocol_vectors.json",
]
DATA, LAST, ACK, REJECT = range(4)


def pattern(count: int, seed: int = 1) -> bytes:
    """Return bytes with zeros and long runs without one."""
    return bytes((seed + 7 * i) % 251 if i % 97 else 0 for i in range(count))


def frame(kind: int, sequence: int, payload: bytes = b"") -> bytes:
    """Return an encoded frame with its ending zero."""
    body = bytes([kind, sequence]) + payload
    return cobs.encode(body + zlib.crc32(body).to_bytes(4, "little")) + b"\0"


def ack(expected: int) -> bytes:
    """Return an acknowledge."""
    return frame(ACK, expected, bytes([expected]))


def reject(expected: int, reason: int) -> bytes:
    """Return a reject."""
    return frame(REJECT, expected, bytes([reason]))


def damaged(data: bytes, index: int = 3) -> bytes:
    """Change one byte to another one that is not zero."""
    changed = data[index] ^ 0x55 or 0xAA
    return data[:index] + bytes([changed]) + data[index + 1 :]


def packet(count: int, payload: bytes) -> bytes:
    """Return a packet of 33 bytes."""
    return bytes([count]) + payload.ljust(32, b"\0")


def to_device(message: bytes) -> list[bytes]:
    """Cut a message for the device."""
    prefix = bytes([len(message)]) if len(message) < 128 else bytes([len(message) & 127 | 128, len(message) >> 7])
    stream = prefix + message
    return [packet(len(stream[i : i + 32]), stream[i : i + 32]) for i in range(0, len(stream), 32)]


def to_host(message: bytes) -> list[bytes]:
    """Cut a message for the host."""
    full = len(message) // 32
    packets = [packet(32, message[32 * i : 32 * i + 32]) for i in range(full)]
    return [*packets, packet(len(message) - 32 * full | 128, message[32 * full :])]


def event(
    what: str, value: bytes | int, tx: bytes = b"", messages: list[bytes] | None = None, *, failed: bool = False
) -> dict:
    """Describe one step of a link."""
    shown = value.hex() if isinstance(value, bytes) else value
    return {what: shown, "tx": tx.hex(), "messages": [m.hex() for m in messages or []], "failed": failed}


A, B, C = frame(LAST, 0, b"aa"), frame(LAST, 1, b"bb"), frame(LAST, 2, b"cc")


def good_lines() -> dict[str, list[dict]]:
    """What happens when nothing is lost."""
    long = pattern(2600)
    pieces = [long[i : i + 512] for i in range(0, len(long), 512)]
    sent = [frame(LAST if i == len(pieces) - 1 else DATA, i, piece) for i, piece in enumerate(pieces)]
    tail = frame(DATA, 0, pattern(512))
    return {
        "a message is acknowledged": [event("send", b"aa", A), event("rx", ack(1)), event("tick", 60000)],
        "an empty message": [event("send", b"", frame(LAST, 0)), event("rx", frame(LAST, 0), ack(1), [b""])],
        "received in pieces": [event("rx", A[:4]), event("rx", A[4:], ack(1), [b"aa"])],
        "a message that fills its frame exactly": [
            event("send", pattern(512), frame(LAST, 0, pattern(512))),
            event("rx", frame(LAST, 0, pattern(512)), ack(1), [pattern(512)]),
        ],
        "a message of two frames": [
            event("rx", tail, ack(1)),
            event("rx", frame(LAST, 1, b"end"), ack(2), [pattern(512) + b"end"]),
        ],
        "the window is four frames": [
            event("send", long, b"".join(sent[:4])),
            event("rx", ack(1), sent[4]),
            event("rx", ack(4), sent[5]),
            event("rx", ack(6)),
            event("tick", 60000),
        ],
        "a duplicate is acknowledged and dropped": [
            event("rx", A, ack(1), [b"aa"]),
            event("rx", A, ack(1)),
            event("rx", B, ack(2), [b"bb"]),
            event("rx", A, ack(2)),
        ],
    }


def bad_lines() -> dict[str, list[dict]]:
    """What the receiver does with damaged, doubled, missing and strange frames."""
    return {
        "a damaged frame is rejected once, the repetition accepted": [
            event("rx", damaged(A), reject(0, 1)),
            event("rx", damaged(A)),
            event("rx", A, ack(1), [b"aa"]),
            event("rx", damaged(B), reject(1, 1)),
            event("rx", B, ack(2), [b"bb"]),
        ],
        "a gap is rejected once": [
            event("rx", B, reject(0, 2)),
            event("rx", C),
            event("rx", A + B + C, ack(1) + ack(2) + ack(3), [b"aa", b"bb", b"cc"]),
        ],
        "garbage up to the next zero is dropped": [
            event("rx", b"hello\r\n\0" + A, reject(0, 1) + ack(1), [b"aa"]),
            event("rx", b"\0\0\0" + B, ack(2), [b"bb"]),
        ],
        "a frame cut short spoils the next one only": [
            event("rx", A[:-1] + b"\x07" + A, reject(0, 1)),  # one zero is lost: two frames run together
            event("rx", A, ack(1), [b"aa"]),
        ],
        "too long": [event("rx", b"\x05" * 700 + b"\0", reject(0, 1)), event("rx", A, ack(1), [b"aa"])],
        "a payload of 513 bytes is no frame": [event("rx", frame(LAST, 0, pattern(513)), reject(0, 1))],
        "an unknown type is ignored": [event("rx", frame(9, 0, b"?")), event("rx", A, ack(1), [b"aa"])],
        "an acknowledge of another size is ignored": [
            event("send", b"aa", A),
            event("rx", frame(ACK, 1)),
            event("rx", frame(ACK, 1, b"\1\1")),
            event("tick", 500, A),
        ],
    }


def repetitions() -> dict[str, list[dict]]:
    """What the sender does with rejects and acknowledges."""
    return {
        "a reject is answered by what it asks for": [
            event("send", b"aa", A),
            event("send", b"bb", B),
            event("send", b"cc", C),
            event("rx", reject(1, 1), B + C),
            event("rx", ack(3)),
        ],
        "a reject with nothing outstanding is answered by the acknowledge": [
            event("rx", A, ack(1), [b"aa"]),
            event("rx", reject(0, 1), ack(1)),
        ],
        "stale acknowledges mean nothing": [
            event("send", b"aa", A),
            event("rx", ack(0)),
            event("rx", ack(2)),
            event("rx", ack(255)),
            event("tick", 500, A),
            event("rx", ack(1)),
        ],
    }


def time_outs() -> dict[str, list[dict]]:
    """When silence makes the sender repeat or give up, and sequences that wrap."""
    return {
        "time-outs double, five tries, then an error": [
            event("send", b"aa", A),
            event("tick", 499),
            event("tick", 500, A),
            event("tick", 1499),
            event("tick", 1500, A),
            event("tick", 3500, A),
            event("tick", 7499),
            event("tick", 7500, A),
            event("tick", 15499),
            event("tick", 15500, b"", failed=True),
        ],
        "progress restarts the count": [
            event("send", b"aa", A),
            event("send", b"bb", B),
            event("tick", 500, A + B),
            event("tick", 1500, A + B),
            event("rx", ack(1)),
            event("tick", 1999),
            event("tick", 2000, B),
        ],
        "sequences wrap": [
            *(
                step
                for i in range(258)
                for step in (
                    event("send", bytes([i & 255]), frame(LAST, i & 255, bytes([i & 255]))),
                    event("rx", ack((i + 1) & 255)),
                )
            ),
        ],
    }


def link_cases() -> list[dict]:
    """Conversations in the checked mode, seen from one end that starts with both sequences at 0 and time 0."""
    cases = good_lines() | bad_lines() | repetitions() | time_outs()
    return [{"name": name, "events": events} for name, events in cases.items()]


def frame31_tables() -> dict[str, list[dict]]:
    """Packets of the compatible mode, both ways, good and bad."""
    sizes = (1, 10, 31, 32, 33, 62, 63, 64, 65, 127, 128, 129, 254, 1000)
    bad_to_device = {
        "count 0": packet(0, b""),
        "count 33": packet(33, b"\x05hello"),
        "length 0": packet(1, b"\0"),
        "length of five bytes": packet(9, b"\xff\xff\xff\xff\x01abc"),
        "length cut off": packet(1, b"\x80"),
    }
    bad_to_host = {
        "count 33": packet(33, b"x"),
        "count 127, last": packet(255, b"x"),
        "short packet that is not the last": packet(5, b"x"),
    }
    full = {"bytes": packet(32 | 128, pattern(32)).hex(), "message": pattern(32).hex()}
    return {
        "frame31_to_device": [
            {"name": f"{n} bytes", "message": message.hex(), "packets": [p.hex() for p in to_device(message)]}
            for n, message in ((n, pattern(n, 3)) for n in sizes)
        ],
        "frame31_to_host": [
            {"name": f"{n} bytes", "message": message.hex(), "packets": [p.hex() for p in to_host(message)]}
            for n, message in ((n, pattern(n, 5)) for n in (0, *sizes, 96))
        ],
        "frame31_to_host_accepted": [{"name": "a full last packet, no empty one behind", **full}],
        "frame31_to_host_refused": [{"name": name, "bytes": data.hex()} for name, data in bad_to_host.items()],
        "frame31_to_device_dropped": [{"name": name, "bytes": data.hex()} for name, data in bad_to_device.items()],
    }


def checked_tables() -> dict[str, list[dict]]:
    """Frames of the checked mode, good and bad."""
    payloads = {
        "empty": b"",
        "one zero": b"\0",
        "zeros": bytes(10),
        "no zero": bytes(range(1, 200)),
        "run of 253": b"\x11" * 253,
        "run of 254": b"\x11" * 254,
        "run of 255": b"\x11" * 255,
        "run of 254, then zero": b"\x11" * 254 + b"\0",
        "ends with zero": b"ab\0",
        "full": pattern(512),
        "full without zero": b"\xff" * 512,
    }
    good = frame(LAST, 1, b"good frame")
    refused = {
        "a damaged byte": damaged(good, 5)[:-1],
        "the last byte missing": good[:-2],
        "the first byte missing": good[1:-1],
        "too short": cobs.encode(b"\0\0\0\0\0"),
        "a block that is too long": bytes.fromhex("ff0102"),
        "only a checksum of nothing": cobs.encode(zlib.crc32(b"").to_bytes(4, "little")),
    }
    return {
        "checked_frames": [
            {
                "name": name,
                "type": LAST,
                "sequence": 200,
                "payload": data.hex(),
                "encoded": frame(LAST, 200, data).hex(),
            }
            for name, data in payloads.items()
        ],
        "checked_refused": [{"name": name, "encoded": data.hex()} for name, data in refused.items()],
        "checked_links": link_cases(),
    }


def main() -> None:
    """Write the table."""
    about = "Examples of docs/protocol.md; written by tests/protocol/make_vectors.py. Bytes are hexadecimal."
    table = {"about": about, **frame31_tables(), **checked_tables()}
    for path in COPIES:
        path.write_text(json.dumps(table, indent=1) + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
