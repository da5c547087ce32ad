# SPDX-License-Identifier: Apache-2.0
"""Conversations of protocol 3.1 as recorded bytes, written from the protocol's facts without this project's code.

A recording is a list of (what the host must send, what the device answers). Field by field: 08 reqid, 10 state or
command, and so on; a packet is a count and 32 bytes.
"""

import socket
import struct
import threading

import numpy as np
from ai_runner import AiRunner


def varint(value):
    out = b""
    while value > 127:
        out += bytes([value & 127 | 128])
        value >>= 7
    return out + bytes([value])


def number(tag, value):
    return varint(tag << 3) + varint(value & 0xFFFF_FFFF_FFFF_FFFF)


def block(tag, data):
    return varint(tag << 3 | 2) + varint(len(data)) + data


def real(tag, value):
    return varint(tag << 3 | 5) + struct.pack("<f", value)


def from_device(message):
    packets = b""
    while len(message) >= 32:
        packets += b"\x20" + message[:32]
        message = message[32:]
    return packets + bytes([0x80 | len(message)]) + message.ljust(32, b"\0")


def to_device(message):
    stream = varint(len(message)) + message
    return [bytes([len(stream[i : i + 32])]) + stream[i : i + 32].ljust(32, b"\0") for i in range(0, len(stream), 32)]


def request(reqid, command, param=0, name=b"", opt=0):
    return number(1, reqid) + number(2, command) + number(3, param) + block(4, name) + number(5, opt)


def response(reqid, state, tag, payload):
    return from_device(number(1, reqid) + number(2, state) + block(tag, payload))


def ack(reqid, state, error=0):
    return response(reqid, state, 12, number(1, 0) + number(2, error))


def tensor_desc(name, fmt, size, n_dims, dims, scale, zero_point, flags):
    return (
        block(1, name) + number(2, fmt) + number(3, size) + number(4, n_dims) + b"".join(number(5, d) for d in dims)
        + real(6, scale) + number(7, zero_point) + number(8, 0x20000400) + number(9, flags)
    )  # fmt: skip


INPUT = tensor_desc(b"serving_default_x:0", 0x00840440, 40, 5 << 24 | 2, [1, 40], 0.5, -1, 1)
# Old firmware: float format with bit 24, shape in the order batch, channel, width, height.
OUTPUT = tensor_desc(b"", 0x01821040, 6, 1 << 24 | 4, [1, 3, 1, 2], 0.0, 0, 2)
POOL = tensor_desc(b"", 0x00040440, 2048, 5 << 24 | 1, [2048], 0.0, 0, 8)
OUTPUT_LAST = tensor_desc(b"", 0x01821040, 6, 1 << 24 | 4, [1, 3, 1, 2], 0.0, 0, 2 | 256)
VALUES = np.arange(6, dtype="<f4") / 4
SAMPLE = np.arange(40, dtype=np.int8).reshape(1, 40)


def model_info():
    return (
        block(1, b"network") + number(2, 1 | 1 << 8 | 1 << 16) + block(3, b"0xd5cd5ba5b9b3f8b3")
        + block(4, b"Tue Mar 5 2024") + number(5, 9 << 24) + number(6, 9 << 24) + number(7, 1 << 33) + number(8, 4)
        + number(10, 1) + block(11, INPUT) + number(12, 1) + block(13, OUTPUT)
        + number(14, 1) + block(15, POOL) + number(16, 0) + block(20, b"GCC 12.3.1")
    )  # fmt: skip


def operator(name, kind, duration):
    return (
        block(1, name) + number(2, kind) + number(3, 0) + real(4, duration) + number(5, 0)
        + number(6, 5000) + number(6, 1) + number(7, 1234) + number(8, -1)
    )  # fmt: skip


def recording():
    """SYNC, SYS_INFO, NETWORK_INFO 0 and 1, then a run with one node: requests 1, 17, 18, 19, 20."""
    sync = number(1, 3 << 8 | 1) + number(4, 1) + number(5, 1 | 1 << 8 | 1 << 16)
    sinfo = number(1, 0x450) + number(2, 480_000_000) + number(3, 240_000_000) + number(4, 3) + number(5, 7)
    data = number(1, 0) + number(2, 40) + number(3, 0) + block(4, SAMPLE.tobytes())
    node = block(1, tensor_desc(b"", 0x00840840, 3, 5 << 24 | 1, [3], 0.0, 0, 4 | 256 | 512)) + block(
        2, number(1, 0) + number(2, 0) + number(3, 0) + block(4, b"")
    )
    tensor = block(1, OUTPUT_LAST) + block(2, number(1, 0) + number(2, 24) + number(3, 0) + block(4, VALUES.tobytes()))
    run = response(20, 2, 16, operator(b"conv", 3 << 24 | 0x103, 0.75)) + response(20, 2, 17, node)
    run += response(20, 2, 16, operator(b"", 0, 1.25)) + response(20, 3, 17, tensor)
    host_ack = number(1, 0) + number(2, 0)
    return [
        (request(1, 0), response(1, 0, 10, sync)),
        (request(17, 1), response(17, 0, 11, sinfo)),
        (request(18, 10), response(18, 0, 22, model_info())),
        (request(19, 10, 1), ack(19, 4, 4)),
        (request(20, 11, 3, b"network", 1), ack(20, 1)),
        (data, ack(20, 2)),
        (host_ack, run),
    ]


class Replayer(threading.Thread):
    """Plays a recording over TCP and notes every byte that is not as recorded."""

    def __init__(self, conversation):
        super().__init__(daemon=True)
        self.server = socket.create_server(("127.0.0.1", 0))
        self.conversation = conversation
        self.problems = []

    def run(self):
        connection, _ = self.server.accept()
        connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        with connection, connection.makefile("rb") as line:
            for message, answer in self.conversation:
                packets = to_device(message)
                for index, packet in enumerate(packets):
                    received = line.read(33)
                    if received != packet:
                        self.problems.append((received.hex(), packet.hex()))
                        return
                    if index + 1 < len(packets):
                        connection.sendall(b"\xaa")
                connection.sendall(answer)
            if line.read(1):
                self.problems.append("more than was recorded")


def test_a_firmware_of_another_maker():
    replayer = Replayer(recording())
    replayer.start()
    runner = AiRunner()
    runner.connect(f"socket:127.0.0.1:{replayer.server.getsockname()[1]}", timeout=2)
    assert not runner.is_checked
    outputs, profile = runner.invoke(SAMPLE, mode=runner.Mode.PER_LAYER)
    info = runner.get_info()
    runner.disconnect()
    replayer.join(5)
    replayer.server.close()
    assert replayer.problems == []
    assert np.array_equal(outputs[0], VALUES.reshape(1, 2, 1, 3))
    assert info["inputs"][0] == {
        "name": "serving_default_x:0", "shape": [1, 40], "dtype": "int8", "bytes": 40, "scale": 0.5, "zero_point": -1,
    }  # fmt: skip
    assert (info["macc"], info["activations"], info["weights"]) == (1 << 33, 2048, 0)
    assert info["runtime"]["name"] == "ST.AI"
    assert profile["c_nodes"][0]["name"] == "conv"
    assert profile["c_nodes"][0]["layer_type"] == 0x103
    assert profile["debug"]["counters"]["values"] == [[1 << 32 | 5000]]
    assert profile["debug"]["heap_usage"] == -1
