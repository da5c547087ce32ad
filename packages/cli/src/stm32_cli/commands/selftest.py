# SPDX-License-Identifier: Apache-2.0
"""`stm32 selftest`."""

from __future__ import annotations

from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import click

from stm32_cli import console, options
from stm32_cli.errors import CliError

if TYPE_CHECKING:
    from collections.abc import Iterator

    from ai_runner.drivers import Transport
    from stm32_board_support import Board

    from stm32_cli.selftest.run import SelfTestReport

_DEVICE_HELP = (
    "Line of the console: serial[:PORT[:BAUD]], socket:HOST:PORT, a port; for an emulated board and the host, firmware "
    "that runs already.  [default: serial for a real board; others are booted]"
)


@dataclass(frozen=True)
class Way:
    """How the board is reached.

    Attributes:
        device: line of its console, "" for the default.
        runner: flash program, None for the first that can.
        probe: serial number of the debug probe, "" for the only one.
        flash: whether a real board is written first.
    """

    device: str
    runner: str | None
    probe: str
    flash: bool


def _build(board: Board, folder: Path, layout: str) -> Path:
    """The firmware with the model whose outputs are known; returns the image."""
    from stm32_cli.project.compiler import CompileOptions, compile_file
    from stm32_cli.project.firmware import Build, build_firmware
    from stm32_cli.project.models import find_models
    from stm32_cli.selftest.run import MODEL

    model = compile_file(MODEL, CompileOptions(target=board.descriptor.core)).write(folder / "model", force=True)
    return build_firmware(Build(board, "selftest", find_models(model), folder / "firmware", layout))


@contextmanager
def _connected(board: Board, elf: Path, way: Way) -> Iterator[Transport]:
    """The console of firmware that runs already."""
    from ai_runner.drivers import open_transport
    from stm32_board_support import Kind

    from stm32_cli.project.flash import carry_out, plan_flash
    from stm32_cli.project.lines import find_line

    is_real = board.kind is Kind.HARDWARE
    plan = plan_flash(elf.parent, way.runner, way.probe) if is_real and way.flash else None
    line = open_transport(find_line(way.device or "serial", way.probe, board))
    try:
        if plan is not None:
            carry_out(plan)
        yield line
    finally:
        line.close()


@contextmanager
def _booted(board: Board, elf: Path) -> Iterator[Transport]:
    """The console of firmware that is started here."""
    from ai_runner.drivers import open_transport
    from stm32_board_support import Kind

    from stm32_cli.validation.target import on_emulator, on_host

    start = on_host(elf) if board.kind is Kind.HOST else on_emulator(board, elf)
    with start as desc:
        line = open_transport(desc)
        try:
            yield line
        finally:
            line.close()


def _test(board: Board, folder: Path, layout: str, way: Way, seconds: float) -> SelfTestReport:
    from stm32_board_support import Kind

    from stm32_cli.selftest.run import run_checks

    elf = _build(board, folder, layout)
    connected = bool(way.device) or board.kind is Kind.HARDWARE
    with _connected(board, elf, way) if connected else _booted(board, elf) as line:
        return run_checks(line, board, elf, layout, seconds)


def _failure(report: SelfTestReport) -> CliError:
    from stm32_cli.selftest.checks import Result

    failed = [check.name for check in report.checks if check.result is Result.FAILED]
    text = f"{len(failed)} of {len(report.checks)} checks failed: {', '.join(failed)}"
    return CliError(text if report.complete else f"{text}; the firmware stopped, so the checks behind it were not made")


@click.command(help="Check a board's hardware: clock, counter, UART, memories, and an inference with a known answer.")
@options.option(
    "-b", "--board", default=options.DEFAULT_BOARD, show_default=True, help="Name, or folder with a board.toml."
)
@options.option("-d", "--device", default="", help=_DEVICE_HELP)
@options.option("--layout", default="", help="Memory layout.  [default: the board's]")
@options.runner
@options.probe
@click.option("--no-flash", is_flag=True, help="The board holds the firmware of an earlier run.")
@click.option(
    "--seconds",
    type=click.FloatRange(min=0.1, max=3600),
    default=2.0,
    show_default=True,
    help="How long the clock is measured.",
)
@click.option("--build-dir", default=None, help="Where it is built.  [default: build/selftest/<board>]")
@click.option("--json", "as_json", is_flag=True, help="Print JSON.")
def command(
    *,
    board: str,
    device: str,
    layout: str,
    runner: str | None,
    probe: str,
    no_flash: bool,
    seconds: float,
    build_dir: str | None,
    as_json: bool,
) -> None:
    """Tests a board; exit code 1 if a check fails."""
    from stm32_board_support import load_board

    found = load_board(board)
    folder = Path(build_dir) if build_dir else Path("build") / "selftest" / found.name
    report = _test(found, folder.absolute(), layout, Way(device, runner, probe, not no_flash), seconds)
    if as_json:
        console.result_json(report.to_dict())
    else:
        console.result(report.as_text())
    if not report.passed:
        raise _failure(report)
