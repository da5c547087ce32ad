# SPDX-License-Identifier: Apache-2.0
"""Which flash program can write an image, which is installed, and what its failure means."""

import os
import re
import shutil
import sys
from pathlib import Path

import msgspec

from stm32_board_support.elf import ElfFile
from stm32_board_support.errors import FlashRefusedError, ToolMissingError
from stm32_board_support.runners import RUNNERS, runner_settings
from stm32_board_support.schema import Board
from stm32_board_support.toolchain import find_program


def touched_memories(board: Board, elf: str | os.PathLike[str]) -> list[str]:
    """The memories that writing an image touches, in the descriptor's order.

    Raises:
        ElfError: the file is not readable as ELF.
        FlashRefusedError: it has content outside of all memories of the board: it was built for another one.
    """
    segments = ElfFile(elf).segments
    for segment in segments:
        if not any(m.origin <= segment.address and segment.end <= m.end for m in board.memories.values()):
            raise FlashRefusedError(
                f"{os.fspath(elf)} has {len(segment.content)} bytes at {segment.address:#010x}, where board "
                f"{board.name} has no memory\nbuild it for this board"
            )
    return [
        name
        for name, memory in board.memories.items()
        if any(memory.origin <= segment.address < memory.end for segment in segments)
    ]


def touches_external(board: Board, memories: list[str]) -> bool:
    """Whether one of these memories is outside of the chip."""
    return any(board.memories[name].external for name in memories)


def able_runners(board: Board, memories: list[str]) -> list[str]:
    """The board's flash programs that can write all of these memories, in the descriptor's order."""
    return [name for name, settings in board.descriptor.flash.items() if set(memories) <= set(settings.writes)]


def require_able(board: Board, runner: str, memories: list[str]) -> None:
    """Refuse a flash program that cannot write an image.

    Raises:
        BoardNotFoundError: the board is not flashed by it.
        FlashRefusedError: it does not write one of the memories; the message names it, and the programs that do.
    """
    missing = [name for name in memories if name not in runner_settings(board, runner).writes]
    if missing:
        able = ", ".join(able_runners(board, memories)) or "none of this board's runners"
        raise FlashRefusedError(
            f"{runner} cannot write memory {', '.join(missing)} of {board.name}, which the image touches\n"
            f"able to write it: {able}; or build with a layout that leaves {', '.join(missing)} alone (stm32 boards)"
        )


def _usual_folders(program: str) -> list[Path]:
    """Where installers put programs without extending PATH."""
    beside_python = Path(sys.executable).parent
    if program != "STM32_Programmer_CLI":
        return [beside_python]
    inside = Path("STMicroelectronics/STM32Cube/STM32CubeProgrammer")
    windows = [
        Path(os.environ[key]) / inside / "bin" for key in ("ProgramFiles", "ProgramFiles(x86)") if key in os.environ
    ]
    mac = Path("/Applications") / inside / "STM32CubeProgrammer.app/Contents/MacOs/bin"
    return [Path.home() / inside / "bin", mac, *windows]


def find_runner(runner: str) -> Path:
    """Path of a flash program: by its environment variable, PATH, or the folder that its installer takes.

    Raises:
        ToolMissingError: it is not there; the message says how to get it.
    """
    row = RUNNERS[runner]
    named = bool(row.folder_variable and os.environ.get(row.folder_variable))
    if not named and shutil.which(row.program) is None:
        usual = (shutil.which(row.program, path=str(folder)) for folder in _usual_folders(row.program))
        found = next(filter(None, usual), None)
        if found:
            return Path(found)
    return find_program(row.program, row.install, row.folder_variable)


def is_installed(runner: str) -> bool:
    """Whether a flash program is there."""
    try:
        find_runner(runner)
    except ToolMissingError:
        return False
    return True


def choose_runner(board: Board, memories: list[str]) -> str:
    """The board's first flash program that is installed and can write these memories.

    Raises:
        FlashRefusedError: none can write them.
        ToolMissingError: none that can is installed; the message says how to get each.
    """
    able = able_runners(board, memories)
    if not able:
        runners = ", ".join(board.descriptor.flash) or "none"
        raise FlashRefusedError(
            f"no flash runner of {board.name} (it has: {runners}) writes all of {', '.join(memories)}, which the image "
            "touches\nchoose another layout (stm32 boards), or name a program that can in its board.toml"
        )
    chosen = next((name for name in able if is_installed(name)), None)
    if chosen is None:
        ways = "; ".join(f"{name}: {RUNNERS[name].install}" for name in able)
        raise ToolMissingError(f"no flash program that can write this image to {board.name} is installed\n{ways}")
    return chosen


class Diagnosis(msgspec.Struct, frozen=True):
    """What the output of a flash program that failed means.

    Attributes:
        reason: in our words.
        hint: what to do.
        link: whether the way to the board is at fault: no probe, no board, no permission.
    """

    reason: str
    hint: str
    link: bool = True


_NO_PROBE = Diagnosis(
    "no debug probe was found",
    "plug the board's ST-LINK connector in (a charge-only cable will not do); with --probe, check the serial number",
)
_NO_ACCESS = Diagnosis(
    "the debug probe may not be opened by this user",
    "install the udev rules that come with the program (60-openocd.rules, 49-stlinkv*.rules), then plug in again",
)
_BUSY = Diagnosis(
    "the debug probe is used by another program", "end debuggers, other flash programs and STM32CubeIDE, then try again"
)
_NO_TARGET = Diagnosis(
    "the probe found no chip, or another one than expected",
    "check the board's power and jumpers; hold its reset button while the flash program starts",
)
_NO_PACK = Diagnosis(
    "pyOCD does not know the chip",
    "pyocd pack install TARGET, with the target of the board's [flash.pyocd]",
    link=False,
)
# First match wins: words of OpenOCD 0.12, stlink 1.7, pyOCD 0.3x, probe-rs and STM32CubeProgrammer.
_WORDS: tuple[tuple[str, Diagnosis], ...] = (
    (r"LIBUSB_ERROR_ACCESS|insufficient permissions|Access denied|Permission denied", _NO_ACCESS),
    (r"LIBUSB_ERROR_BUSY|already in use|DEV_CONNECT_ERR|Resource busy|exclusively", _BUSY),
    (r"Couldn't find any ST-Link|No (available|connected) debug probe|No connected probes|Probe not found", _NO_PROBE),
    (r"No debug probe detected|No ST-?LINK detected|Serial number not found|DEV_NO_STLINK", _NO_PROBE),
    (r"Error: open failed|No ST-Link device found|No ST-LINK found|no device found", _NO_PROBE),
    (r"Target type \S+ not recognized", _NO_PACK),
    (r"No STM32 target found|Unable to get core ID|target voltage may be too low|init mode failed", _NO_TARGET),
    (
        r"unknown chip id|Failed to connect to target|Error connecting DP|ARM-specific error|DEV_TARGET_CMD_ERR",
        _NO_TARGET,
    ),
)


def diagnose(output: str) -> Diagnosis | None:
    """What the output of a flash program that failed means; None for what is not known."""
    return next((row for words, row in _WORDS if re.search(words, output, re.IGNORECASE)), None)
