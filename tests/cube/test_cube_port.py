# SPDX-License-Identifier: Apache-2.0
"""The port on STM32Cube's HAL, compiled against declarations of our own, and what is said of a wrong package.

The package is a skeleton: ST's folders with our declarations for headers and empty sources. So this proves that the
port compiles with what it believes of the HAL, and nothing about ST's package, with which nobody has linked it here.
"""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest
from stm32_board_support import load_board
from stm32_board_support.cube import MODULES, CubePackageError, on_cube
from stm32_cli.project.firmware import Build, _configure
from stm32_cli.project.tools import build_program

HERE = Path(__file__).parent
BOARDS = {"nucleo-f412zg": "STM32F4xx", "disco-h747i": "STM32H7xx"}


def make_package(root, series):
    """A folder with the structure of a Cube package."""
    small = series.lower()
    hal, device = root / "Drivers" / f"{series}_HAL_Driver", root / "Drivers/CMSIS/Device/ST" / series
    for folder in (
        hal / "Inc",
        hal / "Src",
        device / "Include",
        device / "Source/Templates",
        root / "Drivers/CMSIS/Include",
    ):
        folder.mkdir(parents=True)
    (hal / "Inc" / f"{small}_hal.h").write_text(f'#include "{small}_hal_conf.h"\n')
    (hal / "Inc" / f"{small}_hal_conf_template.h").write_text(f'#include "{series}.h"\n')
    for header in (f"{series}.h", "common_declarations.h"):
        shutil.copy(HERE / header, device / "Include")
    for module in MODULES[series]:
        (hal / "Src" / f"{small}_hal{module}.c").write_text(f'#include "{small}_hal.h"\n')
    (device / "Source/Templates" / f"system_{small}.c").write_text(f'#include "{small}_hal.h"\n')
    return root


@pytest.mark.parametrize("name", BOARDS)
def test_port_compiles_against_the_declarations(name, cross_compiler, tmp_path):  # noqa: ARG001 - must be there
    package = make_package(tmp_path / "STM32Cube with blanks", BOARDS[name])
    build = Build(load_board(name), "perf", [], tmp_path / "build", cube=package)
    build.folder.mkdir()
    _configure(build)
    done = subprocess.run(
        [build_program("cmake"), "--build", build.folder, "--target", "app", "vendor"],
        capture_output=True, text=True, check=False,
    )  # fmt: skip
    assert done.returncode == 0, done.stdout
    objects = {path.name for path in build.folder.rglob("*.obj")}
    assert {"console.c.obj", "tick.c.obj", f"{BOARDS[name].lower()}_hal_uart.c.obj"} <= objects
    assert not {"clock.c.obj", "usart.c.obj"} & objects


def test_board_takes_the_package_in_place_of_its_port(tmp_path):
    package = make_package(tmp_path / "cube", "STM32F4xx")
    board = on_cube(load_board("nucleo-f412zg"), package)
    assert "stm32f4/clock.c" not in board.descriptor.port.sources
    assert "STM32F412Zx" in board.descriptor.port.defines
    assert board.vendor is not None
    assert all(Path(path).exists() for path in [*board.vendor.sources, *board.vendor.include_dirs])


def _refusal(name, package, layout=""):
    with pytest.raises(CubePackageError) as caught:
        on_cube(load_board(name), package, layout)
    return str(caught.value)


def test_package_of_another_series_is_refused(tmp_path):
    package = make_package(tmp_path / "cube", "STM32H7xx")
    said = _refusal("nucleo-f412zg", package)
    assert f"{package} holds the HAL of STM32H7xx, but nucleo-f412zg has an STM32F4" in said
    assert "STM32CubeF4, which holds Drivers/STM32F4xx_HAL_Driver" in said


def test_wrong_folder_is_refused(tmp_path):
    assert "is no STM32Cube package; name the folder of STM32CubeF4" in _refusal("nucleo-f412zg", tmp_path)
    assert "is no folder" in _refusal("nucleo-f412zg", tmp_path / "absent")


def test_incomplete_package_is_refused(tmp_path):
    package = make_package(tmp_path / "cube", "STM32F4xx")
    (package / "Drivers/STM32F4xx_HAL_Driver/Src/stm32f4xx_hal_uart.c").unlink()
    said = _refusal("nucleo-f412zg", package)
    assert "is not complete: Drivers/STM32F4xx_HAL_Driver/Src/stm32f4xx_hal_uart.c is missing" in said


def test_layout_in_external_memory_is_refused(tmp_path):
    package = make_package(tmp_path / "cube", "STM32H7xx")
    said = _refusal("disco-h747i", package, "config4")
    assert "layout config4 of disco-h747i uses qspi, sdram, which only our own port starts" in said


def test_board_without_a_table_is_refused(tmp_path):
    assert "has no table [cube]" in _refusal("qemu-mps2-an386", tmp_path)


def _stm32(tmp_path, *arguments, **environment):
    return subprocess.run(
        [sys.executable, "-m", "stm32_cli", "build", "--app", "perf", *arguments],
        cwd=tmp_path, env=os.environ | environment, capture_output=True, text=True, check=False,
    )  # fmt: skip


def test_command_refuses_before_anything_is_made(tmp_path):
    for source in ("flag", "environment", "file"):
        arguments, environment = ["-b", "nucleo-f412zg"], {"X_CUBE_PATH": ""}
        if source == "flag":
            arguments += ["--x-cube-path", "absent"]
        elif source == "environment":
            environment["X_CUBE_PATH"] = "absent"
        else:
            (tmp_path / "stm32.toml").write_text('x_cube_path = "absent"\n')
        done = _stm32(tmp_path, *arguments, **environment)
        assert done.returncode == 2, (source, done.stderr)
        assert "absent is no folder; name the folder of STM32CubeF4" in done.stderr, source
        assert not (tmp_path / "build").exists()


def test_variable_has_no_effect_on_a_board_without_a_table(tmp_path, cross_compiler):  # noqa: ARG001 - must be there
    done = _stm32(tmp_path, X_CUBE_PATH="absent")
    assert done.returncode == 0, done.stderr
    assert "note: X_CUBE_PATH has no effect: qemu-mps2-an386 is built on its own port" in done.stderr
