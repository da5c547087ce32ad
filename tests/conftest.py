# SPDX-License-Identifier: Apache-2.0
"""What tests of the whole project share: the model zoo, tools that may be missing, the words of a skip.

A test that lacks something is skipped and says so; with STM32_REQUIRE_ALL=1 (set by continuous integration) or CI=true
it fails instead, so that no skip goes unnoticed.
"""

from __future__ import annotations

import os
import shutil
import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import NoReturn

import pytest

from tests.shared import build_once

ROOT = Path(__file__).resolve().parents[1]


def pytest_configure(config: pytest.Config) -> None:
    config.addinivalue_line("markers", "packaging: builds wheels and installs them into empty environments")


def require_all() -> bool:
    return os.environ.get("STM32_REQUIRE_ALL") == "1" or os.environ.get("CI", "").lower() in ("1", "true")


def lacking(reason: str) -> NoReturn:
    """Skips the test, or fails it where nothing may be skipped."""
    if require_all():
        pytest.fail(f"{reason} (nothing may be skipped here: STM32_REQUIRE_ALL or CI is set)")
    pytest.skip(reason)


def zoo_folder() -> Path | None:
    """The folder of STM32_MODEL_ZOO, else ../shared/models beside the repository; None if there is none."""
    named = os.environ.get("STM32_MODEL_ZOO")
    folder = Path(named) if named else ROOT.parent / "shared" / "models"
    return folder if (folder / "manifest.json").is_file() else None


@pytest.fixture(scope="session")
def zoo() -> Path:
    """The model zoo's folder, with models/, data/, labelled/ and manifest.json."""
    folder = zoo_folder()
    if folder is None:
        lacking("the model zoo is not here: set STM32_MODEL_ZOO to its folder, or put it at ../shared/models")
    return folder


@pytest.fixture(scope="session")
def cycles_tool() -> Path:
    """The independent instruction counter that ours is compared with."""
    named = os.environ.get("STM32_CYCLES_TOOL")
    tool = Path(named) if named else ROOT.parent / "shared" / "tools" / "cycles" / "cycles.py"
    if not tool.is_file():
        lacking("no reference counter: set STM32_CYCLES_TOOL to cycles.py, or put it at ../shared/tools/cycles")
    return tool


@pytest.fixture(scope="session")
def shelf(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder that all workers of a test run share; see :func:`tests.shared.build_once`."""
    base = tmp_path_factory.getbasetemp()
    return base.parent if os.environ.get("PYTEST_XDIST_WORKER") else base


@pytest.fixture(scope="session", autouse=True)
def compiler_cache(shelf: Path) -> Iterator[None]:
    """All builds by CMake share the objects of equal sources (compiler_cache.c), where this machine has a compiler."""
    folder = shelf / "compiler-cache"
    launcher = build_once(folder, lambda: _launcher(folder))
    if launcher == folder:
        yield
        return
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("CMAKE_C_COMPILER_LAUNCHER", f"{launcher};{folder}")
        yield


def _launcher(folder: Path) -> Path:
    """The program, or the folder if there is no compiler."""
    compiler = shutil.which("cc")
    if compiler is None:
        return folder
    program, source = folder / "compiler_cache", ROOT / "tests" / "compiler_cache.c"
    subprocess.run([compiler, "-std=c99", "-O1", str(source), "-o", str(program)], check=True)
    return program


@pytest.fixture(scope="session")
def emulator() -> str:
    """Path of qemu-system-arm."""
    found = shutil.which("qemu-system-arm")
    if found is None:
        lacking("qemu-system-arm is not installed: apt-get install qemu-system-arm")
    return found


@pytest.fixture(scope="session")
def cross_compiler() -> str:
    """Path of arm-none-eabi-gcc."""
    found = shutil.which("arm-none-eabi-gcc", path=os.environ.get("ARM_PATH")) or shutil.which("arm-none-eabi-gcc")
    if found is None:
        lacking("arm-none-eabi-gcc is not installed: apt-get install gcc-arm-none-eabi libnewlib-arm-none-eabi")
    return found


@pytest.fixture(scope="session")
def nanopb() -> Path:
    """The folder of nanopb's C sources."""
    named = os.environ.get("NANOPB_DIR")
    folder = Path(named) if named else ROOT / ".cache" / "nanopb"
    if not (folder / "pb_decode.c").is_file():
        lacking("nanopb's C sources are not here: make setup, or set NANOPB_DIR")
    return folder


@pytest.fixture(scope="session")
def digits() -> Path:
    """The example model, its test digits beside it."""
    return ROOT / "examples" / "digits" / "digits_int8.tflite"
