# SPDX-License-Identifier: Apache-2.0
"""`stm32 monitor`."""

from __future__ import annotations

import os
import select
import sys
import threading
import time
from contextlib import contextmanager
from typing import TYPE_CHECKING

import click

from stm32_cli import console, options

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from ai_runner.drivers import Transport

_POLL = 0.1  # seconds


@contextmanager
def _single_keys() -> Iterator[bool]:
    """Hands keys over as they are pressed, where standard input is a POSIX terminal; yields whether it is."""
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
            line.write(os.read(sys.stdin.fileno(), 64))


def follow(line: Transport, seconds: float | None, is_last: Callable[[str], bool] = lambda _text: False) -> None:
    """Prints what arrives on a line until it breaks, the time is over, or the user interrupts.

    Args:
        line: open.
        seconds: after which it ends, None for never.
        is_last: told each piece of text; True ends it, too.
    """
    stop = threading.Event()
    end = None if seconds is None else time.monotonic() + seconds
    with _single_keys() as keys:
        if keys:
            threading.Thread(target=_send_keys, args=(line, stop), daemon=True).start()
        try:
            while end is None or time.monotonic() < end:
                text = line.read(_POLL).decode("utf-8", errors="replace").replace("\r\n", "\n")
                sys.stdout.write(text)
                sys.stdout.flush()
                if is_last(text):
                    break
        finally:
            stop.set()


@click.command(help="Show what a board writes to its serial line; keys that are pressed go to it. Ctrl-C ends it.")
@options.option(
    "-d", "--device", default="serial", show_default=True, help="serial[:PORT[:BAUD]], socket:HOST:PORT, a port."
)
@click.option("--seconds", type=click.FloatRange(min=0), default=None, help="End by itself.")
def command(device: str, seconds: float | None) -> None:
    """Shows serial text."""
    from ai_runner.drivers import open_transport

    line = open_transport(device)
    console.message(f"{line.name}: Ctrl-C ends")
    try:
        follow(line, seconds)
    finally:
        line.close()
