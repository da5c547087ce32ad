# SPDX-License-Identifier: Apache-2.0
"""`python -m stm32_board_support`: what the firmware's CMake project asks of this package."""

import argparse
import sys
from pathlib import Path

from stm32_board_support.boards import list_boards, load_board
from stm32_board_support.configure import configure
from stm32_board_support.cube import on_cube
from stm32_board_support.errors import BoardSupportError, ToolMissingError


def main(arguments: list[str] | None = None) -> int:
    """Run a command; exit codes 0 ok, 2 usage, 5 a tool is missing."""
    parser = argparse.ArgumentParser(prog="python -m stm32_board_support", description=__doc__)
    commands = parser.add_subparsers(dest="command", required=True)
    commands.add_parser("list", help="print the names of all boards")
    writer = commands.add_parser("configure", help="write board.cmake, board_config.h and linker.ld")
    writer.add_argument("--board", required=True)
    writer.add_argument("--layout", default="")
    writer.add_argument("--output", required=True)
    writer.add_argument("--weights-order", default="", help="file with the sections of constants, one a line")
    writer.add_argument("--x-cube-path", default="", help="folder of an STM32Cube package to build on")
    options = parser.parse_args(arguments)
    try:
        if options.command == "list":
            print("\n".join(list_boards()))  # noqa: T201 - the command's result
        else:
            board = load_board(options.board)
            if options.x_cube_path:
                board = on_cube(board, Path(options.x_cube_path), options.layout)
            configure(board, options.layout, options.output, _lines(options.weights_order))
    except ToolMissingError as error:
        return _complain(error, 5)
    except BoardSupportError as error:
        return _complain(error, 2)
    return 0


def _lines(file: str) -> list[str]:
    return Path(file).read_text(encoding="utf-8").split() if file else []


def _complain(error: BoardSupportError, code: int) -> int:
    print(f"error: {error}", file=sys.stderr)  # noqa: T201 - the command's message
    return code


if __name__ == "__main__":
    sys.exit(main())
