# SPDX-License-Identifier: Apache-2.0
"""A real board: flashed, reset, and its console followed."""

from __future__ import annotations

from typing import TYPE_CHECKING

from stm32_cli import console
from stm32_cli.errors import CliError
from stm32_cli.project.flash import FlashPlan, carry_out
from stm32_cli.project.follow import follow
from stm32_cli.project.lines import find_line, reopening_line
from stm32_cli.project.measured import from_console

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from ai_runner.drivers import Transport
    from stm32_board_support import Board

    from stm32_cli.project.measured import Measurement
    from stm32_cli.project.models import ModelFolder


def drain(line: Transport) -> None:
    """Throws away what has arrived: the words of the firmware that is about to be replaced."""
    while line.read(0.0):
        pass


def _listener(board: Board, models: list[ModelFolder], said: list[str]) -> Callable[[str], bool]:
    """Collects what a board says; True when the layers of all models were printed (never without models)."""

    def is_last(text: str) -> bool:
        said.append(text)
        return bool(models) and len(from_console(board.name, models, "".join(said))) == len(models)

    return is_last


def flash_and_follow(
    plan: FlashPlan,
    device: str,
    probe: str = "",
    timeout: float | None = None,
    log: Path | None = None,
    models: list[ModelFolder] | None = None,
) -> list[Measurement]:
    """Flashes a board and shows its console, which is opened before, so that the first words are not lost.

    Args:
        plan: how it is flashed.
        device: line of the console, as for `open_transport`.
        probe: serial number of the debug probe, which finds the console's port, too.
        timeout: seconds after which it ends, None for never.
        log: file that the text is appended to.
        models: it ends when their layers were printed; without any, it goes on.

    Returns:
        What was measured of the layers of these models.

    Raises:
        CliError: the layers of a model were not printed; exit code 1.
    """
    said: list[str] = []
    wanted = models or []
    line = reopening_line(find_line(device, probe, plan.board))
    try:
        drain(line)
        carry_out(plan)
        console.message(f"{line.name}: Ctrl-C ends")
        follow(line, timeout, _listener(plan.board, wanted, said), log)
    finally:
        line.close()
    found = from_console(plan.board.name, wanted, "".join(said)) if wanted else []
    if len(found) < len(wanted):
        raise CliError("the board did not print the layers of every model", "build it with --app perf --per-layer")
    return found
