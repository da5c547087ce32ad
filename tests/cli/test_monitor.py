# SPDX-License-Identifier: Apache-2.0
"""`stm32 monitor` as a user runs it: on a terminal of its own, with boards behind pseudo-terminals and sockets."""

import contextlib
import os
import pty
import select
import signal
import socket
import subprocess
import sys
import termios
import threading
import time
import tty
from pathlib import Path

import pytest


def environment() -> dict[str, str]:
    return {key: value for key, value in os.environ.items() if not key.startswith("STM32_")}


class Monitor:
    """The command on a terminal: what is typed there, what it shows."""

    def __init__(self, *arguments: str) -> None:
        self.terminal, self._far = pty.openpty()
        self.before = termios.tcgetattr(self._far)
        argv = [sys.executable, "-m", "stm32_cli", "monitor", *arguments]
        self.process = subprocess.Popen(
            argv,
            stdin=self._far,
            stdout=self._far,
            stderr=self._far,
            env=environment(),
            preexec_fn=self._own_session,  # noqa: PLW1509 - the terminal's Ctrl-C has to reach it
        )
        self.shown = ""

    def _own_session(self) -> None:
        import fcntl

        os.setsid()
        fcntl.ioctl(self._far, termios.TIOCSCTTY, 0)
        signal.signal(signal.SIGINT, signal.default_int_handler)

    def type(self, keys: bytes) -> None:
        os.write(self.terminal, keys)

    def wait_for(self, text: str, seconds: float = 20.0) -> None:
        end = time.monotonic() + seconds
        while text not in self.shown and time.monotonic() < end:
            if select.select([self.terminal], [], [], 0.05)[0]:
                with contextlib.suppress(OSError):
                    self.shown += os.read(self.terminal, 4096).decode()
        assert text in self.shown, self.shown

    def settings(self) -> list:
        return termios.tcgetattr(self._far)

    def close(self) -> None:
        if self.process.poll() is None:
            self.process.kill()
        self.process.wait()
        os.close(self.terminal)
        os.close(self._far)


class Board:
    """A board's serial port: a pseudo-terminal behind a name that stays the same."""

    def __init__(self, folder: Path) -> None:
        self.name = folder / "ttyACM0"
        self.plug_in()

    def plug_in(self) -> None:
        self._master, self._slave = os.openpty()
        tty.setraw(self._slave)
        self.name.symlink_to(os.ttyname(self._slave))

    def unplug(self) -> None:
        self.name.unlink(missing_ok=True)
        for descriptor in (self._slave, self._master):
            with contextlib.suppress(OSError):
                os.close(descriptor)

    def say(self, data: bytes) -> None:
        os.write(self._master, data)

    def hear(self) -> bytes:
        assert select.select([self._master], [], [], 10)[0], "no key arrived"
        return os.read(self._master, 64)


@pytest.fixture
def board(tmp_path: Path):
    made = Board(tmp_path)
    yield made
    made.unplug()


@pytest.fixture
def monitor():
    started = []

    def start(*arguments: str) -> Monitor:
        started.append(Monitor(*arguments))
        return started[-1]

    yield start
    for one in started:
        one.close()


def test_keys_unplugging_log_and_ctrl_c(board: Board, monitor, tmp_path: Path) -> None:
    log = tmp_path / "log of it.txt"
    log.write_text("earlier\n")
    shown = monitor("-d", f"serial:{board.name}", "--log", str(log))
    shown.wait_for("Ctrl-C ends")
    board.say("Grüße\r".encode()[:3])
    time.sleep(0.3)
    board.say("Grüße\r".encode()[3:])
    board.say(b"\nsecond \xff line\r\n")
    shown.wait_for("second \N{REPLACEMENT CHARACTER} line")
    shown.type(b"p")
    assert board.hear() == b"p"
    assert not shown.settings()[3] & (termios.ICANON | termios.ECHO)
    board.unplug()
    shown.wait_for("waiting until it comes back")
    board.plug_in()
    shown.wait_for("is back")
    board.say(b"after reset\r\n")
    shown.wait_for("after reset")
    shown.type(b"x")
    assert board.hear() == b"x"
    shown.type(b"\x03")
    shown.wait_for("interrupted")
    assert shown.process.wait(10) == 130
    assert shown.settings() == shown.before
    assert log.read_text() == "earlier\nGrüße\nsecond \N{REPLACEMENT CHARACTER} line\nafter reset\n"


def test_socket_that_closes_and_opens_again(monitor) -> None:
    listener = socket.create_server(("127.0.0.1", 0))
    port = listener.getsockname()[1]
    shown = monitor("-d", f"socket:127.0.0.1:{port}", "--seconds", "60")
    for round_ in range(2):
        listener.settimeout(20)
        line, _ = listener.accept()
        line.sendall(b"round %d\r\n" % round_)
        shown.wait_for(f"round {round_}")
        line.close()
        listener.close()
        shown.wait_for("waiting until it comes back")
        listener = socket.create_server(("127.0.0.1", port))
    listener.close()
    shown.process.send_signal(signal.SIGINT)
    assert shown.process.wait(10) == 130
    assert shown.shown.count("is back") >= 1  # a listener that is about to close may take the line once more


def test_once_ends_with_the_line(board: Board, monitor) -> None:
    shown = monitor("-d", f"serial:{board.name}", "--once")
    shown.wait_for("Ctrl-C ends")
    board.unplug()
    shown.wait_for("was the board unplugged?")
    assert shown.process.wait(10) == 6
    assert shown.settings() == shown.before


def test_ends_by_itself_without_a_terminal(stm32) -> None:
    listener = socket.create_server(("127.0.0.1", 0))

    def serve() -> None:
        line, _ = listener.accept()
        line.sendall(b"to a file or a pipe\r\n")
        line.recv(1)
        line.close()

    server = threading.Thread(target=serve)
    server.start()
    done = stm32("monitor", "-d", f"socket:127.0.0.1:{listener.getsockname()[1]}", "--seconds", "0.5")
    server.join()
    listener.close()
    assert done.code == 0, done.err
    assert done.out == "to a file or a pipe\n"


def test_port_that_is_not_there(stm32) -> None:
    done = stm32("monitor", "-d", "serial:/dev/tty-of-nobody")
    assert done.code == 6
    assert "/dev/tty-of-nobody: cannot be opened" in done.err
    done = stm32("monitor", "--probe", "no-such-number")
    assert done.code == 6
    assert "no serial port of a probe with serial number no-such-number found" in done.err
    assert "hint: plug the board in, or name the port" in done.err
