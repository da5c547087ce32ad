# SPDX-License-Identifier: Apache-2.0
"""Results on stdout, messages and progress on stderr; colour and moving lines on terminals only."""

from __future__ import annotations

import json
import sys
import time
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

import click

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence


def result(text: str) -> None:
    """Prints a result on stdout."""
    click.echo(text)


def result_json(value: Any) -> None:
    """Prints a result as JSON on stdout."""
    click.echo(json.dumps(value, indent=2, ensure_ascii=False))


def message(text: str) -> None:
    """Prints a message on stderr."""
    click.echo(text, err=True)


def plain_table(head: Sequence[str], rows: Sequence[Sequence[str]]) -> str:
    """Lays a table out with columns two blanks apart; columns whose cells are all numbers are right-aligned."""
    table = [list(head), *(list(row) for row in rows)]
    widths = [max(len(row[column]) for row in table) for column in range(len(head))]
    right = [_is_numeric([row[column] for row in table[1:]]) for column in range(len(head))]
    lines = []
    for row in table:
        cells = [cell.rjust(w) if r else cell.ljust(w) for cell, w, r in zip(row, widths, right, strict=True)]
        lines.append("  ".join(cells).rstrip())
    return "\n".join(lines)


def _is_numeric(cells: Sequence[str]) -> bool:
    return bool(cells) and all(cell.replace(",", "").replace(".", "").lstrip("-").isdigit() for cell in cells if cell)


def table(head: Sequence[str], rows: Sequence[Sequence[str]]) -> None:
    """Prints a table on stdout: with rules on a terminal, plain columns elsewhere."""
    if not sys.stdout.isatty():
        result(plain_table(head, rows))
        return
    from rich.console import Console
    from rich.table import Table

    grid = Table(*head)
    for row in rows:
        grid.add_row(*row)
    Console().print(grid)


@contextmanager
def step(text: str) -> Iterator[None]:
    """Shows that something is going on: a spinner on a terminal, elsewhere one line when it is done.

    Args:
        text: what is being done, e.g. "compiling kws.tflite".
    """
    start = time.monotonic()
    if sys.stderr.isatty():
        from rich.console import Console

        with Console(stderr=True).status(text):
            yield
    else:
        yield
    message(f"{text}: {time.monotonic() - start:.1f} s")


def progress_line(text: str) -> None:
    """Replaces the last line of a terminal; prints nothing elsewhere."""
    if sys.stderr.isatty():
        click.echo(f"\r\x1b[K{text}", nl=False, err=True)


def is_live() -> bool:
    """Whether messages go to a terminal."""
    return sys.stderr.isatty()
