# SPDX-License-Identifier: Apache-2.0
"""`stm32 boards`."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import click

from stm32_cli import console

if TYPE_CHECKING:
    from stm32_board_support import Board


def _size(size: int) -> str:
    for unit, name in ((1 << 20, "MB"), (1 << 10, "KB")):
        if size % unit == 0:
            return f"{size // unit} {name}"
    return f"{size} B"


def _facts(board: Board) -> dict[str, Any]:
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
    }


def _row(facts: dict[str, Any]) -> list[str]:
    memories = ", ".join(f"{name} {_size(memory['size'])}" for name, memory in facts["memories"].items())
    layouts = ", ".join(facts["layouts"])
    return [facts["name"], facts["kind"], facts["core"], f"{facts['clock_hz'] // 1_000_000} MHz", memories, layouts]


@click.command(help="List the boards: built in ones and those of the folders in STM32_BOARDS.")
@click.option("--json", "as_json", is_flag=True, help="Print JSON.")
def command(*, as_json: bool) -> None:
    """Lists the boards."""
    from stm32_board_support import list_boards, load_board

    facts = [_facts(load_board(name)) for name in list_boards()]
    if as_json:
        console.result_json(facts)
    else:
        console.table(["board", "kind", "core", "clock", "memories", "layouts"], [_row(board) for board in facts])
