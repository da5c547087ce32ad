# SPDX-License-Identifier: Apache-2.0
"""Large messages on slow lines: the time-out is for silence, not for the whole message. A real socket, a slow peer."""

import socket
import threading
import time

import pytest
from ai_runner.connection import Connection
from ai_runner.drivers import open_transport
from ai_runner.errors import SilentDeviceError
from ai_runner.protocol.checked import CheckedLink

PAUSE, TIMEOUT = 0.05, 0.4
"""Seconds: of the peer before each read, and without anything until the client gives up."""


def now_ms():
    return int(time.monotonic() * 1000)


class SlowPeer(threading.Thread):
    """Takes few bytes at a time and answers the first message with one of ``answer`` bytes; without, never."""

    def __init__(self, answer):
        super().__init__(daemon=True)
        self._listener = socket.create_server(("127.0.0.1", 0))
        self._answer = answer
        self.desc = f"socket:127.0.0.1:{self._listener.getsockname()[1]}"

    def run(self):
        line, _ = self._listener.accept()
        link, answered = CheckedLink(timeout_ms=60_000), False
        with line, self._listener:
            while data := line.recv(600):
                time.sleep(PAUSE)
                if link.receive(data, now_ms()) and self._answer and not answered:
                    link.send(bytes(self._answer), now_ms())
                    answered = True
                line.sendall(link.output())


def connected(answer):
    peer = SlowPeer(answer)
    peer.start()
    connection = Connection(open_transport(peer.desc), timeout_ms=60_000)
    connection.enter_checked()
    return connection


@pytest.mark.parametrize(("size", "answer"), [(20_000, 10), (10, 60_000)])
def test_a_message_may_take_longer_than_the_time_out(size, answer):
    connection = connected(answer)
    start = time.monotonic()
    connection.send(bytes(size))
    assert connection.receive(TIMEOUT) == bytes(answer)
    assert time.monotonic() - start > TIMEOUT
    connection.close()


def test_a_device_that_only_acknowledges_is_silent():
    connection = connected(0)
    connection.send(bytes(10))
    with pytest.raises(SilentDeviceError, match="sent nothing for 0"):
        connection.receive(TIMEOUT)
    connection.close()
