# SPDX-License-Identifier: Apache-2.0
"""The boards' own port code with one mistake each: the emulated chips notice what a real one would suffer from.

The images are whole firmwares; only a copy of the board's folder is changed.
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

from .boards import F412, H747, make_machine
from .chip.bus import ChipError

pytestmark = pytest.mark.usefixtures("cross_compiler", "nanopb")
PORTS = {F412: "stm32f4", H747: "stm32h7"}
LAYOUTS = {F412: "default", H747: "config4"}

# Board, file in its folder, what is there, what stands there instead, the rule that it breaks.
MISTAKES = {
    "F412 too few wait states": (
        F412, "board_chip.h", "CLOCK_FLASH_LATENCY 3u", "CLOCK_FLASH_LATENCY 2u",
        r"FLASH: ACR.LATENCY is 2, HCLK of 100.0 MHz needs 3"),
    "F412 APB1 not divided": (
        F412, "board_chip.h", "CLOCK_PPRE1 4u", "CLOCK_PPRE1 0u", r"PCLK1 would run at 100.0 MHz"),
    "F412 voltage too low": (
        F412, "board_chip.h", "POWER_VOS (3u << 14)", "POWER_VOS (2u << 14)", r"voltage scale 2 .* allows 84 MHz"),
    "F412 wrong alternate function": (
        F412, "board_chip.h", "CONSOLE_FUNCTION 7u", "CONSOLE_FUNCTION 8u", r"pin PD8 .* alternate function 8"),
    "F412 wrong UART clock": (
        F412, "board_chip.h", "CONSOLE_CLOCK_HZ 50000000u", "CONSOLE_CLOCK_HZ 48000000u", r"USART3: runs at 1199"),
    "F412 clock enable not read back": (
        F412, "stm32f4/clock.c", "(void)RCC_APB1ENR;", "", r"PWR: accessed before the clock enable"),
    "F412 UART without clock": (
        F412, "stm32f4/usart.c", "CONSOLE_ENABLE_REGISTER |= CONSOLE_ENABLE_BIT;", "",
        r"USART3: access while its clock is off"),
    "H747 programming delay too short": (
        H747, "board_chip.h", "WRHIGHFREQ(2)", "WRHIGHFREQ(1)", r"FLASH: ACR.WRHIGHFREQ is 1"),
    "H747 voltage not raised": (
        H747, "stm32h7/clock.c", "if (!choose_voltage())", "(void)choose_voltage;\n    if (false)",
        r"the core would run at 400.0 MHz, at most 200"),
    "H747 buses not divided": (
        H747, "stm32h7/clock.c", "RCC_D1CFGR_HPRE_HALF |", "0 |", r"HCLK would run at 400.0 MHz"),
    "H747 SDRAM precharged too fast": (
        H747, "board_chip.h", "SDRAM_TRP 2u", "SDRAM_TRP 1u", r"TRP is 1 clocks, the device needs 2"),
    "H747 SDRAM refreshed too rarely": (
        H747, "board_chip.h", "SDRAM_REFRESH_CLOCKS 1562u", "SDRAM_REFRESH_CLOCKS 1600u", r"SDRTR.COUNT is 1580"),
    "H747 SDRAM started too fast": (
        H747, "stm32h7/sdram.c", "POWER_UP_MICROSECONDS 100u", "POWER_UP_MICROSECONDS 50u", r"the device needs 100 us"),
    "H747 SDRAM clock pin forgotten": (
        H747, "board_chip.h", "{6, 12, 0x8137}", "{6, 12, 0x8037}", r"pin PG8 \(FMC_SDCLK\) is in analog mode"),
    "H747 QSPI too fast": (
        H747, "board_chip.h", "QSPI_DIVIDER 2u", "QSPI_DIVIDER 1u", r"the clock would run at 200.0 MHz"),
    "H747 QSPI with short addresses": (
        H747, "stm32h7/qspi.c", "CCR_ADSIZE_32 (3u << 12)", "CCR_ADSIZE_32 (2u << 12)", r"with 3 address bytes"),
}  # fmt: skip


def _port(folder: Path, board: str) -> tuple[Path, Path]:
    """A copy of a board's folder with its family's sources in it, and a build folder of it."""
    copy, build = folder / board, folder / "build"
    shutil.copytree(ROOT / "Boards" / board, copy)
    shutil.copytree(ROOT / "Boards" / PORTS[board], copy / PORTS[board])
    build_firmware(Build(load_board(str(copy)), "perf", [], build, LAYOUTS[board]))
    return copy, build


def _rebuilt(build: Path) -> Path:
    done = subprocess.run(["cmake", "--build", str(build)], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout
    return build / "Project.elf"


def _outcome(board: str, folder: Path, build: Path, mistake: str) -> str:
    """What the chip says to the image with a mistake; the source is put right again."""
    _, name, right, wrong, _ = MISTAKES[mistake]
    source = folder / name
    text = source.read_text()
    assert text.count(right) == 1, f"{name} does not have {right!r} once"
    source.write_text(text.replace(right, wrong))
    try:
        make_machine(board, _rebuilt(build)).run_until_text("SystemPerformance", 5_000_000)
    except ChipError as error:
        return str(error)
    finally:
        source.write_text(text)
    return "nothing"


@pytest.mark.parametrize("board", [F412, H747])
def test_mistakes_are_noticed(board: str, tmp_path: Path) -> None:
    folder, build = _port(tmp_path, board)
    rules = {mistake: rule for mistake, (where, *_, rule) in MISTAKES.items() if where == board}
    said = {mistake: _outcome(board, folder, build, mistake) for mistake in rules}
    assert [one for one, rule in rules.items() if not re.search(rule, said[one])] == [], said
    machine = make_machine(board, _rebuilt(build))
    machine.run_until_text("No model is linked", 20_000_000)
    assert abs(machine.chip.console.baud() / 115200 - 1) < 0.01
