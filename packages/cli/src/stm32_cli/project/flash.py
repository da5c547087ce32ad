# SPDX-License-Identifier: Apache-2.0
"""Writes images to real boards: which program, its exact commands, and what its failure means."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from stm32_cli import console
from stm32_cli.errors import CliError, Exit, usage
from stm32_cli.project import record, tools

if TYPE_CHECKING:
    from pathlib import Path

    from stm32_board_support import Board


@dataclass(frozen=True)
class FlashPlan:
    """How an image is written.

    Attributes:
        board: that it is for.
        runner: name of the flash program.
        commands: argument lists, one a call, in order.
    """

    board: Board
    runner: str
    commands: list[list[str]]


def _choose(board: Board, memories: list[str], wanted: str | None, *, dry_run: bool) -> str:
    """The flash program: the one asked for, else the board's first that is installed and able to write the image.

    Raises:
        FlashRefusedError, BoardNotFoundError: it, or none at all, can write these memories; exit code 2.
        ToolMissingError: none of those is installed (a dry run takes the first, then); exit code 5.
    """
    from stm32_board_support import ToolMissingError, choose_runner, require_able
    from stm32_board_support.flashing import able_runners

    if wanted:
        require_able(board, wanted, memories)
        return wanted
    try:
        return choose_runner(board, memories)
    except ToolMissingError:
        if dry_run:
            return able_runners(board, memories)[0]
        raise


def _usb_id_of(probe: str) -> str:
    """The USB ids "vendor:product" of a probe that is plugged in, by its serial number; "" if there is none."""
    from ai_runner.drivers.ports import usb_id

    from stm32_cli.project.lines import ports_here

    same = [port for port in ports_here() if probe and str(port.serial_number or "").upper() == probe.upper()]
    return usb_id(same[0]) if same else ""


def _require_hex(elf: Path) -> None:
    from stm32_board_support.runners import hex_file

    found = hex_file(elf)
    if not found.is_file() or found.stat().st_mtime < elf.stat().st_mtime:
        raise usage(
            f"st-flash writes {found.name}, which is not there or older than {elf.name}", "run stm32 build again"
        )


def plan_flash(folder: Path, runner: str | None, probe: str, *, dry_run: bool = False) -> FlashPlan:
    """What would write the image of a build folder to its board.

    Raises:
        CliError: nothing is built there, or the board is not flashed; exit code 2.
        FlashRefusedError, BoardNotFoundError, ToolMissingError: see `_choose`.
    """
    from stm32_board_support import Kind, ToolMissingError, find_runner, flash_commands, load_board, touched_memories
    from stm32_board_support.flashing import touches_external

    board = load_board(record.require(folder).board)
    if board.kind is not Kind.HARDWARE:
        raise usage(f"board {board.name} is {board.kind.value}: there is nothing to flash", "start it with: stm32 run")
    if not board.descriptor.flash:
        raise usage(f"board {board.name} has no [flash] settings", "add a [flash.<runner>] table to its board.toml")
    elf = folder / "Project.elf"
    memories = touched_memories(board, elf)
    name = _choose(board, memories, runner, dry_run=dry_run)
    if name == "st-flash":
        _require_hex(elf)
    try:
        program = str(find_runner(name))
    except ToolMissingError:
        if not dry_run:
            raise
        program = ""
    external = touches_external(board, memories)
    usb_id = _usb_id_of(probe)
    commands = flash_commands(board, name, elf, probe, external=external, usb_id=usb_id, program=program)
    return FlashPlan(board, name, commands)


def flash_failed(runner: str, output: str) -> CliError:
    """The error of a flash program that failed: what its words mean, and their end."""
    from stm32_board_support import diagnose

    found = diagnose(output)
    if found is None:
        return tools.failed(
            runner, output, "check the cable, the probe's serial number (--probe) and the board's power"
        )
    said = "\n".join("  " + line for line in output.strip().splitlines()[-6:])
    code = Exit.LINK_ERROR if found.link else Exit.STEP_FAILED
    return CliError(f"{runner}: {found.reason}; it said:\n{said}", found.hint, code)


def carry_out(plan: FlashPlan) -> None:
    """Writes the image and resets the board.

    Raises:
        CliError: a call failed: no probe or board (6), anything else (1).
    """
    with console.step(f"flashing {plan.board.name} with {plan.runner}"):
        for argv in plan.commands:
            done = tools.run(argv)
            if done.returncode != 0:
                raise flash_failed(plan.runner, done.stdout)
