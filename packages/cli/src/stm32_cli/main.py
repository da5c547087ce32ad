# SPDX-License-Identifier: Apache-2.0
"""The command line: finds the command, tells its errors, returns its exit code.

Imports nothing that only a command needs.
"""

from __future__ import annotations

import importlib
import os
import sys
import tempfile
import traceback
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from stm32_cli import __version__, settings
from stm32_cli.errors import Exit, as_cli_error

if TYPE_CHECKING:
    from collections.abc import Sequence

# Name -> the line in `stm32 --help`. A command's module is imported when it is used.
COMMANDS = {
    "compile": "Compile a model to C.",
    "quantize": "Turn a float model into one of int8, and tell what that costs in accuracy.",
    "analyze": "Tell what a model needs and whether it fits a board; no C compiler is needed.",
    "tune": "Measure the schedules of a model's layers and keep the best for compile.",
    "build": "Build firmware for a board from compiled models.",
    "export": "Export compiled models as C sources for your own project.",
    "flash": "Write the built firmware to a board.",
    "validate": "Compare a model's outputs on a target with the original's, byte by byte.",
    "run": "Boot the built firmware on the emulator, or flash it, and follow it.",
    "monitor": "Show what a board writes to its serial line.",
    "selftest": "Check a board's clock, counter, UART, memories and a known inference.",
    "boards": "List the boards; make one of your own.",
    "parts": "List part numbers, e.g. those that hold a model.",
    "doctor": "List the tools that are used, and how to get those that are missing.",
}


class LazyGroup(click.Group):
    """A group whose commands are imported when they are used."""

    def list_commands(self, ctx: click.Context) -> list[str]:  # noqa: ARG002 - click's interface
        """Names of the commands, in the order of use."""
        return list(COMMANDS)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:  # noqa: ARG002
        """Imports a command; None if there is no such command."""
        if cmd_name not in COMMANDS:
            return None
        found: click.Command = importlib.import_module(f"stm32_cli.commands.{cmd_name}").command
        return found

    def resolve_command(
        self, ctx: click.Context, args: list[str]
    ) -> tuple[str | None, click.Command | None, list[str]]:
        """As click's, with the defaults of stm32.toml for the command."""
        name, command, rest = super().resolve_command(ctx, args)
        if name and command:
            ctx.default_map = {name: _file_defaults(name, command)}
        return name, command, rest

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:  # noqa: ARG002
        """Lists the commands without importing them."""
        with formatter.section("Commands"):
            formatter.write_dl(list(COMMANDS.items()))


def _file_defaults(name: str, command: click.Command) -> dict[str, Any]:
    path = Path(settings.FILE_NAME)
    if not path.is_file():
        return {}
    config = settings.parse(path.read_text(encoding="utf-8"), list(COMMANDS))
    if folders := settings.board_path(config):
        _add_board_folders(folders)
    options = [parameter.name for parameter in command.params if parameter.name]
    return settings.defaults_for(name, options, config)


def _add_board_folders(folders: Sequence[str]) -> None:
    from stm32_board_support.boards import add_folder

    for folder in folders:
        add_folder(folder, settings.FILE_NAME)


@click.group(cls=LazyGroup, context_settings={"help_option_names": ["-h", "--help"]})
@click.version_option(__version__, prog_name="stm32")
def cli() -> None:
    """Neural networks on STM32: from a .tflite to firmware whose every output byte is proven.

    Exit codes: 0 ok, 1 a step failed, 2 usage, 3 model refused, 4 does not fit, 5 tool missing, 6 link error, 7 outputs
    differ, 130 interrupted. Defaults of options: environment STM32_<OPTION>, then stm32.toml in this folder.
    """


def _tell(text: str, hint: str = "") -> None:
    click.echo(f"error: {text}", err=True)
    if hint:
        click.echo(f"hint: {hint}", err=True)


def _tell_unexpected(error: BaseException) -> None:
    """Tells of an error that no command foresaw, and keeps its traceback in a file for a report."""
    handle, name = tempfile.mkstemp(prefix="stm32-error-", suffix=".log")
    with os.fdopen(handle, "w", encoding="utf-8") as log:
        log.write(f"stm32 {__version__}, Python {sys.version}\narguments: {sys.argv[1:]}\n")
        traceback.print_exception(error, file=log)
    _tell(f"unexpected {type(error).__name__}: {error}", f"this is a defect; please report it with {name}")


def _os_error_text(error: OSError) -> str:
    what = error.strerror or str(error)
    return f"{what}: {error.filename}" if error.filename else what


def tell(error: BaseException) -> Exit:
    """Prints an error as the user sees it; returns the exit code."""
    if isinstance(error, click.ClickException):
        error.show()
        return Exit.USAGE if isinstance(error, click.UsageError) else Exit.STEP_FAILED
    if isinstance(error, (KeyboardInterrupt, click.Abort)):
        click.echo("interrupted", err=True)
        return Exit.INTERRUPTED
    known = as_cli_error(error)
    if known is not None:
        _tell(str(known), known.hint)
        return known.exit_code
    if isinstance(error, OSError):
        _tell(_os_error_text(error), "check the path, its permissions and the free disk space")
        return Exit.STEP_FAILED
    _tell_unexpected(error)
    return Exit.STEP_FAILED


def main(arguments: Sequence[str] | None = None) -> int:
    """Runs one command.

    Args:
        arguments: without the program's name; None takes those of the process.

    Returns:
        The exit code.
    """
    try:
        code = cli.main(
            args=list(arguments) if arguments is not None else None, prog_name="stm32", standalone_mode=False
        )
    except BaseException as error:  # the one place where errors become messages
        if isinstance(error, (SystemExit, GeneratorExit)):
            raise
        return int(tell(error))
    return code if isinstance(code, int) else 0


def run() -> None:
    """Entry point of the command `stm32`."""
    code = main()
    if code == Exit.INTERRUPTED:
        # Python ends itself by the signal, not by the code, when the interrupt has passed through exec() of a string.
        sys.stdout.flush()
        sys.stderr.flush()
        os._exit(code)
    sys.exit(code)
