# SPDX-License-Identifier: Apache-2.0
"""Compiles a .tflite to C: `stm32 compile` under the name that users of the original know."""

from __future__ import annotations

import argparse
import sys

from legacy import stm32


def main() -> int:
    """Reads the arguments; what it does not know goes on to `stm32 compile`."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("model", nargs="?", help="a .tflite file")
    parser.add_argument("-m", "--model", dest="named", help="the same")
    parser.add_argument("-o", "--target-dir", "--target_dir", help="folder to write")
    args, rest = parser.parse_known_args()
    model = args.named or args.model
    if not model:
        parser.error("name a model: compile.py MODEL.tflite [-o FOLDER]")
    return stm32("compile", model, *(["-o", args.target_dir] if args.target_dir else []), *rest)


if __name__ == "__main__":
    sys.exit(main())
