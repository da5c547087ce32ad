# SPDX-License-Identifier: Apache-2.0
"""Files get to their directory whole or not at all."""

from __future__ import annotations

import os
import shutil
import signal
import tempfile
import threading
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any


def write_directory(files: Mapping[str, bytes], directory: str | os.PathLike[str], *, force: bool = False) -> Path:
    """Writes ``files`` as the whole content of ``directory``.

    They are written next to it and moved into place, so that a full disk leaves nothing half-written. An interrupt
    (Ctrl-C) takes effect when the directory is whole.

    Args:
        files: file name -> content.
        directory: becomes exactly these files; parents are made.
        force: replace a directory that is not empty.

    Raises:
        FileExistsError: it exists and is not an empty directory; with ``force`` it is replaced, if a directory.
        OSError: it cannot be written.
    """
    target = Path(directory)
    occupied = target.exists() and not (target.is_dir() and not any(target.iterdir()))
    if occupied and not (force and target.is_dir()):
        raise FileExistsError(f"{target} exists and is kept")
    target.parent.mkdir(parents=True, exist_ok=True)
    with _interrupts_wait(), tempfile.TemporaryDirectory(dir=target.parent, prefix=f".{target.name}.") as staging:
        fresh = Path(staging) / "new"
        fresh.mkdir()
        for name, content in files.items():
            (fresh / name).write_bytes(content)
        _swap(fresh, target, Path(staging) / "old")
    return target


def _swap(fresh: Path, target: Path, aside: Path) -> None:
    if not target.exists():
        fresh.rename(target)
        return
    target.rename(aside)
    try:
        fresh.rename(target)
    except OSError:
        aside.rename(target)
        raise
    shutil.rmtree(aside, ignore_errors=True)


@contextmanager
def _interrupts_wait() -> Iterator[None]:
    """Keeps SIGINT until the end: raised between two renames it would cost the user the old directory."""
    before = signal.getsignal(signal.SIGINT)
    if threading.current_thread() is not threading.main_thread() or before is None:
        yield
        return
    seen: list[Any] = []
    signal.signal(signal.SIGINT, lambda *arguments: seen.append(arguments))
    try:
        yield
    finally:
        signal.signal(signal.SIGINT, before)
    if seen:
        signal.raise_signal(signal.SIGINT)
