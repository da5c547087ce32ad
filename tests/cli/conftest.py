# SPDX-License-Identifier: Apache-2.0
"""Running the command as a user does, and firmware that is built once for all tests."""

import os
import re
import subprocess
import sys
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import pytest

FIXTURE_MODEL = Path(__file__).resolve().parents[2] / "packages" / "runtime-c" / "tests" / "c" / "tiny"


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


@pytest.fixture
def stm32(tmp_path: Path) -> Callable[..., Result]:
    """Runs `stm32 ...` in a folder of its own."""

    def run(*arguments: str | Path, timeout: float = 120.0, **environment: str) -> Result:
        argv = [sys.executable, "-m", "stm32_cli", *map(str, arguments)]
        env = {key: value for key, value in os.environ.items() if not key.startswith("STM32_")} | environment
        done = subprocess.run(
            argv,
            cwd=tmp_path,
            env=env,
            capture_output=True,
            text=True,
            timeout=timeout,
            check=False,
            stdin=subprocess.DEVNULL,
        )
        return Result(done.returncode, _steady(done.stdout, tmp_path), _steady(done.stderr, tmp_path))

    return run


@pytest.fixture
def fixture_model() -> Path:
    """A hand-written compiled model: two inputs, two outputs, two nodes."""
    return FIXTURE_MODEL
