# SPDX-License-Identifier: Apache-2.0
"""Compilers, flags and fixtures of the C tests; a tool that is not there is skipped by name."""

import os
import shutil
import subprocess
from pathlib import Path

import pytest
import stm32_runtime_c


def pytest_configure(config: pytest.Config) -> None:
    """Register the marker for when these tests run apart from the workspace."""
    config.addinivalue_line("markers", "emulator: boots QEMU")


class CTools:
    """Compiles and runs the C tests against the installed package."""

    folder = Path(__file__).parent / "c"
    warnings = (
        *("all", "extra", "error", "conversion", "sign-conversion", "shadow", "cast-qual", "cast-align", "undef"),
        *("double-promotion", "vla", "strict-prototypes", "missing-prototypes"),
    )
    strict = ("-std=c99", "-pedantic", *(f"-W{name}" for name in warnings))
    include_dirs = (stm32_runtime_c.include_dir(), folder, folder / "tiny", folder / "ranks")
    includes = tuple(f"-I{path}" for path in include_dirs)
    runtime = tuple(stm32_runtime_c.source_dir() / name for name in ("ai_runtime.c", "ai_iterator.c"))
    models = tuple(sorted([*folder.glob("tiny/*.c"), *folder.glob("ranks/*.c")]))

    @staticmethod
    def need(tool: str) -> str:
        """Return the path of a tool, or skip the test and say which one is missing."""
        found = shutil.which(tool)
        if found is None:
            pytest.skip(f"{tool} is not on PATH")
        return found

    @staticmethod
    def run(*argv: object, text: str = "", cwd: Path | None = None) -> "subprocess.CompletedProcess[str]":
        """Run a command, `text` on its standard input."""
        words = [str(word) for word in argv]
        return subprocess.run(words, input=text, capture_output=True, text=True, check=False, timeout=300, cwd=cwd)

    def compile(self, compiler: str, *arguments: object) -> str:
        """Compile under the strict flags; a failure shows the command and what the compiler said."""
        argv = [self.need(compiler), *self.strict, *self.includes, *arguments]
        result = self.run(*argv)
        assert result.returncode == 0, f"{' '.join(map(str, argv))}\n{result.stderr}"
        return result.stderr


@pytest.fixture(scope="session")
def c_tools() -> CTools:
    """The C compilers and fixture models."""
    return CTools()


@pytest.fixture
def seed() -> int:
    """Seed of random tests: STM32_TEST_SEED, else a fixed one; a failing test prints it."""
    value = int(os.environ.get("STM32_TEST_SEED", "20260102"))
    print(f"seed {value} (STM32_TEST_SEED chooses another)")  # noqa: T201
    return value
