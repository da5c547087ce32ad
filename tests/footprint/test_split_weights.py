# SPDX-License-Identifier: Apache-2.0
"""Weights over two memories: whole constants, those that are read most often in the fast one, the same outputs."""

from __future__ import annotations

import shutil

import numpy as np
import pytest
from ai_runner import AiRunner
from stm32_board_support import Emulator, load_board
from stm32_board_support.elf import ElfFile
from stm32_cli.project import memory
from stm32_cli.project.firmware import Build, build_firmware
from stm32_cli.project.weights import SECTION, order

FAST = (0x2010_0000, 0x4000)
PSRAM = 0x2100_0000
LAYOUT = f"""
[memories.fast]
origin = {FAST[0]:#x}
size = {FAST[1]:#x}
kind = "ram"
loaded = true

[layouts.fast]
text = "ssram1"
weights = ["fast", "psram"]
data = "ssram2"
stack = "ssram2"
stack_size = 0x4000
activations = ["psram"]
"""
"""16 KB of the second SSRAM for weights, the rest of them in the PSRAM."""

pytestmark = [pytest.mark.zoo, pytest.mark.emulator]


@pytest.fixture
def board(tmp_path):
    """The default board with a small fast memory for weights."""
    original = load_board("qemu-mps2-an386")
    folder = tmp_path / "two-speeds"
    shutil.copytree(original.folder, folder)
    text = (folder / "board.toml").read_text().replace('name = "qemu-mps2-an386"', 'name = "two-speeds"')
    text = text.replace("origin = 0x2000_0000\nsize = 0x40_0000", "origin = 0x2000_0000\nsize = 0x10_0000")
    (folder / "board.toml").write_text(text + LAYOUT)
    return load_board(folder)


@pytest.mark.usefixtures("nanopb", "cross_compiler", "emulator")
def test_what_is_read_most_often_lies_in_the_fast_memory(compiled, board, zoo, tmp_path):
    model = compiled("kws_ref", "balanced")
    build = Build(board, "valid", [model], tmp_path / "build", "fast")
    build_firmware(build)
    symbols = {symbol.name: symbol for symbol in ElfFile(build.elf).symbols}
    names = [section.removeprefix(SECTION) for section in order([model.info])]
    free, wanted = FAST[1], set()
    for name in names:  # whole constants, each where it still has room
        size = -(-symbols[name].size // 4) * 4
        if size <= free:
            wanted.add(name)
            free -= size
    assert 0 < len(wanted) < len(names)
    assert {name for name in names if FAST[0] <= symbols[name].address < FAST[0] + FAST[1]} == wanted
    assert all(symbols[name].address >= PSRAM for name in names if name not in wanted)
    regions = {region.name: region for region in memory.measure(build).regions}
    assert regions["fast"].used == FAST[1] - free
    assert sum(regions["fast"].sections.values()) == regions["fast"].used
    with np.load(zoo / "data" / "mlperf_tiny_kws_ref_int8.npz") as data:
        inputs, expected = data["in0"][:2], data["out0"][:2]
    with Emulator(board, build.elf) as machine, AiRunner().connect(machine.description) as runner:
        outputs, _ = runner.invoke([inputs], name="kws_ref")
    assert np.array_equal(np.asarray(outputs[0]).reshape(expected.shape), expected)
