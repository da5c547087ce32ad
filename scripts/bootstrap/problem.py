# SPDX-License-Identifier: Apache-2.0
"""What the set-up says when it cannot go on, and how it runs commands."""

from __future__ import annotations

import subprocess
import sys
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from pathlib import Path

EXIT_STEP_FAILED = 1
EXIT_TOOL_MISSING = 5
_SHOWN_LINES = 15


class SetupError(Exception):
    """A step that failed; `hint` is what the user can do about it."""

    def __init__(self, message: str, hint: str, exit_code: int = EXIT_STEP_FAILED) -> None:
        super().__init__(message)
        self.hint = hint
        self.exit_code = exit_code


def say(text: str) -> None:
    """Prints one line of progress on stderr."""
    print(f"setup: {text}", file=sys.stderr, flush=True)


def run(argv: Sequence[str], hint: str, *, env: Mapping[str, str] | None = None, cwd: Path | None = None) -> str:
    """Runs a command without input; returns what it printed.

    Raises:
        SetupError: the command is missing or failed; the message ends with the last lines it printed.
    """
    try:
        done = subprocess.run(
            argv,
            check=False,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            errors="replace",
            env=env,
            cwd=cwd,
        )
    except OSError as error:
        raise SetupError(f"cannot run {argv[0]}: {error.strerror}", hint, EXIT_TOOL_MISSING) from error
    if done.returncode != 0:
        tail = "\n".join("    " + line for line in done.stdout.splitlines()[-_SHOWN_LINES:])
        raise SetupError(f"'{' '.join(argv)}' failed with status {done.returncode}:\n{tail}", hint)
    return done.stdout
