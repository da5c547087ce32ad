# SPDX-License-Identifier: Apache-2.0
"""Compiles mutants of a model, each in a process of its own; prints one JSON line for each.

    python -m tests.conformance.mutant_worker MODEL FIRST_SEED COUNT FOLDER

"verdict" is "refused" or "compiled" (its C stands in FOLDER), else what went wrong: "traceback", "crash", "timeout".
TVM is imported once; each mutant is a fork with limits on processor time and memory.
"""

from __future__ import annotations

import gc
import json
import os
import resource
import signal
import sys
import time
import traceback
from pathlib import Path

SECONDS = 20
"""Processor time that one mutant may take; it may wait six times as long on a busy machine."""
EXTRA_BYTES = 2 << 30
"""Memory that one mutant may take on top of what the imported libraries hold."""

REFUSED, COMPILED, TRACEBACK = 3, 0, 70


def compile_one(data: bytes, folder: Path, note: Path) -> int:
    """Compiles in this process; returns the exit status."""
    from stm32_emitter import ModelRefused, compile_model

    try:
        compiled = compile_model(data, name="mutant")
    except ModelRefused as refusal:
        note.write_text(str(refusal), encoding="utf-8")
        return REFUSED
    except BaseException:  # noqa: BLE001 - that it got here is the finding
        note.write_text(traceback.format_exc()[-3000:], encoding="utf-8")
        return TRACEBACK
    compiled.write(folder)
    return COMPILED


def _limit() -> None:
    held = int(Path("/proc/self/statm").read_text(encoding="ascii").split()[0]) * resource.getpagesize()
    resource.setrlimit(resource.RLIMIT_AS, (held + EXTRA_BYTES, held + EXTRA_BYTES))
    resource.setrlimit(resource.RLIMIT_CPU, (SECONDS, SECONDS + 1))
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    silent = os.open(os.devnull, os.O_WRONLY)
    os.dup2(silent, 1)
    os.dup2(silent, 2)


def forked(data: bytes, folder: Path, note: Path) -> tuple[str, str]:
    """(verdict, detail) of one mutant."""
    child = os.fork()
    if child == 0:
        status = TRACEBACK
        try:
            _limit()
            status = compile_one(data, folder, note)
        finally:
            os._exit(status)
    status = _waited(child, time.monotonic() + 6 * SECONDS)
    text = note.read_text("utf-8") if note.exists() else ""
    if status is None:
        return "timeout", f"still running after {6 * SECONDS} s"
    if os.WIFSIGNALED(status):
        number = os.WTERMSIG(status)
        name = signal.Signals(number).name
        return ("timeout" if number in (signal.SIGXCPU, signal.SIGKILL) else "crash"), name
    code = os.WEXITSTATUS(status)
    return {REFUSED: "refused", COMPILED: "compiled"}.get(code, "traceback"), text


def _waited(child: int, deadline: float) -> int | None:
    while time.monotonic() < deadline:
        done, status = os.waitpid(child, os.WNOHANG)
        if done:
            return status
        time.sleep(0.005)
    os.kill(child, signal.SIGKILL)
    os.waitpid(child, 0)
    return None


def main() -> None:
    """Runs all mutants of the command line."""
    from stm32_emitter import compile_model
    from stm32_emitter.testing.mutants import mutants

    model, first, count, folder = Path(sys.argv[1]).read_bytes(), int(sys.argv[2]), int(sys.argv[3]), Path(sys.argv[4])
    compile_model(model, name="original")  # fills the caches that all forks share
    gc.freeze()  # a fork that collects would copy all pages
    for seed in range(first, first + count):
        ((change, data),) = mutants(model, seed, 1)
        verdict, detail = forked(data, folder / str(seed), folder / f"{seed}.txt")
        line = {"seed": seed, "change": change, "verdict": verdict, "detail": detail}
        print(json.dumps(line), flush=True)  # noqa: T201


if __name__ == "__main__":
    main()
