# SPDX-License-Identifier: Apache-2.0
"""Command line: ``python -m ai_runner info|invoke|validate -d DESC``.

Results go to standard output, messages to standard error. Exit codes: 0 ok, 1 the device refused or holds another
model, 2 usage, 6 link error, 7 outputs differ, 130 interrupted.
"""

from __future__ import annotations

import argparse
import json
import sys
from typing import TYPE_CHECKING, Any

import ai_runner
from ai_runner.commands import run_info, run_invoke, run_validate, say
from ai_runner.errors import AiRunnerError
from ai_runner.files import write_text

if TYPE_CHECKING:
    from collections.abc import Sequence

__all__ = ["main"]

EXIT_INTERRUPTED = 130


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="python -m ai_runner", description="Run neural networks on STM32 boards.")
    parser.add_argument("--version", action="version", version=ai_runner.__version__)
    commands = parser.add_subparsers(dest="command", required=True)
    common = argparse.ArgumentParser(add_help=False)
    common.add_argument(
        "-d",
        "--desc",
        default="serial",
        help="serial[:PORT[:BAUD]], socket:HOST:PORT, or a port; default: the ST-LINK that is plugged in",
    )
    common.add_argument("--probe", default="", help="serial number of the ST-LINK whose port is meant")
    common.add_argument("--baud", type=int, help="baud rate of a serial port, default 115200")
    common.add_argument("--timeout", type=float, default=10.0, help="seconds for the device to answer, default 10")
    common.add_argument("--network", help="name of the model, default the first")
    common.add_argument("--signature", metavar="HEX", help="refuse another model than the one with this signature")
    common.add_argument("--no-checked", action="store_true", help="keep the compatible mode")
    common.add_argument("--json", metavar="FILE", help="write the result as JSON too; - means standard output, no text")
    commands.add_parser("info", parents=[common], help="what the device holds").set_defaults(run=run_info)
    invoke = commands.add_parser("invoke", parents=[common], help="run the model and print what it costs")
    invoke.add_argument("--npz", help="inputs; random ones without")
    invoke.add_argument("--samples", type=int, default=1, help="number of random samples, default 1")
    invoke.add_argument("--seed", type=int, default=0, help="of the random samples, default 0")
    invoke.add_argument("--per-layer", action="store_true", help="time of each node")
    invoke.add_argument("--quantize", action="store_true", help="quantize float arrays for integer tensors")
    invoke.add_argument("--save", metavar="FILE", help="write inputs and outputs to an .npz")
    invoke.set_defaults(run=run_invoke)
    validate = commands.add_parser("validate", parents=[common], help="compare with the outputs in an .npz")
    validate.add_argument("--npz", required=True, help="inputs and expected outputs")
    validate.add_argument("--quantize", action="store_true", help="quantize float arrays for integer tensors")
    validate.set_defaults(run=run_validate)
    return parser


def _emit(text: str, data: dict[str, Any], json_file: str | None) -> None:
    if json_file == "-":
        say(json.dumps(data, indent=2), sys.stdout)
        return
    say(text, sys.stdout)
    if json_file is not None:
        write_text(json_file, json.dumps(data, indent=2) + "\n")


def main(argv: Sequence[str] | None = None) -> int:
    """Run a command; return the exit code."""
    arguments = _parser().parse_args(argv)
    try:
        code, text, data = arguments.run(arguments)
        _emit(text, data, arguments.json)
    except AiRunnerError as error:
        say(f"error: {error}", sys.stderr)
        return error.exit_code
    except KeyboardInterrupt:
        say("interrupted", sys.stderr)
        return EXIT_INTERRUPTED
    except BrokenPipeError:
        return 1
    return int(code)


if __name__ == "__main__":
    sys.exit(main())
