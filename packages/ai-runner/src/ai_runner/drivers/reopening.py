# SPDX-License-Identifier: Apache-2.0
"""A line that is opened again when it breaks: a board that is unplugged and plugged in, an emulator started anew."""

from __future__ import annotations

import threading
import time
from typing import TYPE_CHECKING

from ai_runner.errors import AiRunnerError, LinkError

if TYPE_CHECKING:
    from collections.abc import Callable

    from ai_runner.drivers import Transport

__all__ = ["ReopeningTransport"]

_RETRY_SECONDS = 0.3


class ReopeningTransport:
    """A transport that survives its device's absence; reading then gives nothing, and what is written is lost.

    One thread may read while another writes.

    Args:
        open_line: opens the line; called again after it broke, until it succeeds.
        tell: told in words when the line is lost and when it is back.

    Raises:
        AiRunnerError: the line cannot be opened the first time.
    """

    def __init__(self, open_line: Callable[[], Transport], tell: Callable[[str], None] = lambda _text: None) -> None:
        self._open_line = open_line
        self._tell = tell
        self._lock = threading.Lock()
        first = open_line()
        self._line: Transport | None = first
        self.name = first.name
        self.byte_seconds = first.byte_seconds

    def read(self, timeout: float) -> bytes:
        """As `Transport.read`, without LinkError: a line that breaks is waited for, b"" meanwhile."""
        line = self._line or self._reopen(timeout)
        if line is None:
            return b""
        try:
            return line.read(timeout)
        except LinkError as error:
            self._drop(line, error)
            return b""

    def write(self, data: bytes) -> None:
        """As `Transport.write`, without LinkError: without a line the data is lost."""
        line = self._line
        if line is not None:
            try:
                line.write(data)
            except LinkError as error:
                self._drop(line, error)

    def close(self) -> None:
        """See `Transport.close`."""
        with self._lock:
            line, self._line = self._line, None
        if line is not None:
            line.close()

    def _drop(self, line: Transport, error: LinkError) -> None:
        with self._lock:
            mine = self._line is line
            self._line = None if mine else self._line
        if mine:
            line.close()
            self._tell(f"{error.message}; waiting until it comes back")

    def _reopen(self, timeout: float) -> Transport | None:
        """One attempt; none succeeded: waits until the next is worth it, at most `timeout` seconds."""
        try:
            line = self._open_line()
        except (AiRunnerError, OSError):
            time.sleep(min(timeout, _RETRY_SECONDS))
            return None
        with self._lock:
            self._line = line
        self.name = line.name
        self._tell(f"{line.name} is back")
        return line
