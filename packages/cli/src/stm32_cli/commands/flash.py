# SPDX-License-Identifier: Apache-2.0
"""`stm32 flash`."""

from __future__ import annotations

import shlex
from pathlib import Path
from typing import TYPE_CHECKING

import click

from stm32_cli import console, options
from stm32_cli.errors import usage

if TYPE_CHECKING:
    from stm32_board_support import Board


def choose_runner(board: Board, wanted: str | None) -> str:
    """The flash program: the one asked for, else the first of the board's that is installed, else its first.

    Raises:
        CliError: the board is not flashed; exit code 2.
    """
    import shutil

    from stm32_board_support import RUNNERS, Kind

    if board.kind is not Kind.HARDWARE:
        raise usage(f"board {board.name} is {board.kind.value}: there is nothing to flash", "start it with: stm32 run")
    if wanted:
        return wanted
    names = list(board.descriptor.flash)
    if not names:
        raise usage(f"board {board.name} has no [flash] settings", "add a [flash.<runner>] table to its board.toml")
    return next((name for name in names if shutil.which(RUNNERS[name].program)), names[0])


def flash(folder: Path, runner: str | None, probe: str, *, dry_run: bool) -> None:
    """Writes the image of a build folder to its board, or shows the command.

    Raises:
        CliError: nothing is built there (2), the program is missing (5) or fails (1).
    """
    from stm32_board_support import RUNNERS, flash_command, load_board
    from stm32_board_support.toolchain import find_program

    from stm32_cli.project import record, tools

    built = record.require(folder)
    board = load_board(built.board)
    name = choose_runner(board, runner)
    argv = flash_command(board, name, folder / "Project.elf", probe)
    if dry_run:
        console.result(shlex.join(argv))
        return
    variable = "X_CUBE_TOOL_PATH" if name == "stm32cubeprogrammer" else ""
    program = find_program(argv[0], RUNNERS[name].install, variable)
    with console.step(f"flashing {board.name} with {argv[0]}"):
        done = tools.run([program, *argv[1:]])
    if done.returncode != 0:
        raise tools.failed(
            argv[0], done.stdout, "check the cable, the probe's serial number (--probe) and the board's power"
        )


def find_build_dir(build_dir: str | None) -> Path:
    """The build folder that is meant: the named one, else the only or newest one under build/.

    Raises:
        CliError: there is none; exit code 2.
    """
    from stm32_cli.project import record

    if build_dir:
        return Path(build_dir).absolute()
    found = [
        file.parent for file in Path("build").glob(f"*/{record.FILE_NAME}") if (file.parent / "Project.elf").is_file()
    ]
    if not found:
        raise usage(
            "nothing is built in build/", "build it with: stm32 build MODEL_DIR -b BOARD, or name the folder with -d"
        )
    return max(found, key=lambda folder: (folder / "Project.elf").stat().st_mtime).absolute()


@click.command(help="Write the built firmware to a board.")
@options.option("-d", "--build-dir", default=None, help="Build folder.  [default: the newest under build/]")
@options.option("-r", "--runner", default=None, help="Flash program.  [default: the board's first that is installed]")
@options.option("--probe", default="", help="Serial number of the debug probe.")
@click.option("--dry-run", is_flag=True, help="Print the command and do nothing.")
def command(build_dir: str | None, runner: str | None, probe: str, *, dry_run: bool) -> None:
    """Flashes a board."""
    flash(find_build_dir(build_dir), runner, probe, dry_run=dry_run)
