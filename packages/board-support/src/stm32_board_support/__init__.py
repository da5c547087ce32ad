# SPDX-License-Identifier: Apache-2.0
"""Boards as data: descriptors, linker scripts, emulation, flash commands and memory reports."""

from stm32_board_support.boards import list_boards, load_board
from stm32_board_support.configure import configure
from stm32_board_support.emulator import Emulator, qemu_command
from stm32_board_support.errors import (
    BoardDescriptorError,
    BoardNotFoundError,
    BoardSupportError,
    ElfError,
    EmulatorError,
    FlashRefusedError,
    PartDataMissingError,
    PartNotFoundError,
    ToolMissingError,
)
from stm32_board_support.flashing import choose_runner, diagnose, find_runner, require_able, touched_memories
from stm32_board_support.linker import linker_script
from stm32_board_support.memory import MemoryReport, RegionUse, memory_report, report_text
from stm32_board_support.parts import Part, PartMemory, load_part, part_board
from stm32_board_support.runners import RUNNERS, flash_commands
from stm32_board_support.schema import Board, Kind, Layout, Memory

__version__ = "0.1.0"

__all__ = [
    "RUNNERS",
    "Board",
    "BoardDescriptorError",
    "BoardNotFoundError",
    "BoardSupportError",
    "ElfError",
    "Emulator",
    "EmulatorError",
    "FlashRefusedError",
    "Kind",
    "Layout",
    "Memory",
    "MemoryReport",
    "Part",
    "PartDataMissingError",
    "PartMemory",
    "PartNotFoundError",
    "RegionUse",
    "ToolMissingError",
    "choose_runner",
    "configure",
    "diagnose",
    "find_runner",
    "flash_commands",
    "linker_script",
    "list_boards",
    "load_board",
    "load_part",
    "memory_report",
    "part_board",
    "qemu_command",
    "report_text",
    "require_able",
    "touched_memories",
]
