# SPDX-License-Identifier: Apache-2.0
"""What a firmware build needs of a board, written as files: board.cmake, board_config.h, linker.ld."""

import os
from collections.abc import Sequence
from pathlib import Path

from stm32_board_support.boards import builtin_folder
from stm32_board_support.cores import CORES, cpu_flags
from stm32_board_support.linker import linker_script, output_sections, splits
from stm32_board_support.schema import Board, Counter, Kind
from stm32_board_support.toolchain import c_compiler


def port_sources(board: Board) -> list[Path]:
    """The port's C files; see `resolve_port_path`."""
    return [resolve_port_path(board.folder, source) for source in board.descriptor.port.sources]


def resolve_port_path(folder: Path, entry: str) -> Path:
    """A path of a [port] table, absolute: in the board's folder or, if it is not there, among the built-in boards.

    So "common/startup.c" and "stm32f4/clock.c" stand for files that boards share, also for a board of the user.
    """
    own, shared = folder / entry, builtin_folder() / entry
    return shared if shared.exists() and not own.exists() else own


def include_dirs(board: Board) -> list[Path]:
    """Include folders of the port: the shared folder, the board's own, those that it lists."""
    own = [resolve_port_path(board.folder, entry) for entry in board.descriptor.port.include_dirs]
    return [builtin_folder() / "common", board.folder, *own]


def _memory_macros(board: Board, layout_name: str) -> list[tuple[str, str]]:
    """Per memory outside of the chip, whether the layout uses it."""
    used = {section.memory for section in output_sections(board.layout(layout_name))} if board.memories else set()
    return [
        (f"BOARD_USES_{name.upper()}", str(int(name in used)))
        for name, memory in board.memories.items()
        if memory.external
    ]


def board_config_header(board: Board, layout_name: str = "") -> str:
    """board_config.h: the descriptor's facts as macros, and which external memories the layout uses."""
    data = board.descriptor
    core = CORES[data.core]
    fpu = data.fpu or core.default_fpu
    rows = [
        ("BOARD_NAME", f'"{data.name}"'),
        ("BOARD_TITLE", f'"{data.title}"'),
        ("BOARD_CORE", f'"{core.pretty}"'),
        ("BOARD_FPU", f'"{fpu}"'),
        ("BOARD_HAS_FPU", str(int(fpu != "none"))),
        ("BOARD_CACHES", f'"{", ".join(data.caches) or "none"}"'),
        ("BOARD_CLOCK_HZ", f"{data.clock_hz}u"),
        ("BOARD_DEVICE_ID", f"{data.device_id:#x}u"),
        ("BOARD_CONSOLE_BASE", f"{data.console.base:#x}u"),
        *([] if data.console.interrupt is None else [("BOARD_CONSOLE_INTERRUPT", f"{data.console.interrupt}u")]),
        ("BOARD_CONSOLE_BAUD", f"{data.console.baud}u"),
        ("BOARD_COUNTER_UNIT", f'"{data.counter.value}"'),
        ("BOARD_COUNTER_STEP", f"{data.counter_step}u"),
        ("BOARD_COUNTS_CYCLES", str(int(data.counter is Counter.CYCLES))),
        ("BOARD_EMULATED", str(int(data.kind is Kind.EMULATED))),
        ("BOARD_HOST", str(int(data.kind is Kind.HOST))),
        *_memory_macros(board, layout_name),
    ]
    body = "".join(f"#define {name} {value}\n" for name, value in rows)
    guard = "#ifndef BOARD_CONFIG_H\n#define BOARD_CONFIG_H\n"
    return f"/* Generated from board.toml of {data.name}. */\n{guard}{body}#endif\n"


def _cmake_list(name: str, values: list[str]) -> str:
    return f"set({name}{''.join(f' [==[{value}]==]' for value in values)})\n"


def board_cmake(board: Board, layout_name: str, script: Path) -> str:
    """board.cmake: compiler, flags, port sources and linker options as CMake variables."""
    cross = board.kind is not Kind.HOST
    split = cross and splits(board.layout(layout_name))
    data = board.descriptor
    rows = [
        ("STM32_BOARD_NAME", [board.name]),
        ("STM32_BOARD_KIND", [board.kind.value]),
        ("STM32_BOARD_COMPILER", [c_compiler(board).as_posix()]),
        ("STM32_BOARD_CPU_FLAGS", cpu_flags(data.core, data.fpu)),
        ("STM32_BOARD_SOURCES", [path.as_posix() for path in port_sources(board)]),
        ("STM32_BOARD_INCLUDE_DIRS", [path.as_posix() for path in include_dirs(board)]),
        ("STM32_BOARD_DEFINES", data.port.defines),
        ("STM32_BOARD_VENDOR_SOURCES", board.vendor.sources if board.vendor else []),
        ("STM32_BOARD_VENDOR_INCLUDE_DIRS", board.vendor.include_dirs if board.vendor else []),
        ("STM32_BOARD_LINKER_SCRIPT", [script.as_posix()] if cross else []),
        ("STM32_BOARD_BIN_SECTIONS", _bin_sections(board, layout_name) if data.kind is Kind.HARDWARE else []),
        ("STM32_BOARD_SPLITS", ["ON"] if split else ["OFF"]),
        ("STM32_BOARD_LINK_OPTIONS", ["-Wl,--enable-non-contiguous-regions"] if split else []),
    ]
    return "".join(_cmake_list(name, values) for name, values in rows)


def _bin_sections(board: Board, layout_name: str) -> list[str]:
    """Sections of a raw image of the memory that holds the code; one of several memories would span the gaps."""
    layout = board.layout(layout_name)
    names = [s.name for s in output_sections(layout) if layout.text in (s.memory, s.load)]
    return [*names, *(f"{name}.*" for name in names if name.startswith(".nn_weights_"))]


def write_if_changed(path: Path, text: str) -> None:
    """Write a file whole, and only when its content differs, so that nothing is rebuilt without a reason."""
    if path.is_file() and path.read_text(encoding="utf-8") == text:
        return
    part = path.with_name(path.name + ".part")
    part.write_text(text, encoding="utf-8")
    part.replace(path)


def configure(board: Board, layout_name: str, folder: str | os.PathLike[str], order: Sequence[str] = ()) -> Path:
    """Write board.cmake, board_config.h and linker.ld (none for the host) into a folder, which is made.

    Args:
        board: the board.
        layout_name: key of its layouts; "" for the default.
        folder: where to write.
        order: sections of single constants, see `linker_script`.

    Returns:
        Path of board.cmake.

    Raises:
        BoardNotFoundError: no such layout.
        ToolMissingError: the compiler is not installed.
    """
    target = Path(folder).absolute()
    target.mkdir(parents=True, exist_ok=True)
    script = target / "linker.ld"
    if board.kind is not Kind.HOST:
        write_if_changed(script, linker_script(board, board.layout(layout_name), order))
    write_if_changed(target / "board_config.h", board_config_header(board, layout_name))
    write_if_changed(target / "board.cmake", board_cmake(board, layout_name, script))
    return target / "board.cmake"
