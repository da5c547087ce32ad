# SPDX-License-Identifier: Apache-2.0
"""All checks of a board, in the order in which one needs the other, and their report."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from stm32_cli import console
from stm32_cli.selftest import checks, image
from stm32_cli.selftest.session import DeviceProblemError, Session

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from ai_runner.drivers import Transport
    from stm32_board_support import Board

SAMPLES = 10
MODEL = Path(__file__).parent / "digits" / "digits_int8.tflite"


@dataclass(frozen=True)
class SelfTestReport:
    """What was found.

    Attributes:
        board: name.
        checks: in order; a board that died has no checks after the one it died in.
        complete: whether all checks were made.
    """

    board: str
    checks: tuple[checks.Check, ...]
    complete: bool

    @property
    def passed(self) -> bool:
        """Whether every check was made and none failed."""
        return self.complete and all(check.result is not checks.Result.FAILED for check in self.checks)

    def to_dict(self) -> dict[str, Any]:
        """For JSON."""
        rows = [{"name": c.name, "result": c.result.value, "detail": c.detail} for c in self.checks]
        return {"board": self.board, "passed": self.passed, "complete": self.complete, "checks": rows}

    def as_text(self) -> str:
        """For people."""
        rows = [[check.name, check.result.value, check.detail] for check in self.checks]
        return console.plain_table(["check", "result", "detail"], rows)


def _steps(
    session: Session, board: Board, elf: Path, layout: str, seconds: float
) -> Iterator[tuple[str, Callable[[], checks.Check]]]:
    """Name and body of each check. The model comes last: its pool is part of the tested RAM."""
    import numpy as np
    from stm32_board_support.elf import ElfFile

    greeting = session.start()
    yield "identity", lambda: checks.identity(board, greeting)
    yield "clock", lambda: checks.clock(session, board, seconds)
    yield "counter", lambda: checks.counter(session, board)
    yield "uart", lambda: checks.uart(session, board)
    if board.memories:
        found = ElfFile(elf)
        for piece in image.contents(board, found.segments):
            yield f"content {piece.memory}", lambda piece=piece: checks.content(session, piece)  # type: ignore[misc]
        for region in image.free_ram(board, layout, found.sections):
            yield f"RAM {region.name}", lambda region=region: checks.ram(session, region)  # type: ignore[misc]
    with np.load(MODEL.with_name("digits_test.npz")) as stored:
        inputs, outputs = stored["in0"][:SAMPLES], stored["out0"][:SAMPLES]
    yield "inference", lambda: checks.inference(session, inputs, outputs)


def run_checks(line: Transport, board: Board, elf: Path, layout: str = "", seconds: float = 2.0) -> SelfTestReport:
    """Makes all checks on firmware that runs.

    Args:
        line: to its console.
        board: that it runs on.
        elf: the image that it was started from.
        layout: that the image was linked with, "" for the board's default.
        seconds: that the clock is measured.

    Raises:
        CliError: no SelfTest firmware answers; exit code 6.
        LinkError: the line broke.
    """
    session = Session(line)
    found = []
    complete = True
    for name, body in _steps(session, board, elf, layout, seconds):
        console.progress_line(f"checking {name}")
        try:
            found.append(body())
        except (DeviceProblemError, ValueError) as error:
            found.append(checks.problem(name, error))
            complete = False
            break
    console.progress_line("")
    if complete:
        session.send("end")
    return SelfTestReport(board.name, tuple(found), complete)
