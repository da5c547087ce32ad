# SPDX-License-Identifier: Apache-2.0
"""Finding and loading boards: those of the user's folders first, then the ones of this package."""

import difflib
import os
from pathlib import Path

import msgspec

from stm32_board_support.checks import faults
from stm32_board_support.decode import complaint, decode
from stm32_board_support.errors import BoardDescriptorError, BoardNotFoundError
from stm32_board_support.schema import Board

SEARCH_PATH_VARIABLES = ("STM32_BOARD_PATH", "STM32_BOARDS")
LOCAL_FOLDER, BUILT_IN = "./boards", "built in"
PART_PREFIX = "mcu:"
"""What stands before a part number where the name of a board is expected."""


def builtin_folder() -> Path:
    """The folder of the boards that come with this package."""
    return (Path(__file__).parent / "Boards").resolve()


class Origin(msgspec.Struct, frozen=True):
    """A folder that boards are looked for in.

    Attributes:
        folder: absolute path.
        said: what named it: an environment variable, "./boards", "built in".
    """

    folder: Path
    said: str


_added: list[Origin] = []


def add_folder(folder: str | os.PathLike[str], said: str) -> None:
    """Adds a folder to those that boards are looked for in, behind the environment's.

    Args:
        folder: its path.
        said: what names it, for listings.
    """
    _added.append(Origin(Path(folder).resolve(), said))


def origins() -> list[Origin]:
    """Folders that hold boards, the first wins.

    They are STM32_BOARD_PATH and STM32_BOARDS (separated as PATH is), those of `add_folder`, ./boards, this package's.
    """
    found = [
        Origin(Path(entry).resolve(), variable)
        for variable in SEARCH_PATH_VARIABLES
        for entry in os.environ.get(variable, "").split(os.pathsep)
        if entry
    ]
    found += _added
    own = Path("boards").resolve()
    if own.is_dir() and own != builtin_folder():
        found.append(Origin(own, LOCAL_FOLDER))
    return [*found, Origin(builtin_folder(), BUILT_IN)]


def find_boards() -> dict[str, Origin]:
    """Where each board is: name -> the first folder that holds it, sorted by name."""
    found: dict[str, Origin] = {}
    for origin in origins():
        for file in origin.folder.glob("*/board.toml"):
            found.setdefault(file.parent.name, origin)
    return dict(sorted(found.items()))


def list_boards() -> list[str]:
    """Names of all boards that are found, sorted."""
    return list(find_boards())


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
    known = find_boards()
    if os.fspath(name) in known:
        return load_descriptor(known[os.fspath(name)].folder / os.fspath(name) / "board.toml")
    near = difflib.get_close_matches(os.fspath(name), known, n=3, cutoff=0.4) or list(known)
    raise BoardNotFoundError(f"there is no board {os.fspath(name)!r}; did you mean: {', '.join(near)}?")


def load_descriptor(path: Path) -> Board:
    """Read and check one board.toml.

    Raises:
        BoardDescriptorError: with every fault, each naming the file, the line, the key.
    """
    folder = path.resolve().parent
    descriptor, text = decode(folder / path.name)
    found = faults(descriptor, folder)
    if found:
        told = (complaint(folder / path.name, text, fault.key, fault.message) for fault in found)
        raise BoardDescriptorError("\n".join(told))
    return Board(descriptor, folder)
