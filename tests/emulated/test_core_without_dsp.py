# SPDX-License-Identifier: Apache-2.0
"""Models of the zoo on a core without DSP instructions and FPU: one Validation firmware for a Cortex-M3."""

from __future__ import annotations

import numpy as np
import pytest
from ai_runner import AiRunner
from ai_runner.compare import compare_outputs
from stm32_board_support import Emulator, load_board
from stm32_emitter import compile_model

from tests.emulated.test_zoo_on_boards import _build

BOARD = "qemu-mps2-an385"
NAMES = (
    "mlperf_tiny_kws_ref_int8", "mlperf_tiny_ad01_int8", "mlperf_tiny_strww_int8", "mltk_kws_mobilenetv2_int8",
    "tflm_simple_add_int8",
)  # fmt: skip
SAMPLES = 3

pytestmark = [pytest.mark.zoo, pytest.mark.emulator]


@pytest.fixture(scope="module")
def compiled(zoo):
    """The models by name."""
    return {
        name: compile_model(zoo / "models" / f"{name}.tflite", target=load_board(BOARD).descriptor.core)
        for name in NAMES
    }


@pytest.fixture(scope="module")
def runner(compiled, nanopb, cross_compiler, emulator, tmp_path_factory):  # noqa: ARG001 - must be there
    """A connection to the board with all of them in its firmware."""
    folder = tmp_path_factory.mktemp("m3")
    for name, model in compiled.items():
        model.write(folder / name)
    elf = _build(BOARD, [folder / name for name in NAMES], folder / "build", nanopb)
    with Emulator(load_board(BOARD), elf) as machine, AiRunner().connect(machine.description) as connection:
        yield connection


@pytest.mark.parametrize("name", NAMES)
def test_outputs_equal_the_reference(name, runner, compiled, zoo):
    with np.load(zoo / "data" / f"{name}.npz") as data:
        inputs = [data[f"in{i}"][:SAMPLES] for i in range(len(compiled[name].inputs))]
        expected = data["out0"][:SAMPLES]
    (output,), _ = runner.invoke(inputs, name=compiled[name].name, signature=f"{compiled[name].signature:08x}")
    report = compare_outputs(expected, np.asarray(output).reshape(expected.shape))
    assert report.passed, report
    assert report.bytes_compared == expected.nbytes


def test_no_dsp_kernel_is_chosen(compiled):
    for name, model in compiled.items():
        source = model.files[f"{model.name}_lib.c"].decode()
        assert "d8_s8" not in source, name
        assert "pairs_s8" not in source, name
