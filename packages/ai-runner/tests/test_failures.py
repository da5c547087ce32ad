# SPDX-License-Identifier: Apache-2.0
"""What goes wrong between host and device: each has its own clear error."""

import contextlib
import socket
import threading
import time

import numpy as np
import pytest
from ai_runner import (
    AiRunner,
    AiRunnerError,
    DeviceError,
    DeviceResetError,
    InvalidMessageError,
    InvalidModelError,
    InvalidParamError,
    LinkError,
    NotInitializedError,
    PortNotFoundError,
    ProtocolVersionError,
    SilentDeviceError,
    UndeliveredFrameError,
    WrongFirmwareError,
    handshake,
)
from ai_runner.protocol import stm32_ai_pb2 as pb
from simulated_device import Reset, digits_model

IMAGE = np.ones((1, 8, 8, 1), np.int8)


@pytest.fixture(params=[True, False], ids=["checked", "compatible"])
def checked(request):
    return request.param


def test_nothing_listens():
    with socket.create_server(("127.0.0.1", 0)) as server:
        port = server.getsockname()[1]
    with pytest.raises(PortNotFoundError, match=rf"E801: socket 127.0.0.1:{port}: no connection"):
        AiRunner().connect(f"socket:127.0.0.1:{port}")


@pytest.mark.parametrize(
    "desc", ["socket:", "socket:host", "socket:host:port", "socket:host:99999", "nonsense", "", "ftp:x"]
)
def test_wrong_descriptors(desc):
    with pytest.raises(InvalidParamError, match="E804"):
        AiRunner().connect(desc)


def test_silent_device(serve):
    device = serve()
    device.mute = True
    with pytest.raises(SilentDeviceError, match=r"E801: .* does not answer within 1 s"):
        AiRunner().connect(device.desc, timeout=1)


def test_wrong_firmware():
    """Something prints text without being asked, as another firmware does."""
    with socket.create_server(("127.0.0.1", 0)) as server:

        def chatter():
            connection, _ = server.accept()
            with connection, contextlib.suppress(OSError):
                for _ in range(20):
                    connection.sendall(b"tick 123 from another program\r\n")
                    time.sleep(0.05)

        thread = threading.Thread(target=chatter, daemon=True)
        thread.start()
        with pytest.raises(WrongFirmwareError, match=r"E803: .* does not speak protocol 3: 'tick 123"):
            AiRunner().connect(f"socket:127.0.0.1:{server.getsockname()[1]}", timeout=0.5)
        thread.join(5)


@pytest.mark.parametrize(("version", "text"), [(0x0201, "2.1"), (0x0302, "3.2"), (0x0400, "4.0")])
def test_wrong_version(serve, version, text):
    with pytest.raises(ProtocolVersionError, match=f"speaks protocol {text}"):
        AiRunner().connect(serve(version=version).desc)


def test_version_3_0_is_accepted(serve):
    with AiRunner().connect(serve(version=0x0300).desc) as runner:
        runner.invoke(IMAGE)


def test_start_text_before_the_answer(serve):
    with AiRunner().connect(serve(banner=b"\x80board starting...\r\n").desc) as runner:
        runner.invoke(IMAGE)


def test_a_device_that_was_left_in_the_checked_mode(serve):
    device = serve()
    first = AiRunner().connect(device.desc)
    first._device.connection.transport.close()  # the client dies without a word
    begin = time.monotonic()
    with AiRunner().connect(device.desc, timeout=5) as runner:
        assert runner.is_checked
        runner.invoke(IMAGE)
    assert time.monotonic() - begin < 5


def test_insisting_on_the_checked_mode(serve):
    device = serve(capability=pb.CAP_OBSERVER)
    with AiRunner().connect(device.desc) as runner:
        assert not runner.is_checked
        runner.invoke(IMAGE)
    with pytest.raises(ProtocolVersionError, match="no checked mode"):
        AiRunner().connect(device.desc, checked=True)


def test_firmware_without_a_model(serve):
    device = serve()
    device.models.clear()
    with AiRunner().connect(device.desc) as runner:
        assert runner.names == []
        with pytest.raises(InvalidModelError, match="holds no model"):
            runner.invoke(IMAGE)


def test_device_refuses(serve, checked):
    device = serve(run_error=pb.E_INVALID_STATE)
    with AiRunner().connect(device.desc, checked=checked) as runner:
        with pytest.raises(
            DeviceError, match="while running model 'digits': the device answers E_INVALID_STATE"
        ) as caught:
            runner.invoke(IMAGE)
        assert caught.value.exit_code == 1
        device.faults.run_error = 0
        runner.invoke(IMAGE)


def test_device_that_is_not_set_up(serve):
    device = serve(run_error=pb.E_INVALID_UNINITIALIZED)
    with AiRunner().connect(device.desc) as runner, pytest.raises(NotInitializedError, match="E802"):
        runner.invoke(IMAGE)


def test_reset_in_the_middle(serve, checked):
    def reset(device):
        device.faults.before_inference = None
        raise Reset

    device = serve(before_inference=reset)
    runner = AiRunner().connect(device.desc, checked=checked)
    with pytest.raises(DeviceResetError, match="while running model 'digits': it was reset"):
        runner.invoke(IMAGE, timeout=0.5)
    runner.disconnect()
    with AiRunner().connect(device.desc, timeout=5, checked=checked) as again:
        again.invoke(IMAGE)


def test_silence_in_the_middle(serve, checked, monkeypatch):
    monkeypatch.setattr(handshake, "SILENCE_SECONDS", 0.5)

    def die(device):
        device.mute = True

    runner = AiRunner().connect(serve(before_inference=die).desc, checked=checked)
    with pytest.raises(SilentDeviceError, match="while running model 'digits'; it does not answer a SYNC either"):
        runner.invoke(IMAGE, timeout=0.5)
    runner.disconnect()


def test_line_breaks_in_the_middle(serve, checked):
    def hang_up(device):
        device._socket.shutdown(socket.SHUT_RDWR)

    runner = AiRunner().connect(serve(before_inference=hang_up).desc, checked=checked)
    with pytest.raises(LinkError, match="closed the connection"):
        runner.invoke(IMAGE)
    runner.disconnect()


def test_answer_to_another_request(serve, checked):
    def confuse(_device, request):
        if request.cmd == pb.CMD_NETWORK_RUN:
            request.reqid += 1

    runner = AiRunner().connect(serve(before_answer=confuse).desc, checked=checked)
    with pytest.raises(InvalidMessageError, match=r"E803: .*answer to request"):
        runner.invoke(IMAGE)
    runner.disconnect()


def test_output_that_contradicts_its_description(serve, checked):
    model = digits_model()
    device = serve(model)
    runner = AiRunner().connect(device.desc, checked=checked)
    model.outputs[0].shape = (2, 5)
    with pytest.raises(InvalidMessageError, match=r"comes as int8\[2, 5\]"):
        runner.invoke(IMAGE)
    runner.disconnect()


def test_frame_that_is_never_acknowledged(serve, monkeypatch):
    """In the checked mode, the error names the frame."""

    device = serve()
    runner = AiRunner().connect(device.desc, checked=True)
    runner._device.connection._checked._timeout_ms = 20
    monkeypatch.setattr(handshake, "SILENCE_SECONDS", 0.3)
    device.mute = True
    with pytest.raises(UndeliveredFrameError, match=r"frame \d+ \(last\) sent 5 times, never acknowledged"):
        runner.invoke(IMAGE)
    runner.disconnect()


def test_every_error_has_a_code_and_an_exit_code():
    seen = set()
    pending = [AiRunnerError]
    while pending:
        kind = pending.pop()
        pending += kind.__subclasses__()
        assert 800 <= kind.code <= 810
        assert kind.exit_code in {1, 2, 6}
        assert str(kind("what", "do this")) == f"E{kind.code}: what (do this)"
        seen.add(kind.code)
    assert seen == {800, 801, 802, 803, 804, 805, 810}
