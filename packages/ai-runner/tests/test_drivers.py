# SPDX-License-Identifier: Apache-2.0
"""Drivers that another package adds."""

import socket
import sys

import numpy as np
import pytest
from ai_runner import AiRunner, InvalidParamError, LinkError, PortNotFoundError, drivers
from ai_runner.drivers.pipes import ProcessTransport
from ai_runner.drivers.tcp import SocketTransport

IMAGE = np.ones((1, 8, 8, 1), np.int8)
# Carries bytes between its standard streams and a port: a local process that speaks the protocol.
RELAY = """
import os, socket, sys, threading
line = socket.create_connection((sys.argv[1], int(sys.argv[2])))
line.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
def down():
    while data := line.recv(4096):
        os.write(1, data)
threading.Thread(target=down, daemon=True).start()
while data := os.read(0, 4096):
    line.sendall(data)
"""


@pytest.fixture
def scheme():
    yield "try-out"
    drivers.unregister("try-out")


def test_registered_scheme_gets_the_rest_and_the_options(serve, scheme):
    device = serve()
    _, host, port = device.desc.split(":")
    calls = []

    def factory(rest, **options):
        calls.append((rest, options))
        return SocketTransport(socket.create_connection((host, int(port))), "our line")

    drivers.register(scheme, factory)
    assert scheme in drivers.schemes()
    with AiRunner().connect(f"{scheme}:a:b", speed=3) as runner:
        assert "our line" in repr(runner)
        runner.invoke(IMAGE)
    assert calls == [("a:b", {"speed": 3})]
    drivers.unregister(scheme)
    with pytest.raises(InvalidParamError, match="not understood"):
        AiRunner().connect(f"{scheme}:a:b")


@pytest.mark.parametrize("checked", [True, False])
def test_local_process(serve, scheme, checked):
    _, host, port = serve().desc.split(":")
    drivers.register(
        scheme, lambda rest, **_: ProcessTransport([sys.executable, "-c", RELAY, host, port], f"process {rest}")
    )
    with AiRunner().connect(f"{scheme}:x", checked=checked) as runner:
        process = runner._device.connection.transport._process
        assert np.array_equal(runner.invoke(IMAGE)[0][0], np.full((1, 10), 8))
    assert process.poll() is not None


def test_local_process_that_ends(scheme):
    drivers.register(
        scheme, lambda _rest, **_: ProcessTransport([sys.executable, "-c", "raise SystemExit(3)"], "short")
    )
    with pytest.raises(LinkError, match="short: the process ended"):
        AiRunner().connect(scheme)


def test_local_process_that_cannot_start():
    with pytest.raises(PortNotFoundError, match="cannot be started"):
        ProcessTransport(["/no/such/program"])


@pytest.mark.parametrize("name", ["", "x", "a b", "9x", "a:b"])
def test_scheme_names(name):
    with pytest.raises(InvalidParamError):
        drivers.register(name, lambda rest: rest)
