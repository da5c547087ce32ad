# SPDX-License-Identifier: Apache-2.0
"""Running the command as a user does, and firmware that is built once for all tests."""

import os
import re
import subprocess
import sys
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest

from tests.command_server import Commands

FIXTURE_MODEL = Path(__file__).resolve().parents[2] / "packages" / "runtime-c" / "tests" / "c" / "tiny"
LOADING = ("compile", "validate", "analyze", "tune")
"""Commands that load the compiler."""


@dataclass(frozen=True)
class Result:
    """What a command did; seconds and ports are replaced by # in its messages."""

    code: int
    out: str
    err: str


def _steady(text: str, folder: Path) -> str:
    text = text.replace(str(folder), "CWD")
    text = re.sub(r"\d+\.\d s$", "# s", text, flags=re.MULTILINE)
    return re.sub(r"127\.0\.0\.1:\d+", "127.0.0.1:#", text)


@pytest.fixture(scope="session")
def commands() -> Iterator[Commands]:
    """Runs commands in forks of a process that has loaded the compiler."""
    server = Commands()
    yield server
    server.close()


def _started(arguments: list[str], folder: Path, environment: dict[str, str], seconds: float) -> tuple[int, str, str]:
    """Exit code, output and errors of a new process."""
    argv = [sys.executable, "-m", "stm32_cli", *arguments]
    done = subprocess.run(
        argv, cwd=folder, env=environment, capture_output=True, text=True, timeout=seconds, check=False,
        stdin=subprocess.DEVNULL,
    )  # fmt: skip
    return done.returncode, done.stdout, done.stderr


@pytest.fixture
def stm32(
    tmp_path: Path, tmp_path_factory: pytest.TempPathFactory, request: pytest.FixtureRequest
) -> Callable[..., Result]:
    """Runs `stm32 ...` in a folder of its own; those of LOADING in a fork, unless they look for other modules."""

    def run(*arguments: str | Path, timeout: float = 120.0, **environment: str) -> Result:
        words = [*map(str, arguments)]
        env = {key: value for key, value in os.environ.items() if not key.startswith("STM32_")} | environment
        if words[0] in LOADING and "PYTHONPATH" not in environment:
            streams = tmp_path_factory.mktemp("streams")
            code, out, err = request.getfixturevalue("commands").run(words, tmp_path, env, streams, timeout)
        else:
            code, out, err = _started(words, tmp_path, env, timeout)
        return Result(code, _steady(out, tmp_path), _steady(err, tmp_path))

    return run


@pytest.fixture
def fixture_model() -> Path:
    """A hand-written compiled model: two inputs, two outputs, two nodes."""
    return FIXTURE_MODEL
