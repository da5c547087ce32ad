# SPDX-License-Identifier: Apache-2.0
"""`stm32 run`."""

from __future__ import annotations

import subprocess
from typing import TYPE_CHECKING

import click

from stm32_cli import console, options
from stm32_cli.commands.flash import find_build_dir, flash
from stm32_cli.errors import CliError

if TYPE_CHECKING:
    from pathlib import Path

    from stm32_board_support import Board

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


@click.command(help="Boot the built firmware on the emulator, or flash it, and follow its console. Ctrl-C ends it.")
@options.option("-d", "--build-dir", default=None, help="Build folder.  [default: the newest under build/]")
@options.option("-r", "--runner", default=None, help="Flash program, for a real board.")
@options.option("--probe", default="", help="Serial number of the debug probe.")
@options.option("--device", default="serial", show_default=True, help="Serial line of a real board.")
@click.option("--timeout", type=click.FloatRange(min=0.1), default=None, help="Seconds after which it is an error.")
def command(build_dir: str | None, runner: str | None, probe: str, device: str, timeout: float | None) -> None:
    """Runs firmware."""
    from stm32_board_support import Kind, load_board

    from stm32_cli.project import record

    folder = find_build_dir(build_dir)
    built = record.require(folder)
    board = load_board(built.board)
    if board.kind is Kind.HARDWARE:
        from ai_runner.drivers import open_transport

        from stm32_cli.commands.monitor import follow

        flash(folder, runner, probe, dry_run=False)
        line = open_transport(device)
        try:
            follow(line, timeout)
        finally:
            line.close()
        return
    status = _attached_process(_command(board, built, folder), timeout)
    if status != 0:
        raise CliError(f"the firmware ended with status {status}", "its last lines above say why")
