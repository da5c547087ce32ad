# SPDX-License-Identifier: Apache-2.0
"""Compiled models and images of part numbers, made once for all tests of this folder."""

from __future__ import annotations

import io
import os
from contextlib import redirect_stderr, redirect_stdout
from functools import cache
from pathlib import Path
from typing import NamedTuple

import pytest
from stm32_cli.main import main

from tests.conftest import lacking

_TEST_SETTINGS = ("STM32_REQUIRE_ALL", "STM32_MODEL_ZOO", "STM32_CYCLES_TOOL")
HELLO = "tflm_hello_world_int8"
KWS = "mlperf_tiny_kws_ref_int8"


@pytest.fixture(scope="session")
def part_data():
    """The data of part numbers, which is an extra."""
    try:
        import modm_devices  # noqa: F401 - only whether it is there
    except ImportError:
        lacking("modm-devices is not installed: pip install 'stm32-ai-board-support[parts]'")


class Done(NamedTuple):
    """What a command did."""

    returncode: int
    stdout: str
    stderr: str


class Maker:
    """Compiles and builds as a user does, by the command; each thing once."""

    def __init__(self, folder: Path, zoo: Path) -> None:
        self.folder, self.zoo = folder, zoo
        self.model = cache(self._model)
        self.build = cache(self._build)

    def stm32(self, *arguments: str | Path) -> Done:
        """Runs the command in this process, which loads TVM once."""
        out, err = io.StringIO(), io.StringIO()
        with redirect_stdout(out), redirect_stderr(err):
            code = main([str(word) for word in arguments])
        return Done(code, out.getvalue(), err.getvalue())

    def _model(self, name: str, mcu: str) -> Path:
        """Folder of a zoo model, compiled for a part's core; its C name is "net"."""
        folder = self.folder / f"{name}_{mcu}"
        done = self.stm32("compile", self.zoo / "models" / f"{name}.tflite", "--mcu", mcu, "-n", "net", "-o", folder)
        assert done.returncode == 0, done.stderr
        return folder

    def _build(self, name: str, mcu: str, goal: str) -> Path:
        """Build folder of `stm32 build --mcu MCU --as GOAL` with that model."""
        folder = self.folder / f"{name}_{mcu}_{goal}"
        done = self.stm32("build", self.model(name, mcu), "--mcu", mcu, "--as", goal, "-d", folder)
        assert done.returncode == 0, done.stderr
        return folder


@pytest.fixture(scope="package", autouse=True)
def no_settings():
    """The environment of whoever runs the tests sets no option."""
    with pytest.MonkeyPatch.context() as patch:
        for key in [key for key in os.environ if key.startswith("STM32_") and key not in _TEST_SETTINGS]:
            patch.delenv(key)
        yield


@pytest.fixture(scope="session")
def maker(zoo, part_data, cross_compiler, tmp_path_factory):  # noqa: ARG001 - must be there
    return Maker(tmp_path_factory.mktemp("parts"), zoo)
