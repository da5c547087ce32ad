# SPDX-License-Identifier: Apache-2.0
"""Finding and loading boards: those of STM32_BOARDS first, then the ones of this package."""

import difflib
import os
from pathlib import Path

import msgspec

from stm32_board_support.checks import faults
from stm32_board_support.errors import BoardDescriptorError, BoardNotFoundError
from stm32_board_support.schema import Board, Descriptor

SEARCH_PATH_VARIABLE = "STM32_BOARDS"
PART_PREFIX = "mcu:"
"""What stands before a part number where the name of a board is expected."""


def builtin_folder() -> Path:
    """The folder of the boards that come with this package."""
    return (Path(__file__).parent / "Boards").resolve()


def board_folders() -> list[Path]:
    """Folders that hold boards: STM32_BOARDS (separated as PATH is), then the package's own."""
    extra = os.environ.get(SEARCH_PATH_VARIABLE, "")
    return [*(Path(entry).resolve() for entry in extra.split(os.pathsep) if entry), builtin_folder()]


def list_boards() -> list[str]:
    """Names of all boards that are found, sorted."""
    return sorted({file.parent.name for folder in board_folders() for file in folder.glob("*/board.toml")})


def load_board(name: str | os.PathLike[str]) -> Board:
    """Load a board by name, from a folder that holds a board.toml, or ("mcu:stm32f746ngh6") made of a part number.

    Raises:
        BoardNotFoundError: no such board or part; the message lists near names.
        BoardDescriptorError: its board.toml cannot be read or breaks a rule.
        ToolMissingError: the data of part numbers is not installed.
    """
    if os.fspath(name).startswith(PART_PREFIX):
        from stm32_board_support.parts.board import part_board

        return part_board(os.fspath(name).removeprefix(PART_PREFIX))
    as_path = Path(name)
    if as_path.name != os.fspath(name) and (as_path / "board.toml").is_file():
        return load_descriptor(as_path / "board.toml")
    for folder in board_folders():
        if (folder / os.fspath(name) / "board.toml").is_file():
            return load_descriptor(folder / os.fspath(name) / "board.toml")
    known = list_boards()
    near = difflib.get_close_matches(os.fspath(name), known, n=3, cutoff=0.4) or known
    raise BoardNotFoundError(f"there is no board {os.fspath(name)!r}; did you mean: {', '.join(near)}?")


def load_descriptor(path: Path) -> Board:
    """Read and check one board.toml.

    Raises:
        BoardDescriptorError: with every fault, each naming its key or region.
    """
    folder = path.resolve().parent
    try:
        descriptor = msgspec.toml.decode(path.read_bytes(), type=Descriptor)
    except (OSError, msgspec.DecodeError, UnicodeDecodeError) as error:
        raise BoardDescriptorError(f"board {folder.name}: {path}: {error}") from error
    found = faults(descriptor, folder)
    if found:
        raise BoardDescriptorError("\n".join(f"board {folder.name}: {fault}" for fault in found))
    return Board(descriptor, folder)
