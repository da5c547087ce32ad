# SPDX-License-Identifier: Apache-2.0
"""`stm32 build`."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import click

from stm32_cli import console, options

if TYPE_CHECKING:
    from collections.abc import Iterator


def default_build_dir(board: str) -> Path:
    """build/<board>, also for a board that is named by its folder."""
    return Path("build") / Path(board).name


def _settings(*, per_layer: bool, endless: bool, shared_pool: bool) -> Iterator[tuple[str, str]]:
    if per_layer:
        yield "PER_LAYER", "ON"
    if endless:
        yield "BATCH", "OFF"
    if shared_pool:
        yield "SHARED_POOL", "ON"


@click.command(help="Build firmware with the compiled models of MODEL_DIR...; none builds the firmware alone.")
@click.argument(
    "model_dirs", metavar="MODEL_DIR...", nargs=-1, type=click.Path(exists=True, file_okay=False, path_type=Path)
)
@options.option(
    "-b", "--board", default=options.DEFAULT_BOARD, show_default=True, help="Name, or folder with a board.toml."
)
@options.option(
    "--app",
    type=click.Choice(["perf", "valid", "selftest"]),
    default="valid",
    show_default=True,
    help="perf: SystemPerformance, valid: Validation, selftest: SelfTest (stm32 selftest builds and asks it).",
)
@options.option("--layout", default="", help="Memory layout.  [default: the board's]")
@options.build_dir
@click.option("--per-layer", is_flag=True, help="perf: time each layer, too.")
@click.option(
    "--console", "endless", is_flag=True, help="perf: run for ever with a console, on an emulated board, too."
)
@click.option(
    "--shared-pool",
    is_flag=True,
    help="One pool for all models, which run one after the other: the largest, not the sum.",
)
@click.option("--json", "as_json", is_flag=True, help="Print the memory report as JSON.")
def command(
    *,
    model_dirs: tuple[Path, ...],
    board: str,
    app: str,
    layout: str,
    build_dir: str | None,
    per_layer: bool,
    endless: bool,
    shared_pool: bool,
    as_json: bool,
) -> None:
    """Builds firmware."""
    from stm32_board_support import load_board

    from stm32_cli.project import memory
    from stm32_cli.project.firmware import Build, build_firmware
    from stm32_cli.project.models import ensure_stateless, find_all

    found = load_board(board)
    folder = Path(build_dir) if build_dir else default_build_dir(found.name)
    settings = tuple(_settings(per_layer=per_layer, endless=endless, shared_pool=shared_pool))
    models = find_all(model_dirs)
    if shared_pool:
        ensure_stateless(models)
    build = Build(found, app, models, folder.absolute(), layout, settings)
    elf = build_firmware(build)
    report = memory.measure(build)
    if as_json:
        console.result_json(report.as_json())
    else:
        console.result(report.text())
        console.message(f"built {elf}")
