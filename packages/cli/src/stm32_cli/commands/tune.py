# SPDX-License-Identifier: Apache-2.0
"""`stm32 tune`."""

from __future__ import annotations

from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from stm32_cli import console, options
from stm32_cli.errors import usage

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from ai_runner import AiRunner
    from stm32_board_support import Board

    from stm32_cli.project.compiler import CompileOptions
    from stm32_cli.project.measured import Measurement
    from stm32_cli.project.models import ModelFolder
    from stm32_cli.project.tuning import Trial, Tuned

_SAMPLES = 3
_SEED = 1


@dataclass
class _Bench:
    """Compiles, builds, measures; the folder is used again for each trial."""

    model: Path
    chosen: CompileOptions
    board: Board
    device: str
    work: Path
    trials: int = 0

    def attempt(self, schedules: Mapping[str, str]) -> Trial:
        """One build with the named schedules."""
        from stm32_cli.project.compiler import compile_file
        from stm32_cli.project.models import find_models
        from stm32_cli.project.tuning import Trial

        self.trials += 1
        compiled = compile_file(self.model, replace(self.chosen, tuned=dict(schedules)))
        (found,) = find_models(compiled.write(self.work / f"trial{self.trials}"))
        return Trial(found.info, self._measure(found), self._outputs(found))

    def memory(self, schedules: Mapping[str, str]) -> int:
        """Bytes of the pool with the named schedules."""
        from stm32_cli.project.compiler import compile_file

        return compile_file(self.model, replace(self.chosen, tuned=dict(schedules))).planned_bytes

    def _is_real(self) -> bool:
        from stm32_board_support import Kind

        return self.board.kind is Kind.HARDWARE

    def _measure(self, model: ModelFolder) -> Measurement:
        from stm32_cli.project.firmware import Build, build_firmware
        from stm32_cli.project.flash import plan_flash
        from stm32_cli.project.measured import measure_model
        from stm32_cli.project.real_board import flash_and_follow

        settings = (("PER_LAYER", "ON"),) if self._is_real() else ()
        build = Build(self.board, "perf", [model], self.work / "perf", settings=settings)
        elf = build_firmware(build)
        if not self._is_real():
            return measure_model(self.board, elf, model)
        return flash_and_follow(plan_flash(build.folder, None, ""), self.device, models=[model])[0]

    def _outputs(self, model: ModelFolder) -> bytes:
        """All bytes that the model computes of a few random inputs, the same for every trial."""
        from stm32_cli.project.firmware import Build, build_firmware
        from stm32_cli.project.flash import carry_out, plan_flash
        from stm32_cli.validation.target import Destination, Plan, connect

        destination = Destination("board", board=self.board.source)
        if self._is_real():
            build = Build(self.board, "valid", [model], self.work / "valid")
            build_firmware(build)
            carry_out(plan_flash(build.folder, None, ""))
            destination = Destination("connected", desc=self.device)
        plan = Plan(self.model, self.chosen, model.path, self.work / "valid")
        with connect(destination, plan) as (runner, _):
            return _run_samples(runner)


def _run_samples(runner: AiRunner) -> bytes:
    from ai_runner.samples import random_inputs

    inputs = random_inputs(runner.get_inputs(), _SAMPLES, _SEED)
    outputs, _ = runner.invoke(inputs)
    return b"".join(output.tobytes() for output in outputs)


def _table(rows: Sequence[Tuned]) -> str:
    cells = []
    for row in rows:
        others = ", ".join(f"{name} {cycles:,}" for name, cycles in row.cycles.items())
        first, count = row.layers[0], len(row.layers)
        name = first if count == 1 else f"{first} and {count - 1} more"
        cells.append([name, row.default, row.best, others, f"{row.gain:,}"])
    return console.plain_table(["layer", "default", "best", "cycles", "saved"], cells)


def _check(board: Board, optimize: str) -> None:
    from stm32_board_support import Kind

    if board.kind is Kind.HOST:
        raise usage("schedules are measured on a board or its emulator", "name one with -b; stm32 boards lists them")
    if optimize not in ("speed", "balanced"):
        raise usage(
            f"--optimize {optimize} does not choose schedules by their cycles", "tune for speed or for balanced"
        )


@click.command(
    help="Measure the schedules of MODEL's layers on the emulator (or a connected board) and keep the best in a file "
    "that stm32 compile reads. Results never change. Interrupted, it goes on where it was when it is called again."
)
@click.argument("model", type=click.Path(exists=True, dir_okay=False, path_type=Path))
@options.option("-b", "--board", default=options.DEFAULT_BOARD, show_default=True, help="Name, or folder.")
@click.option(
    "--cache",
    type=click.Path(dir_okay=False, path_type=Path),
    default=options.TUNING_FILE,
    show_default=True,
    help="File of what was measured.",
)
@options.option("--device", default="serial", show_default=True, help="Serial line of a real board.")
@options.goals
@options.shape
@options.plugin
@click.option("--json", "as_json", is_flag=True, help="Print JSON.")
def command(
    *,
    model: Path,
    board: str,
    cache: Path,
    device: str,
    optimize: str,
    constant_channels: str | None,
    shapes: dict[str, tuple[int, ...]],
    plugins: tuple[Path, ...],
    as_json: bool,
) -> None:
    """Tunes a model."""
    from stm32_board_support import load_board

    from stm32_cli.project.compiler import CompileOptions, compile_file, on_off, scratch
    from stm32_cli.project.tuning import Cache, Session

    found = load_board(board)
    _check(found, optimize)
    chosen = CompileOptions(
        found.descriptor.core, None, optimize, on_off(constant_channels), shapes=shapes, plugins=plugins
    )
    store = Cache.open(cache)
    nodes = compile_file(model, chosen).info["nodes"]
    with scratch("stm32-tune-") as work:
        bench = _Bench(model, chosen, found, device, work)
        rows = Session(bench.attempt, store, found.name, optimize, bench.memory).run(nodes)
    _tell(rows, cache, as_json=as_json)


def _tell(rows: Sequence[Tuned], cache: Path, *, as_json: bool) -> None:
    saved = sum(row.gain for row in rows)
    if as_json:
        layers: list[dict[str, Any]] = [asdict(row) | {"saved": row.gain} for row in rows]
        console.result_json({"cache": str(cache), "saved": saved, "layers": layers})
    elif rows:
        console.result(f"{_table(rows)}\n\n{saved:,} cycles saved of one inference")
    else:
        console.result("no layer has a choice of schedules")
    if rows:
        console.message(f"kept in {cache}; stm32 compile --tuned {cache} uses it")
