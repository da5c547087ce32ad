# SPDX-License-Identifier: Apache-2.0
"""Lines over sockets: ``socket:HOST:PORT``, and any connected socket (a socketpair to a local process, for example)."""

from __future__ import annotations

import contextlib
import select
import socket
from typing import Any

from ai_runner.errors import InvalidParamError, LinkError, PortNotFoundError

__all__ = ["SocketTransport", "open_socket"]

_MAX_READ = 65536


class SocketTransport:
    """A transport over a connected stream socket, which it closes."""

    byte_seconds = 0.0

    def __init__(self, connection: socket.socket, name: str) -> None:
        self.name = name
        self._socket = connection
        self._socket.setblocking(True)

    def read(self, timeout: float) -> bytes:
        """See `Transport.read`."""
        try:
            ready, _, _ = select.select([self._socket], [], [], max(timeout, 0.0))
            if not ready:
                return b""
            data = self._socket.recv(_MAX_READ)
        except (OSError, ValueError) as error:
            raise LinkError(
                f"{self.name}: cannot read: {error}", "is the device or the emulator still running?"
            ) from error
        if not data:
            raise LinkError(f"{self.name}: the other end closed the connection", "is the emulator still running?")
        return data

    def write(self, data: bytes) -> None:
        """See `Transport.write`."""
        try:
            self._socket.sendall(data)
        except OSError as error:
            raise LinkError(
                f"{self.name}: cannot write: {error}", "is the device or the emulator still running?"
            ) from error

    def close(self) -> None:
        """See `Transport.close`."""
        with contextlib.suppress(OSError):
            self._socket.close()


def open_socket(rest: str, *, connect_timeout: float = 5.0, **_options: Any) -> SocketTransport:
    """Connect to ``HOST:PORT`` (``[v6 address]:PORT`` too), without delay of small packets.

    Args:
        rest: host and port.
        connect_timeout: seconds to wait for the connection.

    Raises:
        InvalidParamError: no host or no port.
        PortNotFoundError: nothing accepts the connection.
    """
    host, _, port = rest.rpartition(":")
    host = host.strip("[]")
    if not host or not port.isdigit() or not 0 < int(port) <= 0xFFFF:
        raise InvalidParamError(
            f"socket:{rest} names no host and port", "write socket:HOST:PORT, as in socket:localhost:5555"
        )
    try:
        connection = socket.create_connection((host, int(port)), timeout=connect_timeout)
    except OSError as error:
        raise PortNotFoundError(
            f"socket {rest}: no connection: {error}", "start the emulator or check host and port"
        ) from error
    # A packet of 33 bytes must not wait for the acknowledge of the one before.
    connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    return SocketTransport(connection, f"socket {rest}")
