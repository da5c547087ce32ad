# SPDX-License-Identifier: Apache-2.0
"""Following a console: text to standard output and to a file, keys to the board."""

from __future__ import annotations

import codecs
import os
import select
import sys
import threading
import time
from contextlib import contextmanager, nullcontext
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from contextlib import AbstractContextManager
    from pathlib import Path
    from typing import TextIO

    from ai_runner.drivers import Transport

_POLL = 0.1  # seconds


class ConsoleText:
    """Bytes of a console, in pieces of any size, as text: UTF-8, what is none replaced, CR LF turned into LF."""

    def __init__(self) -> None:
        self._decoder = codecs.getincrementaldecoder("utf-8")("replace")
        self._held = ""

    def add(self, data: bytes) -> str:
        """The text that is complete with these bytes; a CR at the end waits for what follows."""
        text = self._held + self._decoder.decode(data)
        self._held = "\r" if text.endswith("\r") and data else ""
        return text[: len(text) - len(self._held)].replace("\r\n", "\n")


@contextmanager
def single_keys() -> Iterator[bool]:
    """Hands keys over as they are pressed, where standard input is a POSIX terminal; yields whether it is.

    The terminal is as before afterwards, also when the user interrupts.
    """
    try:
        import termios
        import tty
    except ImportError:
        yield False
        return
    if not sys.stdin.isatty():
        yield False
        return
    before = termios.tcgetattr(sys.stdin)
    tty.setcbreak(sys.stdin)
    try:
        yield True
    finally:
        termios.tcsetattr(sys.stdin, termios.TCSADRAIN, before)


def _send_keys(line: Transport, stop: threading.Event) -> None:
    while not stop.is_set():
        if select.select([sys.stdin], [], [], _POLL)[0]:
            keys = os.read(sys.stdin.fileno(), 64)
            if not keys:
                return  # the terminal is gone
            line.write(keys)


def _log(path: Path | None) -> AbstractContextManager[TextIO | None]:
    return nullcontext() if path is None else path.open("a", encoding="utf-8")


def follow(
    line: Transport,
    seconds: float | None,
    is_last: Callable[[str], bool] = lambda _text: False,
    log: Path | None = None,
) -> None:
    """Prints what arrives on a line until the time is over, or the user interrupts; keys go to the board.

    Args:
        line: open.
        seconds: after which it ends, None for never.
        is_last: told each piece of text; True ends it, too.
        log: file that the text is appended to, as it comes.

    Raises:
        LinkError: the line broke (a reopening one never does).
    """
    stop = threading.Event()
    end = None if seconds is None else time.monotonic() + seconds
    text = ConsoleText()
    with _log(log) as file, single_keys() as keys:
        if keys:
            threading.Thread(target=_send_keys, args=(line, stop), daemon=True).start()
        try:
            while end is None or time.monotonic() < end:
                piece = text.add(line.read(_POLL))
                for target in (file, sys.stdout) if file else (sys.stdout,):  # what is shown is in the file
                    target.write(piece)
                    target.flush()
                if is_last(piece):
                    break
        finally:
            stop.set()
