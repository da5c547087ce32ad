# SPDX-License-Identifier: Apache-2.0
"""Where the programs are: the cross compiler (ARM_PATH or PATH), the host compiler, the emulator."""

import os
import shutil
from pathlib import Path

from stm32_board_support.errors import ToolMissingError
from stm32_board_support.schema import Board, Kind

CROSS_PREFIX = "arm-none-eabi-"


def find_program(name: str, install: str, folder_variable: str = "") -> Path:
    """Path of an executable.

    Args:
        name: program name.
        install: how to get it, for the error message.
        folder_variable: environment variable that names the folder which holds it, or whose bin/ does; it wins over
            PATH, and where it is set but wrong that is an error rather than a silent use of another version.

    Raises:
        ToolMissingError: it is not there.
    """
    chosen = os.environ.get(folder_variable, "") if folder_variable else ""
    if not chosen:
        found = shutil.which(name)
        if found is None:
            raise ToolMissingError(f"{name} is not on PATH; {install}")
        return Path(found)
    for folder in (Path(chosen), Path(chosen) / "bin"):
        found = shutil.which(name, path=str(folder))
        if found is not None:
            return Path(found).absolute()
    raise ToolMissingError(f"{folder_variable} is {chosen!r}, which holds no {name}; correct it or unset it")


def cross_tool(name: str) -> Path:
    """Path of arm-none-eabi-NAME, from ARM_PATH or PATH."""
    install = "apt-get install gcc-arm-none-eabi libnewlib-arm-none-eabi, or set ARM_PATH to a toolchain's bin folder"
    return find_program(CROSS_PREFIX + name, install, "ARM_PATH")


def c_compiler(board: Board) -> Path:
    """The compiler for a board: the cross compiler, or CC / cc for the host."""
    if board.kind is not Kind.HOST:
        return cross_tool("gcc")
    return find_program(os.environ.get("CC") or "cc", "apt-get install gcc, or set CC")


def qemu_program() -> Path:
    """Path of qemu-system-arm."""
    return find_program("qemu-system-arm", "apt-get install qemu-system-arm")
