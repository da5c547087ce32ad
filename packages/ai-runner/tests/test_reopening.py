# SPDX-License-Identifier: Apache-2.0
"""Lines that break and come back, on real pseudo-terminals and sockets."""

import contextlib
import os
import socket
import sys
import time

import pytest
from ai_runner import LinkError, PortNotFoundError
from ai_runner.drivers import open_transport
from ai_runner.drivers.reopening import ReopeningTransport


class PtyBoard:
    """A board behind a pseudo-terminal that can be unplugged and plugged in; its port keeps its name."""

    def __init__(self, folder):
        self.desc = f"serial:{folder / 'ttyACM0'}"
        self._name = folder / "ttyACM0"
        self.plug_in()

    def plug_in(self):
        import tty

        self._master, self._slave = os.openpty()
        tty.setraw(self._slave)
        self._name.symlink_to(os.ttyname(self._slave))

    def unplug(self):
        self._name.unlink(missing_ok=True)
        for descriptor in (self._slave, self._master):
            with contextlib.suppress(OSError):
                os.close(descriptor)

    def say(self, data):
        os.write(self._master, data)

    def hear(self, count):
        return os.read(self._master, count)


class TcpBoard:
    """A board whose line is a socket, as the emulator's is."""

    def __init__(self, _folder):
        self._listener = socket.create_server(("127.0.0.1", 0))
        self.port = self._listener.getsockname()[1]
        self.desc = f"socket:127.0.0.1:{self.port}"
        self._line = None

    def _client(self):
        if self._line is None:
            self._listener.settimeout(10)
            self._line, _ = self._listener.accept()
        return self._line

    def plug_in(self):
        self._listener = socket.create_server(("127.0.0.1", self.port))

    def unplug(self):
        if self._line is not None:
            self._line.close()
        self._listener.close()
        self._line = None

    def say(self, data):
        self._client().sendall(data)

    def hear(self, count):
        return self._client().recv(count)


needs_pty = pytest.mark.skipif(sys.platform == "win32", reason="pseudo-terminals are POSIX")


@pytest.fixture(params=[pytest.param(PtyBoard, marks=needs_pty), TcpBoard])
def board(request, tmp_path):
    made = request.param(tmp_path)
    yield made
    made.unplug()


def read_until(line, wanted, seconds=10.0):
    found, end = b"", time.monotonic() + seconds
    while wanted not in found and time.monotonic() < end:
        found += line.read(0.05)
    return found


def test_line_goes_away_and_comes_back_twice(board):
    told = []
    line = ReopeningTransport(lambda: open_transport(board.desc), told.append)
    try:
        for round_ in range(3):
            board.say(b"hello %d" % round_)
            assert read_until(line, b"hello %d" % round_).endswith(b"hello %d" % round_)
            line.write(b"key")
            assert board.hear(3) == b"key"
            if round_ < 2:
                board.unplug()
                end = time.monotonic() + 10
                while len(told) < 2 * round_ + 1 and time.monotonic() < end:
                    assert line.read(0.05) == b""
                line.write(b"lost")
                board.plug_in()
                while len(told) < 2 * round_ + 2 and time.monotonic() < end:
                    line.read(0.05)
    finally:
        line.close()
    assert [text.rpartition(" ")[2] for text in told] == ["back"] * 4, told
    assert ["waiting until it comes back" in text for text in told] == [True, False, True, False]


def test_first_opening_must_succeed(tmp_path):
    with pytest.raises(PortNotFoundError):
        ReopeningTransport(lambda: open_transport(f"serial:{tmp_path / 'none'}"))


def test_closed_line_does_not_come_back(board):
    line = ReopeningTransport(lambda: open_transport(board.desc))
    board.say(b"x")
    line.close()
    line.close()
    line.write(b"nothing")


def test_plain_line_breaks_for_good(board):
    line = open_transport(board.desc)
    board.say(b"x")
    assert read_until(line, b"x") == b"x"
    board.unplug()
    with pytest.raises(LinkError):
        read_until(line, b"never")
    line.close()
