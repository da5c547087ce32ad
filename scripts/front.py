# SPDX-License-Identifier: Apache-2.0
"""`make perf`, `valid`, `info`, `flash` in terms of the command `stm32`."""

from __future__ import annotations

import argparse
import sys
from pathlib import Path

from legacy import stm32

EXIT_USAGE = 2


def build(app: str, model_path: str, board: str, layout: str) -> int:
    """Builds the firmware for MODEL_PATH, one folder or several separated by blanks."""
    if not model_path.split():
        print(f"error: no model: make {app} MODEL_PATH=<folder of a compiled model> BOARD={board}", file=sys.stderr)
        print("hint: make one with: stm32 compile MODEL.tflite", file=sys.stderr)
        return EXIT_USAGE
    memory = ["--layout", layout] if layout else []
    return stm32("build", *model_path.split(), "-b", board, "--app", app, *memory)


def info(board: str, model_path: str) -> int:
    """Shows boards and tools, and what the last build of the board was made from."""
    record = Path("build") / Path(board).name / "stm32-build.json"
    if record.is_file():
        print(record.read_text(encoding="utf-8"), end="")
    else:
        print(f"nothing is built for {board}; MODEL_PATH is {model_path or 'not set'}")
    stm32("boards")
    return stm32("doctor")


def flash(board: str, serial_number: str) -> int:
    """Flashes the last build of the board."""
    probe = ["--probe", serial_number] if serial_number else []
    return stm32("flash", "-d", str(Path("build") / Path(board).name), *probe)


def main() -> int:
    """Reads the arguments."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("action", choices=["perf", "valid", "info", "flash"])
    parser.add_argument("--model-path", default="")
    parser.add_argument("--board", default="qemu-mps2-an386")
    parser.add_argument("--layout", default="")
    parser.add_argument("--serial-number", default="")
    args = parser.parse_args()
    if args.action == "info":
        return info(args.board, args.model_path)
    if args.action == "flash":
        return flash(args.board, args.serial_number)
    return build(args.action, args.model_path, args.board, args.layout)


if __name__ == "__main__":
    sys.exit(main())
