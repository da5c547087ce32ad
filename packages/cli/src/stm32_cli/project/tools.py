# SPDX-License-Identifier: Apache-2.0
"""Where the build's own programs and sources are."""

from __future__ import annotations

import os
import shutil
import subprocess
from pathlib import Path
from typing import TYPE_CHECKING

from stm32_cli.errors import CliError, tool_missing

if TYPE_CHECKING:
    from collections.abc import Sequence

NANOPB_FILES = ("pb.h", "pb_common.c", "pb_encode.c", "pb_decode.c")
NANOPB_HINT = (
    "in a clone of the project: make setup; elsewhere: apt-get source nanopb, and set NANOPB_DIR to its folder"
)


def firmware_dir() -> Path:
    """The firmware's CMake project."""
    return (Path(__file__).resolve().parents[1] / "firmware").resolve()


def _wheel_program(name: str) -> Path | None:
    """A program that a wheel of the same name brings, or None."""
    try:
        if name == "cmake":
            from cmake import CMAKE_BIN_DIR

            folder = CMAKE_BIN_DIR
        else:
            from ninja import BIN_DIR

            folder = BIN_DIR
    except ImportError:
        return None
    found = shutil.which(name, path=str(folder))
    return Path(found) if found else None


def build_program(name: str) -> Path:
    """Path of cmake or ninja: of the wheel, else of PATH.

    Raises:
        CliError: it is not installed; exit code 5.
    """
    found = _wheel_program(name) or shutil.which(name)
    if not found:
        raise tool_missing(f"{name} is not installed", f"pip install {name}, or apt-get install {_debian(name)}")
    return Path(found)


def _debian(name: str) -> str:
    return {"ninja": "ninja-build"}.get(name, name)


def nanopb_dir() -> Path | None:
    """The folder of nanopb's C sources: NANOPB_DIR, else what the set-up fetched; None if neither is there."""
    named = os.environ.get("NANOPB_DIR")
    candidates = [Path(named)] if named else [firmware_dir().parent / ".cache" / "nanopb"]
    return next((folder for folder in candidates if all((folder / file).is_file() for file in NANOPB_FILES)), None)


def require_nanopb() -> Path:
    """As `nanopb_dir`.

    Raises:
        CliError: it is nowhere; exit code 5.
    """
    found = nanopb_dir()
    if found is None:
        named = os.environ.get("NANOPB_DIR")
        where = f"NANOPB_DIR={named} does not hold them" if named else "they were not found"
        raise tool_missing(f"the Validation firmware needs nanopb's C sources, and {where}", NANOPB_HINT)
    return found


def run(argv: Sequence[str | Path], cwd: Path | None = None) -> subprocess.CompletedProcess[str]:
    """Runs a program without input, its output captured as text; its exit status is the caller's business.

    Raises:
        CliError: it cannot be started; exit code 5.
    """
    try:
        return subprocess.run(
            [str(word) for word in argv],
            check=False,
            cwd=cwd,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            errors="replace",
        )
    except OSError as error:
        raise tool_missing(f"cannot run {argv[0]}: {error.strerror}", "stm32 doctor lists the tools") from error


def failed(what: str, output: str, hint: str = "", lines: int = 25) -> CliError:
    """The error of a program that failed, with the end of what it printed."""
    tail = "\n".join("  " + line for line in output.strip().splitlines()[-lines:])
    return CliError(f"{what} failed:\n{tail}", hint)
