# SPDX-License-Identifier: Apache-2.0
"""`stm32 run`."""

from __future__ import annotations

import subprocess
from pathlib import Path
from typing import TYPE_CHECKING

import click

from stm32_cli import console, options
from stm32_cli.commands.flash import find_build_dir
from stm32_cli.errors import CliError, usage

if TYPE_CHECKING:
    from stm32_board_support import Board

    from stm32_cli.project.measured import Measurement
    from stm32_cli.project.models import ModelFolder
    from stm32_cli.project.record import BuildRecord


def _end(process: subprocess.Popen[bytes]) -> None:
    process.terminate()
    try:
        process.wait(3)
    except subprocess.TimeoutExpired:
        process.kill()
        process.wait()


def _attached_process(argv: list[str], timeout: float | None) -> int:
    """Runs a program with this terminal's input and output; it ends with this command, whatever happens."""
    process = subprocess.Popen(argv)
    try:
        return process.wait(timeout)
    except subprocess.TimeoutExpired as error:
        raise CliError(f"the firmware did not end within {timeout:g} s", "give it more time with --timeout") from error
    finally:
        if process.poll() is None:
            _end(process)


def _command(board: Board, built: BuildRecord, folder: Path) -> list[str]:
    """The program that runs the image here."""
    from stm32_board_support import Kind, qemu_command
    from stm32_board_support.toolchain import qemu_program

    elf = folder / "Project.elf"
    if board.kind is Kind.HOST:
        return [str(elf), *(["--listen", "0"] if built.app == "valid" else [])]
    serial = "stdio"
    if built.app == "valid":
        serial = "tcp:127.0.0.1:0,server=on,wait=on,nodelay=on"
        console.message(
            "Validation waits for a client at the address below: stm32 validate MODEL -d socket:127.0.0.1:PORT"
        )
    return qemu_command(board, elf, serial, str(qemu_program()))


def _measure(board: Board, folder: Path, models: list[ModelFolder]) -> list[Measurement]:
    """Counts every model of a SystemPerformance image on the emulator."""
    from stm32_cli.project.measured import measure_model

    found = []
    for model in models:
        with console.step(f"counting the layers of {model.name} on {board.name}"):
            found.append(measure_model(board, folder / "Project.elf", model))
    return found


def _models_to_explain(board: Board, built: BuildRecord) -> list[ModelFolder]:
    from stm32_board_support import Kind

    from stm32_cli.project.models import find_models

    if built.app != "perf" or board.kind is Kind.HOST or not built.models:
        raise usage(
            "layers are measured in SystemPerformance on a board or its emulator",
            "build it with: stm32 build MODEL_DIR --app perf, for a real board with --per-layer",
        )
    return [model for path in dict.fromkeys(built.models) for model in find_models(Path(path))]


def _explain(found: list[Measurement], models: list[ModelFolder], folder: Path, *, as_json: bool) -> None:
    """Stores measurements beside the image and shows them."""
    from stm32_cli.project import explain, measured

    file = measured.save(folder, found)
    infos = {model.name: model.info for model in models}
    if as_json:
        console.result_json([explain.explain_json(infos[entry.name], entry) for entry in found])
    else:
        console.result("\n\n".join(f"{m.name}\n{explain.explain_text(infos[m.name], m)}" for m in found))
    console.message(f"stored in {file}; stm32 compile --explain shows it, too")


@click.command(help="Boot the built firmware on the emulator, or flash it, and follow its console. Ctrl-C ends it.")
@options.option("-d", "--build-dir", default=None, help="Build folder.  [default: the newest under build/]")
@options.runner
@options.probe
@options.console_log
@options.option("--device", default="serial", show_default=True, help="Serial line of a real board.")
@click.option("--timeout", type=click.FloatRange(min=0.1), default=None, help="Seconds after which it is an error.")
@click.option("--explain", is_flag=True, help="perf: measure each layer and show it beside what was expected.")
@click.option("--json", "as_json", is_flag=True, help="With --explain: print JSON.")
def command(
    *,
    build_dir: str | None,
    runner: str | None,
    probe: str,
    log: Path | None,
    device: str,
    timeout: float | None,
    explain: bool,
    as_json: bool,
) -> None:
    """Runs firmware."""
    from stm32_board_support import Kind, load_board

    from stm32_cli.project import record

    folder = find_build_dir(build_dir)
    built = record.require(folder)
    board = load_board(built.board)
    models = _models_to_explain(board, built) if explain else []
    if board.kind is Kind.HARDWARE:
        from stm32_cli.project.flash import plan_flash
        from stm32_cli.project.real_board import flash_and_follow

        found = flash_and_follow(plan_flash(folder, runner, probe), device, probe, timeout, log, models)
    elif log is not None:
        raise usage("--log is for a real board's console", f"of {board.name}: stm32 run | tee {log}")
    elif explain:
        found = _measure(board, folder, models)
    else:
        _run_here(board, built, folder, timeout)
        return
    if explain:
        _explain(found, models, folder, as_json=as_json)


def _run_here(board: Board, built: BuildRecord, folder: Path, timeout: float | None) -> None:
    """Runs the image on this computer, attached to this terminal."""
    status = _attached_process(_command(board, built, folder), timeout)
    if status != 0:
        raise CliError(f"the firmware ended with status {status}", "its last lines above say why")
