# SPDX-License-Identifier: Apache-2.0
"""A new board from one that there is: its descriptor and the files of its own, to be edited."""

import re
import shutil
from pathlib import Path

from stm32_board_support.boards import load_descriptor
from stm32_board_support.errors import BoardSupportError
from stm32_board_support.schema import Board

_NAME = re.compile(r"[a-z0-9][a-z0-9-]{0,39}")
_NAME_LINE = re.compile(r'^name\s*=\s*"[^"]*"', re.MULTILINE)


class BoardExistsError(BoardSupportError):
    """There is something at the place of the new board, or its name cannot be one."""


def copy_board(source: Board, name: str, parent: Path) -> Board:
    """Copies a board's folder under another name.

    Files that boards share ("common/...", "stm32f4/...") are not copied: the copy goes on using them.

    Args:
        source: the board, of a folder.
        name: of the new board: lower case letters, digits and hyphens.
        parent: the folder to make it in; made if it is not there.

    Returns:
        The new board, loaded.

    Raises:
        BoardExistsError: the folder exists, or the name cannot be one; nothing was written.
    """
    target = parent / name
    if not _NAME.fullmatch(name):
        raise BoardExistsError(f"{name!r} cannot be a board's name: lower case letters, digits and hyphens, 40 at most")
    if source.named:
        raise BoardExistsError(f"{source.name} is no board but a part number: there is no descriptor to copy")
    if target.exists():
        raise BoardExistsError(f"{target} exists; it was not touched")
    part = parent / f".{name}.part"
    parent.mkdir(parents=True, exist_ok=True)
    shutil.rmtree(part, ignore_errors=True)
    shutil.copytree(source.folder, part, ignore=shutil.ignore_patterns("README.md", "__pycache__"))
    file = part / "board.toml"
    file.write_text(_NAME_LINE.sub(f'name = "{name}"', file.read_text(encoding="utf-8"), count=1), encoding="utf-8")
    part.rename(target)
    return load_descriptor(target / "board.toml")
