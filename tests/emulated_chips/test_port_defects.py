# SPDX-License-Identifier: Apache-2.0
"""The emulated chips find defects: a copy of the port code gets one at a time, and each must be noticed.

A row is a file of the port, a piece of its text, what takes its place, and words of the ChipError.
"""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest

from tests.conftest import ROOT

from .boards import APPS, F412, H747, build_app, make_machine
from .chip.bus import ChipError

pytestmark = pytest.mark.usefixtures("cross_compiler")
Defect = tuple[str, str, str, str]
F412_DEFECTS: dict[str, Defect] = {
    "too few wait states": (
        "board_chip.h", "CLOCK_FLASH_LATENCY 3u", "CLOCK_FLASH_LATENCY 1u", "ACR.LATENCY is 1",
    ),
    "the PLL chosen before it runs": (
        "stm32f4/clock.c", "    start_pll();\n", "    RCC_CFGR |= RCC_CFGR_SW_PLL;\n    start_pll();\n", "not ready",
    ),
    "a voltage too low for the speed": ("stm32f4/clock.c", "PWR_CR |= POWER_VOS", "PWR_CR |= 0u", "voltage scale"),
    "a bus too fast": ("stm32f4/clock.c", "RCC_CFGR_PPRE1(CLOCK_PPRE1) | ", "", "PCLK1 would run at 100"),
    "no clock for the UART": (
        "stm32f4/usart.c", "    CONSOLE_ENABLE_REGISTER |= CONSOLE_ENABLE_BIT;\n", "", "USART3: .*unclocked",
    ),
    "a clock enable not read back": ("stm32f4/usart.c", "    (void)CONSOLE_ENABLE_REGISTER;\n", "", "took effect"),
    "another alternate function": (
        "stm32f4/usart.c", "CONSOLE_TX_PIN, CONSOLE_FUNCTION", "CONSOLE_TX_PIN, CONSOLE_FUNCTION + 1u", "USART3",
    ),
    "another baud rate": ("stm32f4/usart.c", "+ BOARD_CONSOLE_BAUD / 2u)", "- 10000000u)", "baud"),
    "no floating point": ("common/startup.c", "    SCB_CPACR |= SCB_CPACR_FPU;\n", "", "UsageFault: .*coprocessor"),
    "no trace for the counter": (
        "common/cycle_counter.c", "    SCB_DEMCR |= SCB_DEMCR_TRCENA;\n", "", "DWT: .*TRCENA",
    ),
    "a guard at a wrong multiple": ("common/stack_guard.c", "<< GUARD_LOG2)", "<< 12u)", "MPU: base .* no multiple"),
}  # fmt: skip
H747_DEFECTS: dict[str, Defect] = {
    "instruction cache as it was": ("stm32h7/device.c", "    SCB_ICIALLU = 0;\n", "", "CCR.IC set before"),
    "data cache as it was": (
        "stm32h7/device.c", "SCB_DCISW = way << 30 | set << 5", "(void)(way + set)", "CCR.DC set before",
    ),
    "half of the data cache as it was": ("stm32h7/device.c", "way < ways; way++", "way < ways; way += 2", "256 lines"),
    "the counter behind its lock": ("stm32h7/device.c", "    DWT_LAR = DWT_LAR_KEY;\n", "", "written while locked"),
    "too few wait states": ("board_chip.h", "(2u | FLASH_ACR_WRHIGHFREQ(2))", "0u", "ACR.LATENCY is 0"),
    "a bus too fast": ("stm32h7/clock.c", " | RCC_D2CFGR_D2PPRE1_HALF", "", "PCLK1"),
    "the PLL before its oscillator": (
        "stm32h7/clock.c", "!wait_for_clock(&RCC_CR, RCC_CR_HSERDY, RCC_CR_HSERDY)", "CLOCK_DIVM1 == 0u", "PLL1ON",
    ),
    "no clock for the UART": ("stm32h7/usart.c", "    RCC_APB2ENR |= RCC_APB2ENR_USART1EN;\n", "", "unclocked"),
}  # fmt: skip
DEFECTS = {F412: F412_DEFECTS, H747: H747_DEFECTS}


def _copy_of(board: str, target: Path) -> Path:
    """A user's board with files of its own in the place of those that boards share."""
    folder = Path(shutil.copytree(ROOT / "Boards" / board, target / board))
    for shared in ("common", "stm32f4", "stm32h7"):
        shutil.copytree(ROOT / "Boards" / shared, folder / shared)
    return folder


def _run(folder: Path, board: str) -> str:
    """Builds the image from the copy and runs it until it is up; what it says."""
    elf = build_app(folder.parent / "build", folder, APPS / "faults")
    machine = make_machine(board, elf)
    return machine.run_until_text("ready", 100_000_000)


def _noticed(folder: Path, board: str, defect: Defect) -> None:
    file, before, after, words = defect
    path = folder / file
    text = path.read_text("utf-8")
    assert text.count(before) == 1, f"{file} has no {before!r} any more: this test must follow"
    path.write_text(text.replace(before, after), "utf-8")
    try:
        with pytest.raises(ChipError, match=words):
            _run(folder, board)
    finally:
        path.write_text(text, "utf-8")


@pytest.mark.parametrize("board", DEFECTS)
def test_each_defect_of_the_port_is_noticed(board: str, tmp_path: Path) -> None:
    """One build folder for all, so that only what changed is compiled."""
    folder, missed = _copy_of(board, tmp_path), {}
    assert "ready" in _run(folder, board)
    for name, defect in DEFECTS[board].items():
        try:
            _noticed(folder, board, defect)
        except (AssertionError, pytest.fail.Exception) as error:
            missed[name] = str(error)[-600:]
    assert not missed, "\n".join(f"{name}: {why}" for name, why in missed.items())
