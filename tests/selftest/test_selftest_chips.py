# SPDX-License-Identifier: Apache-2.0
"""The very SelfTest images that are flashed, on emulated chips: clocks, UART at its baud rate, external memories.

RAM is tested in part, because the emulated cores are slow; all of it on QEMU (test_selftest.py).
"""

from pathlib import Path
from types import SimpleNamespace

import msgspec
import pytest
from stm32_board_support import Board, load_board
from stm32_cli.selftest.checks import Result
from stm32_cli.selftest.run import MODEL, run_checks

boards = pytest.importorskip("tests.emulated_chips.boards", reason="the emulated chips are not here")
PART_OF_RAM = {"ram": 0x4000, "dtcm": 0x5000, "axi": 0x2000, "sdram": 0x2000}
CASES = [("nucleo-f412zg", "", ["flash"]), ("disco-h747i", "config4", ["flash", "second_core", "qspi"])]


def emulated_time(machine, line) -> SimpleNamespace:
    """Stands for the module `time`: it passes as the machine runs."""
    from tests.emulated_chips.chip.machine import MachineTime

    clock = MachineTime(machine)

    def sleep(seconds: float) -> None:
        end = clock.monotonic() + seconds
        while clock.monotonic() < end:
            assert line.read(end - clock.monotonic()) == b""

    return SimpleNamespace(monotonic=clock.monotonic, sleep=sleep)


def with_little_ram(board: Board) -> Board:
    """The board as the host sees it, its RAM cut short."""
    memories = {
        name: msgspec.structs.replace(memory, size=PART_OF_RAM.get(name, memory.size))
        for name, memory in board.memories.items()
    }
    return Board(msgspec.structs.replace(board.descriptor, memories=memories), board.folder)


@pytest.mark.parametrize(("name", "layout", "contents"), CASES)
def test_image_passes_on_the_chip(
    name: str, layout: str, contents: list[str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch, cross_compiler: str
) -> None:
    from tests.emulated_chips.chip.machine import ConsoleLine

    assert cross_compiler
    elf = boards.build_image(tmp_path, name, "selftest", [MODEL], layout)
    machine = boards.make_machine(name, elf)
    line = ConsoleLine(machine)
    for module in ("session", "checks"):
        monkeypatch.setattr(f"stm32_cli.selftest.{module}.time", emulated_time(machine, line))
    board = with_little_ram(load_board(name))
    report = run_checks(line, board, elf, layout, seconds=0.05)
    assert report.passed, report.as_text()
    names = [check.name for check in report.checks if check.result is Result.OK]
    ram = [f"RAM {name}" for name, memory in board.memories.items() if memory.kind.value == "ram"]
    assert names == [
        "identity",
        "clock",
        "counter",
        "uart",
        *(f"content {name}" for name in contents),
        *ram,
        "inference",
    ]
    uart = next(check.detail for check in report.checks if check.name == "uart")
    assert uart == "4,096 bytes, every value, back in 0.36 s; the line alone takes 0.36 s"
