# SPDX-License-Identifier: Apache-2.0
"""Runs `stm32` commands in forks of a process that has loaded the compiler, which takes longer than most commands.

    python -m tests.command_server

reads requests and writes answers, a line of JSON each; :class:`Commands` is the other side. A fork gets the folder, the
environment, the arguments and the streams of its own that `python -m stm32_cli` would have.
"""

from __future__ import annotations

import atexit
import gc
import json
import os
import runpy
import signal
import subprocess
import sys
import time
import traceback
from collections.abc import Callable, Mapping, Sequence
from functools import partial
from pathlib import Path
from typing import NoReturn

ROOT = Path(__file__).resolve().parents[1]


def _become(request: Mapping[str, object]) -> None:
    """In the fork: runs the command."""
    folder, streams = str(request["folder"]), Path(str(request["streams"]))
    os.chdir(folder)
    os.environ.clear()
    os.environ.update(request["environment"])  # type: ignore[arg-type] # a table of text
    modes = ((os.devnull, os.O_RDONLY), (streams / "out", os.O_WRONLY), (streams / "err", os.O_WRONLY))
    for descriptor, (path, mode) in enumerate(modes):
        opened = os.open(path, mode)
        os.dup2(opened, descriptor)
        os.close(opened)
    sys.path[0] = folder
    sys.argv = ["stm32", *request["arguments"]]  # type: ignore[misc] # a list of text
    runpy.run_module("stm32_cli", run_name="__main__", alter_sys=True)


def _leave(program: Callable[[], object]) -> NoReturn:
    """Runs a program to its end, exit functions included; modules, whose pages are shared, are not torn down."""
    code: object = 1
    try:
        program()
        code = 0
    except SystemExit as end:
        code = end.code
    except BaseException:  # noqa: BLE001 - as the interpreter does
        traceback.print_exc()
    atexit._run_exitfuncs()
    sys.stdout.flush()
    sys.stderr.flush()
    os._exit(code if isinstance(code, int) else int(code is not None))


def _waited(child: int, seconds: float) -> int | None:
    """Exit code, negative for a signal; None where it took too long."""
    end = time.monotonic() + seconds
    while time.monotonic() < end:
        done, status = os.waitpid(child, os.WNOHANG)
        if done:
            return os.waitstatus_to_exitcode(status)
        time.sleep(0.005)
    os.kill(child, signal.SIGKILL)
    os.waitpid(child, 0)
    return None


def main() -> None:
    """Serves until the other side closes."""
    import stm32_emitter.extension  # noqa: F401 - what takes long

    gc.freeze()  # a fork that collects would copy all pages
    for line in sys.stdin:
        request = json.loads(line)
        child = os.fork()
        if child == 0:
            _leave(partial(_become, request))
        print(json.dumps(_waited(child, request["seconds"])), flush=True)  # noqa: T201


class Commands:
    """A running server."""

    def __init__(self) -> None:
        argv = [sys.executable, "-m", "tests.command_server"]
        self._process = subprocess.Popen(argv, cwd=ROOT, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)

    def run(
        self, arguments: Sequence[str], folder: Path, environment: Mapping[str, str], streams: Path, seconds: float
    ) -> tuple[int, str, str]:
        """Runs `stm32 arguments`; gives exit code, standard output and errors.

        Args:
            arguments: of the command.
            folder: where it runs.
            environment: all variables.
            streams: an empty folder for what it writes.
            seconds: longest time.

        Raises:
            TimeoutError: it takes longer.
        """
        paths = [streams / "out", streams / "err"]
        for path in paths:
            path.touch()
        request = {
            "arguments": list(arguments), "folder": str(folder), "environment": dict(environment),
            "streams": str(streams), "seconds": seconds,
        }  # fmt: skip
        assert self._process.stdin is not None
        assert self._process.stdout is not None
        print(json.dumps(request), file=self._process.stdin, flush=True)
        code = json.loads(self._process.stdout.readline())
        if code is None:
            raise TimeoutError(f"stm32 {' '.join(arguments)}: not finished after {seconds} s")
        return code, *(path.read_text("utf-8") for path in paths)

    def close(self) -> None:
        """Ends the server."""
        self._process.communicate(timeout=60)


if __name__ == "__main__":
    main()
