# SPDX-License-Identifier: Apache-2.0
"""`stm32 boards` and `stm32 boards new`."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from stm32_cli import console
from stm32_cli.errors import CliError, Exit

if TYPE_CHECKING:
    from stm32_board_support import Board
    from stm32_board_support.boards import Origin

_HEAD = ["board", "kind", "core", "clock", "memories", "layouts", "from"]


def _size(size: int) -> str:
    for unit, name in ((1 << 20, "MB"), (1 << 10, "KB")):
        if size % unit == 0:
            return f"{size // unit} {name}"
    return f"{size} B"


def _facts(board: Board, origin: Origin) -> dict[str, Any]:
    data = board.descriptor
    memories = {name: {"origin": m.origin, "size": m.size, "kind": m.kind.value} for name, m in data.memories.items()}
    return {
        "name": data.name,
        "title": data.title,
        "kind": data.kind.value,
        "core": data.core,
        "clock_hz": data.clock_hz,
        "memories": memories,
        "layouts": sorted(data.layouts),
        "default_layout": data.default_layout,
        "flash_runners": list(data.flash),
        "folder": str(board.folder),
        "origin": origin.said,
    }


def _row(facts: dict[str, Any]) -> list[str]:
    memories = ", ".join(f"{name} {_size(memory['size'])}" for name, memory in facts["memories"].items())
    layouts, clock = ", ".join(facts["layouts"]), f"{facts['clock_hz'] // 1_000_000} MHz"
    return [facts["name"], facts["kind"], facts["core"], clock, memories, layouts, facts["origin"]]


def _load_all() -> tuple[list[dict[str, Any]], list[str]]:
    """Facts of the boards that are sound, complaints about the others."""
    from stm32_board_support import BoardDescriptorError
    from stm32_board_support.boards import find_boards, load_descriptor

    facts, complaints = [], []
    for name, origin in find_boards().items():
        try:
            facts.append(_facts(load_descriptor(origin.folder / name / "board.toml"), origin))
        except BoardDescriptorError as error:
            complaints.append(str(error))
    return facts, complaints


@click.group(
    invoke_without_command=True,
    help="List the boards: of STM32_BOARD_PATH, of board_path in stm32.toml, of ./boards, and the built-in ones.",
)
@click.option("--json", "as_json", is_flag=True, help="Print JSON.")
@click.pass_context
def command(context: click.Context, *, as_json: bool) -> None:
    """Lists the boards."""
    if context.invoked_subcommand:
        return
    facts, complaints = _load_all()
    if as_json:
        console.result_json(facts)
    else:
        console.table(_HEAD, [_row(board) for board in facts])
    if complaints:
        raise CliError("\n".join(complaints), "the boards above are sound; correct the others", Exit.USAGE)


@command.command(help="Copy a board into a folder of yours, to be edited: ./boards/NAME.")
@click.argument("name")
@click.option("--from", "source", required=True, help="The board to begin with: name, or folder with a board.toml.")
@click.option(
    "--in",
    "parent",
    type=click.Path(file_okay=False, path_type=Path),
    default=Path("boards"),
    show_default=True,
    help="The folder to make it in.",
)
def new(*, name: str, source: str, parent: Path) -> None:
    """Makes a board."""
    from stm32_board_support import load_board
    from stm32_board_support.copying import copy_board

    original = load_board(source)
    board = copy_board(original, name, parent)
    own = sorted(path.relative_to(board.folder).as_posix() for path in board.folder.rglob("*") if path.is_file())
    shared = [source for source in board.descriptor.port.sources if source not in own]
    console.result(f"{parent / name}: {', '.join(own)}")
    console.message(f"shared with other boards: {', '.join(shared) or 'nothing'}")
    console.message(f"edit {parent / name / 'board.toml'}, then: stm32 boards; stm32 build -b {name} --app perf")
