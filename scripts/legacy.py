# SPDX-License-Identifier: Apache-2.0
"""What the scripts with the original application's names share."""

from __future__ import annotations

import os
import sys

from stm32_cli.main import main

IGNORED = {
    "TVM_PATH": "TVM is a Python package of the environment",
}


def note_ignored() -> None:
    """Says which of the original's variables have no effect."""
    for name, reason in IGNORED.items():
        if os.environ.get(name):
            print(f"note: {name} is ignored: {reason}", file=sys.stderr)


def stm32(*arguments: str) -> int:
    """Runs the command `stm32` in this process; returns its exit code."""
    note_ignored()
    print(f"stm32 {' '.join(arguments)}", file=sys.stderr)
    return main(arguments)
