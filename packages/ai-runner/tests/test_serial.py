# SPDX-License-Identifier: Apache-2.0
"""The serial driver on a real pseudo-terminal, and finding ports."""

import contextlib
import errno
import os
import select
import socket
import sys
import threading

import numpy as np
import pytest
from ai_runner import AiRunner, InvalidParamError, LinkError, PortBusyError, PortNotFoundError
from ai_runner.drivers import serial_port
from simulated_device import SimulatedDevice, digits_model

needs_pty = pytest.mark.skipif(sys.platform == "win32", reason="pseudo-terminals are POSIX")
IMAGE = np.ones((1, 8, 8, 1), np.int8)


class PtyDevice:
    """A simulated device behind a pseudo-terminal: bytes are carried between it and the device's socket."""

    def __init__(self):
        import tty

        self.device = SimulatedDevice([digits_model()])
        self.device.start()
        self._unplugged = self._gone = False
        self._master, self._slave = os.openpty()
        tty.setraw(self._slave)
        self.port = os.ttyname(self._slave)
        _, host, port = self.device.desc.split(":")
        self._socket = socket.create_connection((host, int(port)))
        self._socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self._threads = [
            threading.Thread(target=self._up, daemon=True),
            threading.Thread(target=self._down, daemon=True),
        ]
        for thread in self._threads:
            thread.start()

    def _up(self):
        with contextlib.suppress(OSError):
            while not self._unplugged:
                if select.select([self._master], [], [], 0.02)[0]:
                    self._socket.sendall(os.read(self._master, 4096))

    def _down(self):
        with contextlib.suppress(OSError):
            while data := self._socket.recv(4096):
                os.write(self._master, data)

    def hang_up(self):
        """Pull the plug: a pseudo-terminal hangs up when nobody has its other end open."""
        self._unplugged = True
        self._threads[0].join()
        self._gone = True
        os.close(self._slave)
        os.close(self._master)

    def stop(self):
        self._unplugged = True
        self.device.stop()
        self._socket.close()
        for thread in self._threads:
            thread.join(5)
        for descriptor in () if self._gone else (self._slave, self._master):
            with contextlib.suppress(OSError):
                os.close(descriptor)


@pytest.fixture
def pty_device():
    device = PtyDevice()
    yield device
    device.stop()


@needs_pty
@pytest.mark.parametrize("form", ["serial:{}", "serial:{}:115200", "{}"])
@pytest.mark.parametrize("checked", [True, False])
def test_runs_over_a_serial_port(pty_device, form, checked):
    with AiRunner().connect(form.format(pty_device.port), checked=checked) as runner:
        outputs, _ = runner.invoke(np.repeat(IMAGE, 3, axis=0))
    assert np.array_equal(outputs[0], np.full((3, 10), 8))


@needs_pty
@pytest.mark.parametrize(
    ("desc", "options", "rate"),
    [
        ("serial:{}", {}, 115200),
        ("serial:{}", {"baudrate": 57600}, 57600),
        ("serial:{}:38400", {"baudrate": 57600}, 38400),
    ],
)
def test_baud_rate_is_set(pty_device, desc, options, rate):
    with AiRunner().connect(desc.format(pty_device.port), **options) as runner:
        assert runner._device.connection.transport._port.baudrate == rate


@needs_pty
def test_busy_port(pty_device):
    with AiRunner().connect(pty_device.port), pytest.raises(PortBusyError, match="used by another program"):
        AiRunner().connect(pty_device.port)


def test_missing_port():
    name = "COM250" if sys.platform == "win32" else "/dev/tty-that-is-not-there"
    with pytest.raises(PortNotFoundError, match=f"E801: {name}: cannot be opened"):
        AiRunner().connect(name)


def test_port_that_may_not_be_opened():
    error = serial_port._open_error("/dev/ttyACM0", OSError(errno.EACCES, "Permission denied"))
    assert isinstance(error, PortBusyError)
    assert "dialout" in str(error)
    assert "used by another program" in str(
        serial_port._open_error("COM7", OSError("PermissionError: Access is denied"))
    )


@needs_pty
def test_board_is_unplugged(pty_device):
    pty_device.device.faults.before_inference = lambda _: pty_device.hang_up()
    runner = AiRunner().connect(pty_device.port)
    with pytest.raises(LinkError, match="unplugged"):
        runner.invoke(IMAGE, timeout=2)
    runner.disconnect()


@pytest.mark.parametrize(
    ("rest", "parts"),
    [
        ("", ("", None)),
        ("COM7", ("COM7", None)),
        ("COM7:9600", ("COM7", 9600)),
        ("/dev/ttyACM0:", ("/dev/ttyACM0", None)),
        ("/dev/cu.usbmodem14203:921600", ("/dev/cu.usbmodem14203", 921600)),
        (r"\\.\COM12:115200", (r"\\.\COM12", 115200)),
        (":57600", ("", 57600)),
    ],
)
def test_port_and_rate(rest, parts):
    assert serial_port.parse_port(rest) == parts


@pytest.mark.parametrize("rest", ["COM7:fast", "/dev/ttyACM0:0", "COM7:-1"])
def test_wrong_rate(rest):
    with pytest.raises(InvalidParamError, match="baud rate"):
        serial_port.parse_port(rest)
