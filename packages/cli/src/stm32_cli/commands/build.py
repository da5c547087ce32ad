# SPDX-License-Identifier: Apache-2.0
"""`stm32 build`."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import click
from click.core import ParameterSource

from stm32_cli import console, options
from stm32_cli.errors import usage

if TYPE_CHECKING:
    from collections.abc import Iterator

    from stm32_board_support import Board

    from stm32_cli.project.firmware import Build
    from stm32_cli.project.memory import SizeReport
    from stm32_cli.project.models import ModelFolder

_GOALS = ("firmware", "library", "image")


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


def _goal(chosen: str | None, mcu: str | None) -> str:
    """What to build: firmware for a board, a library for a part number, where nothing else is asked for."""
    goal = chosen or ("library" if mcu else "firmware")
    if mcu and goal == "firmware":
        raise usage(
            f"a part number says nothing of a console: there is no firmware for {mcu} alone",
            "take --as library or --as image, or describe your board: stm32 boards new",
        )
    return goal


@click.command(help="Build firmware with the compiled models of MODEL_DIR...; none builds the firmware alone.")
@click.argument(
    "model_dirs", metavar="MODEL_DIR...", nargs=-1, type=click.Path(exists=True, file_okay=False, path_type=Path)
)
@options.option(
    "-b", "--board", default=options.DEFAULT_BOARD, show_default=True, help="Name, or folder with a board.toml."
)
@options.mcu
@click.option(
    "--as",
    "goal",
    type=click.Choice(_GOALS),
    default=None,
    help="firmware: with a console (--app); library: archive, headers and linker fragment for your own project; image: "
    "runs the models again and again, results in the variable loop_results.  [default: firmware; library with --mcu]",
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
@click.option(
    "--x-cube-path",
    envvar=["STM32_X_CUBE_PATH", "X_CUBE_PATH"],
    type=click.Path(path_type=Path),
    default=None,
    help="Folder of an STM32Cube package: build on its HAL in place of our port code, for boards that can.",
)
@click.option("--json", "as_json", is_flag=True, help="Print the memory report as JSON.")
def command(
    *,
    model_dirs: tuple[Path, ...],
    board: str,
    mcu: str | None,
    goal: str | None,
    app: str,
    layout: str,
    build_dir: str | None,
    per_layer: bool,
    endless: bool,
    shared_pool: bool,
    x_cube_path: Path | None,
    as_json: bool,
) -> None:
    """Builds firmware."""
    from stm32_cli.project import memory
    from stm32_cli.project.firmware import Build, build_firmware

    goal = _goal(goal, mcu)
    found = options.board_or_mcu(board, mcu)
    folder = Path(build_dir) if build_dir else default_build_dir(found.name)
    models = _models(model_dirs, goal, folder.absolute(), shared_pool=shared_pool)
    # A library leaves the pool to the application; the image that checks it takes one for all models.
    settings = tuple(_settings(per_layer=per_layer, endless=endless, shared_pool=shared_pool or goal == "library"))
    app = app if goal == "firmware" else "loop"
    build = Build(found, app, models, folder.absolute(), layout, settings, _cube(found, x_cube_path, layout))
    _warn_of_other_cores(build)
    elf = build_firmware(build)
    report = memory.measure(build)
    written = _library(build, report) if goal == "library" else elf
    if as_json:
        console.result_json(report.as_json())
    else:
        console.result(report.text())
        console.message(f"built {written}")


def _models(model_dirs: tuple[Path, ...], goal: str, folder: Path, *, shared_pool: bool) -> list[ModelFolder]:
    """The models as they are built.

    Raises:
        CliError: none for a library, a folder without a model, or a model that cannot share its pool; exit code 2.
    """
    from stm32_cli.project import library
    from stm32_cli.project.models import ensure_stateless, find_all

    if goal == "library" and not model_dirs:
        raise usage("a library needs a compiled model", "make one with: stm32 compile MODEL.tflite --mcu PART")
    models = find_all(model_dirs)
    if shared_pool:
        ensure_stateless(models)
    return library.for_application(models, folder) if goal == "library" else models


def _cube(board: Board, path: Path | None, layout: str) -> Path | None:
    """The Cube package to build on; refused before anything is made. One of the environment is for boards that can."""
    if path is None:
        return None
    from stm32_board_support.cube import on_cube

    context = click.get_current_context()
    asked = context.get_parameter_source("x_cube_path") is ParameterSource.COMMANDLINE
    if board.descriptor.cube is None and not asked:
        console.message(f"note: X_CUBE_PATH has no effect: {board.name} is built on its own port")
        return None
    on_cube(board, path, layout)
    console.message(f"on the HAL of {path}")
    return path


def _warn_of_other_cores(build: Build) -> None:
    """Tells of models whose kernels were chosen for another core: they compute the same, but slower or larger."""
    core = build.board.descriptor.core
    for model in build.models:
        target = model.info.get("target", core)
        if build.app == "loop" and target != core:
            console.message(f"note: {model.name} was compiled for {target}; compile it again with --cpu {core}")


def _library(build: Build, report: SizeReport) -> Path:
    from stm32_cli.project import library

    made = library.build_library(build)
    sizes = report.sizes
    library.write_readme(made, build, (sizes.code, sizes.constants, sizes.activations))
    return made.folder
