# SPDX-License-Identifier: Apache-2.0
"""The Validation firmware against a line and a host that do not behave: raw bytes on its console."""

import socket
import time

import numpy as np
import pytest
from ai_runner import AiRunner
from ai_runner.protocol import framing31
from ai_runner.protocol import stm32_ai_pb2 as pb

pytestmark = pytest.mark.emulator
SEED = 20261122


class Host:
    """A bare 3.1 host on a socket."""

    def __init__(self, description: str) -> None:
        _, name, port = description.split(":")
        self.line = socket.create_connection((name, int(port)))
        self.line.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self.line.settimeout(10)

    def close(self) -> None:
        self.line.close()

    def exactly(self, count: int) -> bytes:
        data = b""
        while len(data) < count:
            part = self.line.recv(count - len(data))
            assert part, "the device closed the line"
            data += part
        return data

    def send(self, message) -> None:
        first, *more = framing31.encode_host(message.SerializeToString())
        self.line.sendall(first)
        for packet in more:
            assert self.exactly(1) == bytes([framing31.NEXT])
            self.line.sendall(packet)

    def receive(self) -> pb.respMsg:
        data, last = b"", False
        while not last:
            packet = self.exactly(33)
            last = bool(packet[0] & 0x80)
            data += packet[1 : 1 + (packet[0] & 0x7F)]
        return pb.respMsg.FromString(data)

    def ask(self, cmd: int, reqid: int = 7, param: int = 0, name: str = "", opt: int = 0) -> pb.respMsg:
        self.send(pb.reqMsg(reqid=reqid, cmd=cmd, param=param, name=name, opt=opt))
        return self.receive()

    def refused(self, answer: pb.respMsg, error: int, words: str) -> None:
        """A refusal: a log message with the reason, which the host acknowledges, then the error."""
        assert answer.WhichOneof("payload") == "log"
        assert words in answer.log.str
        self.send(pb.ackMsg(param=0, error=0))
        final = self.receive()
        assert (final.state, final.ack.error) == (pb.S_ERROR, error)


@pytest.fixture
def host(builder, running):
    elf = builder.image(board="qemu-mps2-an386", models=("tiny", "odd"))
    with running("qemu-mps2-an386", elf) as description:
        client = Host(description)
        yield client
        client.close()


def works(host: Host) -> None:
    """One whole inference."""
    assert host.ask(pb.CMD_NETWORK_RUN, name="tiny", opt=1).state == pb.S_WAITING
    image = np.arange(12, dtype=np.int8)
    for data, state in ((image.tobytes(), pb.S_WAITING), (np.ones(3, np.float32).tobytes(), pb.S_PROCESSING)):
        host.send(pb.aiDataMsg(type=0, size=len(data), addr=0, datas=data))
        assert host.receive().state == state
        host.send(pb.ackMsg(param=0, error=0))
    assert host.receive().op.name == "tiny"
    got = np.frombuffer(host.receive().tensor.data.datas, np.int16)
    np.testing.assert_array_equal(got, image.astype(np.int16) * np.tile(np.array([2, 3, -4], np.int16), 4))
    assert host.receive().state == pb.S_DONE


def test_plain_conversation(host):
    sync = host.ask(pb.CMD_SYNC)
    assert (sync.reqid, sync.sync.version, sync.sync.rtid & 0xFF) == (7, 0x301, pb.RT_TVM)
    assert sync.sync.capability == pb.CAP_OBSERVER | pb.CAP_CHECKED
    assert host.ask(pb.CMD_SYS_INFO).sinfo.devid == 0x386
    works(host)
    assert host.ask(pb.CMD_TEST, param=99).ack.param == 99


def test_models_end_with_an_error(host):
    assert [host.ask(pb.CMD_NETWORK_INFO, param=i).minfo.name for i in range(2)] == ["tiny", "odd"]
    for index in (2, 3, 0xFFFFFFFF):
        answer = host.ask(pb.CMD_NETWORK_INFO, param=index)
        assert (answer.state, answer.ack.error) == (pb.S_ERROR, pb.E_INVALID_PARAM)


@pytest.mark.parametrize("cmd", [2, pb.CMD_MEMORY_READ, pb.CMD_MEMORY_WRITE, pb.CMD_SET_FILTER, 4_000_000_000])
def test_unknown_command_is_refused(host, cmd):
    answer = host.ask(cmd)
    assert (answer.state, answer.ack.error, answer.ack.param) == (pb.S_ERROR, pb.E_INVALID_CMD, cmd)
    works(host)


def test_unknown_model_is_refused_with_a_reason(host):
    host.refused(host.ask(pb.CMD_NETWORK_RUN, name="nonesuch"), pb.E_INVALID_PARAM, "no model of that name")
    works(host)


@pytest.mark.parametrize("size", [0, 1, 11, 13, 5000])
def test_input_of_another_size_is_refused(host, size):
    assert host.ask(pb.CMD_NETWORK_RUN, name="tiny", opt=1).state == pb.S_WAITING
    host.send(pb.aiDataMsg(type=0, size=size, addr=0, datas=bytes(size)))
    host.refused(host.receive(), pb.E_INVALID_SIZE, "another size than the tensor")
    works(host)


def test_direct_memory_access_is_refused(host):
    answer = host.ask(pb.CMD_NETWORK_RUN, name="tiny", param=pb.RUN_DIRECT_WRITE)
    host.refused(answer, pb.E_INVALID_PARAM, "direct access")
    works(host)


def test_one_element_fills_the_input(host):
    assert host.ask(pb.CMD_NETWORK_RUN, name="tiny", param=pb.RUN_CONST_VALUE, opt=1).state == pb.S_WAITING
    for data in (np.int8(-7).tobytes(), np.float32(2).tobytes()):
        host.send(pb.aiDataMsg(type=0, size=len(data), addr=0, datas=data))
        host.receive()
        host.send(pb.ackMsg(param=0, error=0))
    host.receive()
    got = np.frombuffer(host.receive().tensor.data.datas, np.int16)
    np.testing.assert_array_equal(got, np.tile(np.array([-14, -21, 28], np.int16), 4))
    assert np.frombuffer(host.receive().tensor.data.datas, np.int32)[0] == got.sum() + 6


def test_performance_mode_sends_no_data(host):
    assert host.ask(pb.CMD_NETWORK_RUN, name="tiny", param=pb.RUN_PERF, opt=1).state == pb.S_WAITING
    for size in (12, 12):
        host.send(pb.aiDataMsg(type=0, size=size, addr=0, datas=bytes(size)))
        host.receive()
        host.send(pb.ackMsg(param=0, error=0))
    assert host.receive().op.counters[0] > 0
    for _ in range(2):
        tensor = host.receive().tensor
        assert tensor.desc.flags & pb.TENSOR_NO_DATA
        assert tensor.data.datas == b""


def test_half_a_packet_is_forgotten_after_a_while(host):
    host.line.sendall(bytes([20]) + b"x" * 10)
    time.sleep(2.5)
    works(host)


def test_host_that_stops_in_the_middle_is_given_up(host):
    assert host.ask(pb.CMD_NETWORK_RUN, name="tiny", opt=1).state == pb.S_WAITING
    time.sleep(6.5)
    works(host)


def test_client_finds_the_device_after_noise_and_a_flood(builder, running):
    rng = np.random.default_rng(SEED)
    elf = builder.image(board="qemu-mps2-an386", models=("tiny", "odd"))
    for size in (1, 33, 5_000, 100_000):
        with running("qemu-mps2-an386", elf) as description:
            noisy = _NoisyClient(description, rng.bytes(size))
            with AiRunner() as client:
                noisy.connect(client)
                assert client.names == ["tiny", "odd"], f"seed {SEED}, {size} bytes of noise"


class _NoisyClient:
    """Sends noise on the line before ai_runner begins on the same connection."""

    def __init__(self, description: str, noise: bytes) -> None:
        self.description = description
        self.noise = noise

    def connect(self, client: AiRunner) -> None:
        from ai_runner.drivers import open_transport, register, unregister

        def factory(_rest: str, **options):
            transport = open_transport(self.description, **options)
            for start in range(0, len(self.noise), 4096):
                transport.write(self.noise[start : start + 4096])
                transport.read(0.001)
            return transport

        register("noisy", factory)
        try:
            client.connect("noisy:x", timeout=30)
        finally:
            unregister("noisy")
