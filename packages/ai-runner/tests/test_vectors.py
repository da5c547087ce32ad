# SPDX-License-Identifier: Apache-2.0
"""The table of vectors that the firmware's C implementation is tested with too."""

import json
from pathlib import Path

import pytest
from ai_runner.protocol import framing31
from ai_runner.protocol.checked import CheckedLink, Frame, decode_frame, encode_frame

TABLE = json.loads(Path(__file__).with_name("protocol_vectors.json").read_text(encoding="utf-8"))


def cases(section):
    return [pytest.param(case, id=case["name"]) for case in TABLE[section]]


@pytest.mark.parametrize("case", cases("frame31_to_device"))
def test_packets_to_device(case):
    message, packets = bytes.fromhex(case["message"]), [bytes.fromhex(p) for p in case["packets"]]
    assert framing31.encode_host(message) == packets
    decoder = framing31.HostDecoder()
    for packet in packets[:-1]:
        assert decoder.feed(packet) == []
        assert decoder.wants_next
    assert decoder.feed(packets[-1]) == [message]
    assert not decoder.wants_next


@pytest.mark.parametrize("case", cases("frame31_to_host"))
def test_packets_to_host(case):
    message, packets = bytes.fromhex(case["message"]), [bytes.fromhex(p) for p in case["packets"]]
    stream = b"".join(packets)
    assert framing31.encode_device(message) == stream
    decoder = framing31.DeviceDecoder()
    received = [m for byte in stream for m in decoder.feed(bytes([byte]))]
    assert received == [message]
    assert not decoder.partial


@pytest.mark.parametrize("case", cases("frame31_to_host_accepted"))
def test_packets_to_host_of_others(case):
    assert framing31.DeviceDecoder().feed(bytes.fromhex(case["bytes"])) == [bytes.fromhex(case["message"])]


@pytest.mark.parametrize("case", cases("frame31_to_host_refused"))
def test_packets_to_host_refused(case):
    decoder = framing31.DeviceDecoder()
    assert decoder.feed(bytes.fromhex(case["bytes"])) == []
    assert decoder.bad


@pytest.mark.parametrize("case", cases("frame31_to_device_dropped"))
def test_packets_to_device_dropped(case):
    decoder = framing31.HostDecoder()
    assert decoder.feed(bytes.fromhex(case["bytes"])) == []
    assert decoder.dropped == 1
    assert not decoder.wants_next


@pytest.mark.parametrize("case", cases("checked_frames"))
def test_checked_frames(case):
    frame = Frame(case["type"], case["sequence"], bytes.fromhex(case["payload"]))
    encoded = bytes.fromhex(case["encoded"])
    assert encode_frame(frame) == encoded
    assert encoded.count(0) == 1
    assert decode_frame(encoded[:-1]) == frame


@pytest.mark.parametrize("case", cases("checked_refused"))
def test_checked_frames_refused(case):
    assert decode_frame(bytes.fromhex(case["encoded"])) is None


@pytest.mark.parametrize("case", cases("checked_links"))
def test_checked_links(case):
    link, now = CheckedLink(), 0
    for step, event in enumerate(case["events"]):
        messages = []
        if "send" in event:
            link.send(bytes.fromhex(event["send"]), now)
        elif "rx" in event:
            messages = link.receive(bytes.fromhex(event["rx"]), now)
        else:
            now = event["tick"]
            link.poll(now)
        assert link.output().hex() == event["tx"], step
        assert [m.hex() for m in messages] == event["messages"], step
        assert (link.failure is not None) == event["failed"], step
