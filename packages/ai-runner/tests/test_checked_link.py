# SPDX-License-Identifier: Apache-2.0
"""Two ends of the checked mode over lines that damage, drop and double bytes, in virtual time."""

import random

import pytest
from ai_runner.protocol import checked, framing31
from ai_runner.protocol.checked import CheckedLink, Frame, decode_frame, encode_frame
from hypothesis import given
from hypothesis import strategies as st

SEED = 20261122


def noisy(generator, rate, data):
    out = bytearray()
    for byte in data:
        if generator.random() >= rate:
            out.append(byte)
        else:
            out += generator.choice([b"", bytes([byte, byte]), bytes([generator.randrange(256)])])
    return bytes(out)


def converse(generator, rate, messages):
    """Send messages both ways at once; return what arrived at either end, and the ends."""
    ends, arrived, now = [CheckedLink(), CheckedLink()], [[], []], 0
    for end, sent in zip(ends, messages, strict=True):
        for message in sent:
            end.send(message, now)
    while now < 300_000 and not any(end.failure for end in ends) and not all(end.idle for end in ends):
        for sender, receiver in ((0, 1), (1, 0)):
            data = noisy(generator, rate, ends[sender].output())
            for start in range(0, len(data), 100):
                arrived[receiver] += ends[receiver].receive(data[start : start + 100], now)
        now += 50
        for end in ends:
            end.poll(now)
    return arrived, ends


@pytest.mark.parametrize(("rate", "least"), [(0.0, 40), (0.0002, 40), (0.001, 20), (0.01, 0)])
def test_noisy_lines(rate, least):
    complete = 0
    for case in range(40):
        seed = SEED + case
        generator = random.Random(seed)  # noqa: S311 - noise, no secret
        sizes = [[generator.choice([0, 1, 511, 512, 513, 4000]) for _ in range(6)] for _ in range(2)]
        messages = [[generator.randbytes(size) for size in row] for row in sizes]
        arrived, ends = converse(generator, rate, messages)
        for got, sent in zip(arrived, reversed(messages), strict=True):
            assert got == sent[: len(got)], f"seed {seed}: wrong, doubled or out of order"
        if all(end.idle for end in ends):
            assert [len(got) for got in arrived] == [6, 6], f"seed {seed}: lost"
            complete += 1
        else:
            assert any(end.failure for end in ends), f"seed {seed}: neither done nor failed"
    print(f"seed {SEED}: {complete} of 40 conversations complete")  # noqa: T201
    assert complete >= least


def test_no_single_damaged_byte_is_accepted():
    generator = random.Random(SEED)  # noqa: S311 - noise, no secret
    for _ in range(20000):
        encoded = encode_frame(Frame(generator.randrange(4), generator.randrange(256), generator.randbytes(60)))[:-1]
        index = generator.randrange(len(encoded))
        value = generator.choice([v for v in range(1, 256) if v != encoded[index]])
        assert decode_frame(encoded[:index] + bytes([value]) + encoded[index + 1 :]) is None


@given(st.integers(0, 255), st.integers(0, 255), st.binary(max_size=512))
def test_frames_come_back(kind, sequence, payload):
    frame = Frame(kind, sequence, payload)
    encoded = encode_frame(frame)
    assert encoded.find(0) == len(encoded) - 1
    assert decode_frame(encoded[:-1]) == frame


@given(st.lists(st.binary(max_size=700), max_size=8))
def test_any_bytes_are_survived(chunks):
    link = CheckedLink()
    for chunk in chunks:
        link.receive(chunk, 0)
    assert link.failure is None


def test_endless_messages_take_no_endless_memory(monkeypatch):
    monkeypatch.setattr(checked, "MAX_MESSAGE", 1500)
    monkeypatch.setattr(framing31, "MAX_MESSAGE", 1500)
    link = CheckedLink()
    for sequence in range(100):
        link.receive(encode_frame(Frame(0, sequence, bytes(512))), 0)
    assert len(link._message) == 1024
    decoder = framing31.DeviceDecoder()
    for _ in range(100):
        decoder.feed(b"\x20" + bytes(32))
    assert decoder.bad
    assert decoder.feed(b"") == []
