# SPDX-License-Identifier: Apache-2.0
"""The H747's port with external memories, with one mistake at a time: the emulated chip notices each.

The mistakes are those of layout config4, beside the ones of `test_port_defects.py`: memory controllers, supply, clocks.
"""

from __future__ import annotations

import re
import shutil
import subprocess
from pathlib import Path

import pytest
from stm32_board_support import load_board
from stm32_cli.project.firmware import Build, build_firmware

from tests.conftest import ROOT

from .boards import H747, make_machine
from .chip.bus import ChipError

pytestmark = pytest.mark.usefixtures("cross_compiler")
# File in the board's folder, what is there, what stands there instead, the rule that it breaks.
MISTAKES = {
    "programming delay too short": (
        "board_chip.h", "WRHIGHFREQ(2)", "WRHIGHFREQ(1)", r"FLASH: ACR.WRHIGHFREQ is 1"),
    "voltage not raised": (
        "stm32h7/clock.c", "if (!choose_voltage())", "(void)choose_voltage;\n    if (false)",
        r"the core would run at 400.0 MHz, at most 200"),
    "buses not divided": (
        "stm32h7/clock.c", "RCC_D1CFGR_HPRE_HALF |", "0 |", r"HCLK would run at 400.0 MHz"),
    "SDRAM precharged too fast": (
        "board_chip.h", "SDRAM_TRP 2u", "SDRAM_TRP 1u", r"TRP is 1 clocks, the device needs 2"),
    "SDRAM refreshed too rarely": (
        "board_chip.h", "SDRAM_REFRESH_CLOCKS 1562u", "SDRAM_REFRESH_CLOCKS 1600u", r"SDRTR.COUNT is 1580"),
    "SDRAM started too fast": (
        "stm32h7/sdram.c", "POWER_UP_MICROSECONDS 100u", "POWER_UP_MICROSECONDS 50u", r"the device needs 100 us"),
    "SDRAM clock pin forgotten": (
        "board_chip.h", "{6, 12, 0x8137}", "{6, 12, 0x8037}", r"pin PG8 \(FMC_SDCLK\) is in analog mode"),
    "QSPI too fast": (
        "board_chip.h", "QSPI_DIVIDER 2u", "QSPI_DIVIDER 1u", r"the clock would run at 200.0 MHz"),
    "QSPI with short addresses": (
        "stm32h7/qspi.c", "CCR_ADSIZE_32 (3u << 12)", "CCR_ADSIZE_32 (2u << 12)", r"with 3 address bytes"),
}  # fmt: skip


def _port(folder: Path) -> tuple[Path, Path]:
    """A copy of the board's folder with its family's sources in it, and a build folder of it."""
    copy, build = folder / H747, folder / "build"
    shutil.copytree(ROOT / "Boards" / H747, copy)
    shutil.copytree(ROOT / "Boards" / "stm32h7", copy / "stm32h7")
    build_firmware(Build(load_board(str(copy)), "perf", [], build, "config4"))
    return copy, build


def _rebuilt(build: Path) -> Path:
    done = subprocess.run(["cmake", "--build", str(build)], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout
    return build / "Project.elf"


def _outcome(folder: Path, build: Path, mistake: str) -> str:
    """What the chip says to the image with a mistake; the source is put right again."""
    name, right, wrong, _ = MISTAKES[mistake]
    source = folder / name
    text = source.read_text()
    assert text.count(right) == 1, f"{name} does not have {right!r} once: this test must follow"
    source.write_text(text.replace(right, wrong))
    try:
        make_machine(H747, _rebuilt(build)).run_until_text("SystemPerformance", 5_000_000)
    except ChipError as error:
        return str(error)
    finally:
        source.write_text(text)
    return "nothing"


def test_mistakes_are_noticed(tmp_path: Path) -> None:
    folder, build = _port(tmp_path)
    said = {mistake: _outcome(folder, build, mistake) for mistake in MISTAKES}
    assert [one for one, (*_, rule) in MISTAKES.items() if not re.search(rule, said[one])] == [], said
    machine = make_machine(H747, _rebuilt(build))
    machine.run_until_text("No model is linked", 20_000_000)
    assert abs(machine.chip.console.baud() / 115200 - 1) < 0.01
