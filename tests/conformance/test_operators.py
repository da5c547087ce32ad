# SPDX-License-Identifier: Apache-2.0
"""A fixed part of the campaign: random cases of every operator and random graphs, on the host and on QEMU."""

from __future__ import annotations

from types import SimpleNamespace

import numpy as np
import pytest
from stm32_emitter.testing.cases import cases, operators
from stm32_emitter.testing.graphs import graphs, pruned_graphs
from stm32_emitter.testing.tflite_writer import ModelWriter

from tests.conformance.batch import run_batch
from tests.conformance.toolchain import MACHINES

FIRST = 100_000
"""Seeds of these tests start here, those of the full campaign at 0."""


def check(outcomes):
    problems = [f"{o.name} {o.status}: {o.detail}" for o in outcomes if o.status != "equal"]
    assert not problems, "\n".join(problems)
    assert all(outcome.compared > 0 for outcome in outcomes)


def sample(op, int8, float32):
    return [*cases(op, FIRST, int8, "int8"), *cases(op, FIRST, float32, "float32")]


@pytest.mark.parametrize("op", operators())
def test_operator_on_the_host(op, tmp_path):
    check(run_batch(sample(op, 12, 4), MACHINES["host"], tmp_path))


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


@pytest.mark.parametrize("op", operators())
def test_operator_with_sanitizers(op, tmp_path):
    check(run_batch(sample(op, 4, 1), MACHINES["host-sanitized"], tmp_path))


@pytest.mark.emulator
@pytest.mark.parametrize("op", operators())
@pytest.mark.usefixtures("cross_compiler", "emulator")
def test_operator_on_a_cortex_m4(op, tmp_path):
    check(run_batch(sample(op, 8, 2), MACHINES["mps2-an386"], tmp_path))


WITHOUT_DSP = ("ADD", "AVERAGE_POOL_2D", "CONV_2D", "DEPTHWISE_CONV_2D", "FULLY_CONNECTED", "MAX_POOL_2D", "MUL")
"""Operators whose kernels differ on a core without the DSP extension."""


@pytest.mark.emulator
@pytest.mark.parametrize("op", WITHOUT_DSP)
@pytest.mark.usefixtures("cross_compiler", "emulator")
def test_operator_on_a_cortex_m3(op, tmp_path):
    check(run_batch(sample(op, 6, 0), MACHINES["mps2-an385"], tmp_path))


@pytest.mark.emulator
@pytest.mark.parametrize("op", ["CONV_2D", "DEPTHWISE_CONV_2D", "FULLY_CONNECTED"])
@pytest.mark.usefixtures("cross_compiler", "emulator")
def test_operator_for_size_on_a_cortex_m4(op, tmp_path):
    check(run_batch([*cases(op, FIRST + 500, 12, "int8")], MACHINES["mps2-an386-size"], tmp_path))


@pytest.mark.parametrize("part", range(2))
def test_graphs_on_the_host(part, tmp_path):
    check(run_batch(list(graphs(FIRST + 15 * part, 15)), MACHINES["host"], tmp_path))


def test_graphs_with_sanitizers(tmp_path):
    check(run_batch(list(graphs(FIRST + 1000, 8)), MACHINES["host-sanitized"], tmp_path))


@pytest.mark.emulator
@pytest.mark.parametrize("machine", ["mps2-an386", "mps2-an500", "mps2-an385"])
@pytest.mark.usefixtures("cross_compiler", "emulator")
def test_graphs_on_an_emulated_board(machine, tmp_path):
    check(run_batch(list(graphs(FIRST + 2000, 10)), MACHINES[machine], tmp_path))


def test_graphs_with_channels_of_zeros_on_the_host(tmp_path):
    check(run_batch(list(pruned_graphs(FIRST, 20)), MACHINES["host"], tmp_path, together=True))


@pytest.mark.emulator
@pytest.mark.usefixtures("cross_compiler", "emulator")
def test_graphs_with_channels_of_zeros_on_a_cortex_m4(tmp_path):
    check(run_batch(list(pruned_graphs(FIRST + 100, 20)), MACHINES["mps2-an386"], tmp_path, together=True))
