# SPDX-License-Identifier: Apache-2.0
"""Things that take long to make and that all workers of a test run share."""

from __future__ import annotations

import time
from collections.abc import Callable
from pathlib import Path

BUILD_SECONDS = 900.0
"""Longest time that a worker waits for what another one makes."""


def build_once(folder: Path, build: Callable[[], Path]) -> Path:
    """The path that `build` makes in a folder; the first worker that wants it makes it, the others wait.

    Raises:
        AssertionError: it could not be built, here or by the other worker, or took too long.
    """
    finished = folder / "finished"
    try:
        folder.mkdir()
    except FileExistsError:
        end = time.monotonic() + BUILD_SECONDS
        while not finished.exists():
            assert time.monotonic() < end, f"{folder} was not built by another worker"
            time.sleep(0.1)
        said = finished.read_text()
        assert said, f"{folder} could not be built: another test says why"
        return Path(said)
    elf = ""
    try:
        elf = str(build())
    finally:
        part = folder / "finished.part"
        part.write_text(elf)
        part.rename(finished)
    return Path(elf)
