# SPDX-License-Identifier: Apache-2.0
"""The STM32F4 port on QEMU's netduinoplus2: start-up, USART with its interrupt and ring, SysTick, faults, models."""

from __future__ import annotations

import json
import re

import numpy as np
import pytest
from ai_runner import AiRunner
from ai_runner.compare import compare_outputs
from stm32_board_support import Emulator, load_board, memory_report
from stm32_board_support.emulator import run_to_end
from stm32_emitter import compile_model

from tests.conftest import ROOT
from tests.emulated.test_zoo_on_boards import _build

BOARD = "qemu-netduinoplus2"
NAMES = ("mlperf_tiny_kws_ref_int8", "mlperf_tiny_strww_int8", "mlperf_tiny_ad01_int8")
BUDGET = 12_000_000
"""Multiply-accumulates per model."""

pytestmark = [pytest.mark.zoo, pytest.mark.emulator]


@pytest.fixture(scope="module")
def compiled(zoo):
    """The models by name."""
    return {name: compile_model(zoo / "models" / f"{name}.tflite") for name in NAMES}


@pytest.fixture(scope="module")
def folders(compiled, tmp_path_factory):
    """A folder with the emitted C of each."""
    folder = tmp_path_factory.mktemp("f405")
    for name, model in compiled.items():
        model.write(folder / name)
    return [folder / name for name in NAMES]


@pytest.fixture(scope="module")
def runner(folders, nanopb, cross_compiler, emulator, tmp_path_factory):  # noqa: ARG001 - must be there
    """A connection to the board with all of them in its firmware."""
    elf = _build(BOARD, folders, tmp_path_factory.mktemp("valid"), nanopb)
    with Emulator(load_board(BOARD), elf) as machine, AiRunner().connect(machine.description) as connection:
        yield connection


@pytest.mark.parametrize("name", NAMES)
def test_outputs_equal_the_reference(name, runner, compiled, zoo):
    model = compiled[name]
    samples = max(1, BUDGET // model.macs)
    with np.load(zoo / "data" / f"{name}.npz") as data:
        inputs = [data[f"in{i}"][:samples] for i in range(len(model.inputs))]
        expected = data["out0"][:samples]
    (output,), _ = runner.invoke(inputs, name=model.name, signature=f"{model.signature:08x}")
    report = compare_outputs(expected, np.asarray(output).reshape(expected.shape))
    assert report.passed, report
    assert report.bytes_compared == expected.nbytes


def test_counts_and_memory_are_the_parts(folders, nanopb, cross_compiler, emulator, tmp_path):  # noqa: ARG001
    """SysTick at 168 MHz and one instruction per nanosecond give instructions; 5 % are for other compilers."""
    board = load_board(BOARD)
    elf = _build(BOARD, folders[:1], tmp_path, nanopb, app="perf")
    status, text = run_to_end(board, elf, timeout=120)
    assert status == 0, text
    golden = json.loads((ROOT / "docs" / "benchmarks.json").read_text())["models"]["kws_ref"]["default"]
    assert golden["model"] == NAMES[0]
    counted = int(re.search(r"instructions +: (\d+) average", text)[1])
    assert counted == pytest.approx(golden["instructions"], rel=0.05)
    report = memory_report(elf, board, board.layout())
    assert report.region("ram").size == 128 * 1024
    assert report.overflows == []
