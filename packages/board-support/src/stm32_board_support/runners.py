# SPDX-License-Identifier: Apache-2.0
"""Flash programs as data: a runner turns a board's settings, an image and a probe into one exact argument list."""

import os
from collections.abc import Callable
from pathlib import Path

import msgspec

from stm32_board_support.errors import BoardNotFoundError
from stm32_board_support.schema import Board, FlashRunner

Argv = Callable[[FlashRunner, str, str], list[str]]


class Runner(msgspec.Struct, frozen=True):
    """A flash program.

    Attributes:
        program: executable.
        argv: (settings, ELF file, probe serial number or "") -> arguments behind the program.
        install: how to get the program.
    """

    program: str
    argv: Argv
    install: str


def _cube(settings: FlashRunner, elf: str, probe: str) -> list[str]:
    loader = ["--extload", settings.external_loader] if settings.external_loader else []
    serial = [f"sn={probe}"] if probe else []
    return [*loader, "-c", "port=swd", *serial, "mode=UR", "reset=HWrst", "-d", elf, "-s"]


def _quote_tcl(text: str) -> str:
    """A path as one Tcl word: OpenOCD reads -c arguments as Tcl."""
    escaped = "".join("\\" + char if char in '\\"$[]' else char for char in text)
    return f'"{escaped}"'


def _openocd(settings: FlashRunner, elf: str, probe: str) -> list[str]:
    files = [settings.interface or "interface/stlink.cfg", *settings.config]
    sources = [part for file in files for part in ("-f", file)]
    serial = ["-c", f"adapter serial {_quote_tcl(probe)}"] if probe else []
    return [*sources, *serial, "-c", f"program {_quote_tcl(elf)} verify reset exit"]


def _stflash(_settings: FlashRunner, elf: str, probe: str) -> list[str]:
    serial = ["--serial", probe] if probe else []
    return [*serial, "--reset", "--format", "ihex", "write", str(Path(elf).with_suffix(".hex"))]


def _probe_rs(settings: FlashRunner, elf: str, probe: str) -> list[str]:
    serial = ["--probe", probe] if probe else []
    return ["download", "--chip", settings.target, *serial, "--verify", elf]


def _pyocd(settings: FlashRunner, elf: str, probe: str) -> list[str]:
    serial = ["--uid", probe] if probe else []
    return ["flash", "--target", settings.target, *serial, elf]


RUNNERS: dict[str, Runner] = {
    "stm32cubeprogrammer": Runner(
        "STM32_Programmer_CLI",
        _cube,
        "install STM32CubeProgrammer from st.com and set X_CUBE_TOOL_PATH to its bin folder",
    ),
    "openocd": Runner("openocd", _openocd, "apt-get install openocd"),
    "st-flash": Runner("st-flash", _stflash, "apt-get install stlink-tools"),
    "probe-rs": Runner("probe-rs", _probe_rs, "cargo install probe-rs-tools"),
    "pyocd": Runner("pyocd", _pyocd, "pip install pyocd"),
}


def flash_command(board: Board, runner: str, elf: str | os.PathLike[str], probe: str = "") -> list[str]:
    """The exact argument list that writes an image to a board.

    Args:
        board: its [flash.RUNNER] table holds the settings.
        runner: key of RUNNERS.
        elf: image; st-flash is given the .hex file beside it.
        probe: serial number of the debug probe, "" for the only one.

    Returns:
        argv, program first. Nothing is run.

    Raises:
        BoardNotFoundError: the board is not flashed by this program; the message says by which.
    """
    settings = board.descriptor.flash.get(runner)
    if settings is None:
        known = ", ".join(board.descriptor.flash)
        hint = f"it has: {known}" if known else f"a board of kind {board.kind.value!r} is not flashed"
        raise BoardNotFoundError(f"board {board.name} has no flash runner {runner!r}; {hint}")
    row = RUNNERS[runner]
    return [row.program, *row.argv(settings, os.fspath(elf), probe)]
