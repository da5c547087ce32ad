# SPDX-License-Identifier: Apache-2.0
"""A fixed part of the campaign: random cases of every operator and random graphs, on the host and on QEMU."""

from __future__ import annotations

from types import SimpleNamespace

import numpy as np
import pytest
from stm32_emitter.frontends.tflite.converters import SUPPORT
from stm32_emitter.testing.cases import ELEMENTWISE, MOVEMENTS, WITHOUT_SCALE, cases, operators
from stm32_emitter.testing.graphs import FAMILIES, graphs, pruned_graphs
from stm32_emitter.testing.loops import LOOP_DTYPES, loops
from stm32_emitter.testing.tflite_writer import ModelWriter

from tests.conformance.batch import run_batch
from tests.conformance.machines import installed, parameters
from tests.conformance.toolchain import MACHINES

FIRST = 100_000
"""Seeds of these tests start here, those of the full campaign at 0."""


def check(outcomes):
    problems = [f"{o.name} {o.status}: {o.detail}" for o in outcomes if o.status != "equal"]
    assert not problems, "\n".join(problems)
    assert all(outcome.compared > 0 for outcome in outcomes)


FLOATS = operators("float32")
SINGLE = tuple(op for op in operators() if op not in ELEMENTWISE)
"""Operators with a test of their own; the small ones of ELEMENTWISE share one."""


def sample(op, int8, float32):
    drawn = list(cases(op, FIRST + int8.start, len(int8), "int8"))
    return drawn + (list(cases(op, FIRST + float32.start, len(float32), "float32")) if op in FLOATS else [])


SEEDS = {
    "host": (range(4, 12), range(1, 4)),
    "host-sanitized": (range(4), range(1)),
    "mps2-an386": (range(8), range(2)),
}
"""Cases of int8 and float32 that a machine runs; what the sanitizers have seen need not run without them."""


@pytest.mark.parametrize("name", parameters(*SEEDS))
@pytest.mark.parametrize("op", SINGLE)
def test_operator(op, name, tmp_path):
    check(run_batch(sample(op, *SEEDS[name]), installed(name), tmp_path))


UINT8 = (
    "ADD", "AVERAGE_POOL_2D", "CONCATENATION", "CONV_2D", "DEPTHWISE_CONV_2D", "DEQUANTIZE", "DIV", "FULLY_CONNECTED",
    "HARD_SWISH", "L2_NORMALIZATION", "LEAKY_RELU", "LOGISTIC", "LOG_SOFTMAX", "MAX_POOL_2D", "MEAN", "MUL", "PAD",
    "RELU6", "RESIZE_BILINEAR", "SOFTMAX", "SPLIT", "SUB", "SUM", "TANH", "TRANSPOSE_CONV",
)  # fmt: skip
"""Operators with arithmetic, and a few that move data; the others differ from int8 in nothing."""


@pytest.mark.parametrize("op", UINT8)
def test_operator_of_uint8_on_the_host(op, tmp_path):
    check(run_batch(list(cases(op, FIRST, 2, "uint8")), MACHINES["host"], tmp_path))


INT16 = tuple(op for op in operators("int16") if op in FLOATS and "bool" not in SUPPORT[op].formats)
"""Operators with arithmetic of int16; what takes truth values moves elements."""


@pytest.mark.parametrize("op", INT16)
def test_operator_of_int16_on_the_host(op, tmp_path):
    check(run_batch(list(cases(op, FIRST, 2, "int16")), MACHINES["host"], tmp_path))


@pytest.mark.parametrize("dtype", WITHOUT_SCALE)
def test_operators_of_elements_without_scale_on_the_host(dtype, tmp_path):
    kept = {"UNPACK", "PADV2"} if dtype == "int32" else set()
    found = [case for op in operators(dtype) if op not in MOVEMENTS - kept for case in cases(op, FIRST, 1, dtype)]
    check(run_batch(found, MACHINES["host"], tmp_path, together=True))


WEIGHTS = tuple((op, dtype) for dtype in ("hybrid", "int4") for op in operators(dtype))
"""Weights of another type than usual."""


@pytest.mark.parametrize("dtype", ["hybrid", "int4"])
def test_operators_with_other_weights_on_the_host(dtype, tmp_path):
    found = [case for op in operators(dtype) for case in cases(op, FIRST, 4 if dtype == "hybrid" else 2, dtype)]
    check(run_batch(found, MACHINES["host"], tmp_path, together=True))


def test_operators_with_other_weights_with_sanitizers(tmp_path):
    found = [case for op, dtype in WEIGHTS for case in cases(op, FIRST + 20, 1, dtype)]
    check(run_batch(found, MACHINES["host-sanitized"], tmp_path, together=True))


@pytest.mark.emulator
@pytest.mark.usefixtures("cross_compiler", "emulator")
def test_operators_with_other_weights_on_a_cortex_m4(tmp_path):
    found = [case for op, dtype in WEIGHTS for case in cases(op, FIRST + 30, 2, dtype)]
    check(run_batch(found, MACHINES["mps2-an386"], tmp_path, together=True))


def test_operators_that_move_int16_on_the_host(tmp_path):
    moving = [op for op in operators("int16") if op not in INT16]
    check(run_batch([case for op in moving for case in cases(op, FIRST, 1, "int16")], MACHINES["host"], tmp_path))


def small_sample(int8):
    quantized = [case for op in ELEMENTWISE if op in operators() for case in cases(op, FIRST, int8, "int8")]
    return quantized + [case for op in ELEMENTWISE if op in FLOATS for case in cases(op, FIRST, 1, "float32")]


@pytest.mark.parametrize(("machine", "int8"), [("host", 2), ("host-sanitized", 1)])
def test_elementwise_operators_on_the_host(machine, int8, tmp_path):
    check(run_batch(small_sample(int8), MACHINES[machine], tmp_path))


@pytest.mark.emulator
@pytest.mark.usefixtures("cross_compiler", "emulator")
def test_operators_of_uint8_and_int16_on_a_cortex_m4(tmp_path):
    found = [case for op in UINT8 for case in cases(op, FIRST + 10, 1, "uint8")]
    found += [case for op in operators("int16") for case in cases(op, FIRST + 10, 1, "int16")]
    check(run_batch(found, MACHINES["mps2-an386"], tmp_path))


@pytest.mark.emulator
@pytest.mark.usefixtures("cross_compiler", "emulator")
def test_elementwise_operators_on_a_cortex_m4(tmp_path):
    check(run_batch(small_sample(1), MACHINES["mps2-an386"], tmp_path))


SPECIAL = (("DIV", 16), ("DIV", 20), ("FLOOR_MOD", 16))
"""Cases of float32 with quotients by 0, 0 / 0, and remainders of numbers that differ much in size."""


def test_quotients_that_are_no_numbers_and_exact_remainders(tmp_path):
    check(run_batch([c for op, s in SPECIAL for c in cases(op, s, 1, "float32")], MACHINES["host"], tmp_path))


OVERLAPPING = (("DEPTHWISE_CONV_2D", 3042), ("RESIZE_NEAREST_NEIGHBOR", 3062))
"""Cases that write over their input: a channel with several outputs, and rows that are read backward in pairs."""


@pytest.mark.parametrize(("op", "seed"), OVERLAPPING)
def test_operator_that_writes_over_its_input(op, seed, tmp_path):
    check(run_batch(list(cases(op, seed, 1, "int8")), MACHINES["host"], tmp_path))


def test_a_single_row_or_column_with_corners_aligned(tmp_path):
    """RESIZE_BILINEAR float32 to one row or column, whose step would be a division by zero."""
    models = []
    for number, size in enumerate(((1, 5), (4, 1), (1, 1))):
        writer = ModelWriter()
        x, y = writer.tensor("x", (1, 3, 4, 2), "float32"), writer.tensor("y", (1, *size, 2), "float32")
        target = writer.constant("size", np.array(size, np.int32))
        writer.operator("RESIZE_BILINEAR", [x, target], [y], align_corners=True, half_pixel_centers=False)
        values = np.random.default_rng(FIRST + number).normal(size=(1, 3, 4, 2)).astype(np.float32)
        model = writer.finish(inputs=[x], outputs=[y])
        models.append(SimpleNamespace(name=f"single_{number}", model=model, inputs=((values,),)))
    check(run_batch(models, MACHINES["host"], tmp_path))


WITHOUT_DSP = ("ADD", "AVERAGE_POOL_2D", "CONV_2D", "DEPTHWISE_CONV_2D", "FULLY_CONNECTED", "MAX_POOL_2D", "MUL")
"""Operators whose kernels differ on a core without the DSP extension."""


@pytest.mark.emulator
@pytest.mark.parametrize("op", WITHOUT_DSP)
@pytest.mark.usefixtures("cross_compiler", "emulator")
def test_operator_on_a_cortex_m3(op, tmp_path):
    check(run_batch(sample(op, range(6), range(0)), MACHINES["mps2-an385"], tmp_path))


@pytest.mark.emulator
@pytest.mark.parametrize("op", ["CONV_2D", "DEPTHWISE_CONV_2D", "FULLY_CONNECTED"])
@pytest.mark.usefixtures("cross_compiler", "emulator")
def test_operator_for_size_on_a_cortex_m4(op, tmp_path):
    check(run_batch([*cases(op, FIRST + 500, 12, "int8")], MACHINES["mps2-an386-size"], tmp_path))


def several(first, each):
    """Graphs of every number format, of several, and with variables."""
    return [graph for family in FAMILIES for graph in graphs(FIRST + first, each, family)]


def test_graphs_on_the_host(tmp_path):
    check(run_batch(several(0, 4), MACHINES["host"], tmp_path))


def test_graphs_on_the_host_in_files_of_their_own(tmp_path):
    check(run_batch(list(graphs(FIRST + 100, 6)), MACHINES["host"], tmp_path, together=False))


def test_graphs_with_sanitizers(tmp_path):
    check(run_batch(several(1000, 1), MACHINES["host-sanitized"], tmp_path))


@pytest.mark.emulator
@pytest.mark.parametrize("machine", ["mps2-an386", "mps2-an500", "mps2-an385"])
@pytest.mark.usefixtures("cross_compiler", "emulator")
def test_graphs_on_an_emulated_board(machine, tmp_path):
    check(run_batch([*several(2000, 1), *graphs(FIRST + 2000, 4)][1:], MACHINES[machine], tmp_path))


def test_loops_on_the_host(tmp_path):
    check(run_batch([loop for dtype in LOOP_DTYPES for loop in loops(FIRST, 5, dtype)], MACHINES["host"], tmp_path))


@pytest.mark.emulator
@pytest.mark.usefixtures("cross_compiler", "emulator")
def test_loops_on_a_cortex_m4(tmp_path):
    check(run_batch([*loops(FIRST, 1, "hybrid"), *loops(FIRST, 1, "int8")], MACHINES["mps2-an386"], tmp_path))


def test_graphs_with_channels_of_zeros_on_the_host(tmp_path):
    check(run_batch(list(pruned_graphs(FIRST, 20)), MACHINES["host"], tmp_path))


@pytest.mark.emulator
@pytest.mark.usefixtures("cross_compiler", "emulator")
def test_graphs_with_channels_of_zeros_on_a_cortex_m4(tmp_path):
    check(run_batch(list(pruned_graphs(FIRST + 100, 20)), MACHINES["mps2-an386"], tmp_path))
