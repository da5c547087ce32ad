# SPDX-License-Identifier: Apache-2.0
"""A line to a local process that speaks the protocol over its standard input and output."""

from __future__ import annotations

import contextlib
import queue
import subprocess
import threading
from typing import IO, TYPE_CHECKING

from ai_runner.errors import LinkError, PortNotFoundError

if TYPE_CHECKING:
    from collections.abc import Sequence

__all__ = ["ProcessTransport"]

_MAX_READ = 65536
_GRACE_SECONDS = 2.0


class ProcessTransport:
    """Starts a process and speaks with it; `close` ends it.

    Args:
        argv: the command; its standard error goes where this process's goes.
        name: how messages call it; the program's name by default.

    Raises:
        PortNotFoundError: it cannot be started.
    """

    byte_seconds = 0.0

    def __init__(self, argv: Sequence[str], name: str = "") -> None:
        self.name = name or argv[0]
        try:
            self._process = subprocess.Popen(list(argv), stdin=subprocess.PIPE, stdout=subprocess.PIPE, bufsize=0)
        except OSError as error:
            raise PortNotFoundError(f"{self.name}: cannot be started: {error}") from error
        self._chunks: queue.SimpleQueue[bytes] = queue.SimpleQueue()
        self._reader = threading.Thread(target=self._pump, args=(self._stream("stdout"),), daemon=True)
        self._reader.start()

    def _stream(self, which: str) -> IO[bytes]:
        stream: IO[bytes] = getattr(self._process, which)
        return stream

    def _pump(self, stream: IO[bytes]) -> None:
        """Pipes cannot be waited for with a time-out on every system; a thread can."""
        with contextlib.suppress(OSError, ValueError):
            while data := stream.read(_MAX_READ):
                self._chunks.put(data)
        self._chunks.put(b"")

    def read(self, timeout: float) -> bytes:
        """See `Transport.read`."""
        try:
            data = self._chunks.get(timeout=max(timeout, 0.001))
        except queue.Empty:
            return b""
        if not data:
            self._chunks.put(b"")
            raise LinkError(f"{self.name}: the process ended with status {self._process.poll()}")
        return data

    def write(self, data: bytes) -> None:
        """See `Transport.write`."""
        rest = memoryview(data)
        try:
            while rest:
                rest = rest[self._stream("stdin").write(rest) :]
        except (OSError, ValueError) as error:
            raise LinkError(f"{self.name}: the process ended: {error}") from error

    def close(self) -> None:
        """Close the process's input, wait for it, kill it when it does not end."""
        with contextlib.suppress(OSError):
            self._stream("stdin").close()
        try:
            self._process.wait(_GRACE_SECONDS)
        except subprocess.TimeoutExpired:
            self._process.kill()
            self._process.wait()
        with contextlib.suppress(OSError):
            self._stream("stdout").close()
