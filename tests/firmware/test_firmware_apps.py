# SPDX-License-Identifier: Apache-2.0
"""Applications of one's own on the firmware's core: instances that take turns, and the core's text functions."""

import math
import re
import struct
import subprocess
from pathlib import Path

import pytest
from stm32_board_support import load_board
from stm32_board_support.emulator import run_to_end

pytestmark = pytest.mark.emulator
APPS = Path(__file__).parent / "apps"
BOARDS = ["qemu-mps2-an386", "qemu-mps2-an500", "host"]


def run_app(builder, board, app, models=()):
    elf = builder.image(board=board, app=str(APPS / app), models=models)
    if board != "host":
        return run_to_end(load_board(board), elf, timeout=120)
    done = subprocess.run([str(elf)], stdin=subprocess.DEVNULL, capture_output=True, text=True, check=False, timeout=60)
    return done.returncode, done.stdout.replace("\r\n", "\n")


def test_three_models_and_two_instances_of_one_take_turns(builder):
    third = builder.variant("third", {"{2, 3, -4}": "{5, -6, 7}"})
    said = {}
    for board in BOARDS:
        status, said[board] = run_app(builder, board, "interleave", ("tiny", "odd", str(third)))
        assert status == 0, said[board]
        assert said[board].endswith("same\n")
    lines = said["host"].splitlines()
    assert [line.split()[0] for line in lines] == ["tiny", "odd", "third", "tiny", "same"]
    assert lines[0] != lines[3]
    assert said[BOARDS[0]] == said[BOARDS[1]] == said["host"]


@pytest.mark.parametrize("board", [BOARDS[0], "host"])
def test_numbers_are_written_as_python_writes_them(builder, board):
    status, text = run_app(builder, board, "text")
    assert status == 0
    lines = text.splitlines()
    for line, value in zip(lines, [0, 9, 10, 2**32 - 1, 2**32, 2**64 - 1], strict=False):
        assert line == f"{value}|{value:12d}|{value // 1000}.{value % 1000:03d}"
    assert lines[6] == "-2147483648|-1|2147483647|ab  |"
    floats = [re.fullmatch(r"0x([0-9a-f]{8}) (\S+)", line) for line in lines[7:]]
    assert len(floats) == 406
    for match in floats:
        value = struct.unpack(">f", bytes.fromhex(match[1]))[0]
        if math.isfinite(value):
            assert float(match[2]) == pytest.approx(value, rel=2e-5, abs=1e-44)
            assert re.fullmatch(r"-?\d\.\d{6}e[+-]\d{2}", match[2])
        else:
            assert match[2] == str(value).replace("-nan", "nan")
