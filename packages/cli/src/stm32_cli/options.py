# SPDX-License-Identifier: Apache-2.0
"""Options that several commands share. Each has the environment variable STM32_<OPTION>."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

import click
from click.core import ParameterSource

from stm32_cli.errors import usage
from stm32_cli.settings import environment_name

if TYPE_CHECKING:
    from collections.abc import Callable

    from stm32_board_support import Board

DEFAULT_BOARD = "qemu-mps2-an386"
TUNING_FILE = ".stm32-tune.json"
CPUS = ("cortex-m0", "cortex-m0plus", "cortex-m3", "cortex-m4", "cortex-m7", "cortex-m33", "cortex-m55")

Function = TypeVar("Function", bound="Callable[..., Any]")


def option(*names: str, **settings: Any) -> Callable[[Function], Function]:
    """A click option that can also be set in the environment."""
    long = next(name for name in reversed(names) if name.startswith("--"))
    variable = environment_name(long.removeprefix("--").replace("-", "_"))
    return click.option(*names, envvar=variable, show_envvar=False, **settings)


def optimize(function: Function) -> Function:
    """--optimize, --constant-channels and --tuned, as the emitter takes them."""
    text = f"File of stm32 tune; none: without.  [default: {TUNING_FILE}, where it exists]"
    return goals(option("--tuned", type=click.Path(), default=None, help=text)(function))


def goals(function: Function) -> Function:
    """--optimize and --constant-channels."""
    goal = click.Choice(["speed", "balanced", "size", "ram"])
    function = option(
        "--constant-channels",
        type=click.Choice(["on", "off"]),
        default=None,
        help="Fold channels whose value never changes.  [default: the compiler's]",
    )(function)
    return option("--optimize", type=goal, default="balanced", show_default=True, help="What to prefer.")(function)


def _shapes(context: click.Context, parameter: click.Parameter, values: tuple[str, ...]) -> dict[str, tuple[int, ...]]:
    """Shapes by name of --shape NAME=1,3,96,96; a name may hold "="."""
    found = {}
    for value in values:
        name, _, sizes = value.rpartition("=")
        try:
            found[name] = tuple(int(size) for size in sizes.split(","))
        except ValueError:
            name = ""
        if not name:
            raise click.BadParameter(f"{value!r} is not NAME=1,3,96,96", context, parameter)
    return found


def shape(function: Function) -> Function:
    """--shape, for .onnx and .pt2 models."""
    text = "Shape of an input (.onnx, .pt2), e.g. data=1,3,96,96; may be repeated.  [default: 1 where it is free]"
    return option("--shape", "shapes", metavar="NAME=SIZES", multiple=True, callback=_shapes, help=text)(function)


def plugin(function: Function) -> Function:
    """--plugin, for operators that do not come with the compiler."""
    text = "Python file that registers operators (docs/extending.md); may be repeated. Installed ones are found anyway."
    kind = click.Path(exists=True, dir_okay=False, path_type=Path)
    return option("--plugin", "plugins", metavar="FILE.py", multiple=True, type=kind, help=text)(function)


def mcu(function: Function) -> Function:
    """--mcu, in place of --board."""
    text = "A part number in place of a board, e.g. stm32f746ngh6 or its beginning; needs modm-devices."
    return click.option("--mcu", metavar="PART", default=None, help=text)(function)


def board_or_mcu(board: str | None, mcu: str | None) -> Board:
    """The board that --board or --mcu names.

    Raises:
        CliError: both were given on the command line; exit code 2.
        BoardSupportError: there is no such board or part, or no data of parts.
    """
    from stm32_board_support import load_board

    if not mcu:
        return load_board(board or DEFAULT_BOARD)
    context = click.get_current_context(silent=True)
    if context and context.get_parameter_source("board") is ParameterSource.COMMANDLINE:
        raise usage("--board and --mcu exclude each other", "leave one of them out")
    return load_board(f"mcu:{mcu}")


def build_dir(function: Function) -> Function:
    """--build-dir."""
    text = "Build folder.  [default: build/<board>]"
    return option("-d", "--build-dir", type=click.Path(file_okay=False), default=None, help=text)(function)


def probe(function: Function) -> Function:
    """--probe."""
    text = "Serial number of the debug probe, if there are several."
    return option("--probe", default="", help=text)(function)


def console_log(function: Function) -> Function:
    """--log."""
    text = "File that the text is appended to, too."
    return click.option("--log", type=click.Path(dir_okay=False, path_type=Path), default=None, help=text)(function)


def runner(function: Function) -> Function:
    """--runner."""
    text = "Flash program.  [default: the board's first that is installed and can write the image]"
    return option("-r", "--runner", default=None, help=text)(function)
