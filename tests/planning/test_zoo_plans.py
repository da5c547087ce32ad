# SPDX-License-Identifier: Apache-2.0
"""Memory plans of the zoo: no byte is lost, the five MLPerf Tiny models need no more than their budget, and no plan is
above the optimum. scripts/memory_plans.py compares all models with the optimum; these are the ones that are fast."""

from __future__ import annotations

import pytest
from stm32_emitter import compile_model
from stm32_emitter.codegen.model import Options
from stm32_emitter.compiler import _planned
from stm32_emitter.planning.check import check_plan
from stm32_emitter.planning.constraints import separations
from stm32_emitter.planning.plan import plan_memory

BUDGETS = {
    "mlperf_tiny_ad01_int8": 1024,
    "mlperf_tiny_kws_ref_int8": 9500,
    "mlperf_tiny_resnet_int8": 35500,
    "mlperf_tiny_strww_int8": 5000,
    "mlperf_tiny_vww_int8": 38500,
}
"""activations_size of the 32-bit target in bytes."""
REPLAYED = (
    *BUDGETS, "mltk_kws_mobilenetv2_int8", "mltk_magic_wand_int8", "mltk_autoencoder_ecg_int8", "tflm_hello_world_int8",
    "emlearn_mnist_cnn_int8", "op_t2o_concat5d_f32", "op_t2o_split_f32", "op_t2o_padding_f32", "iris_float",
    "microwakeword_vad_stream",
)  # fmt: skip
SOLVED = (
    "mlperf_tiny_ad01_int8", "mlperf_tiny_kws_ref_int8", "mlperf_tiny_resnet_int8", "mlperf_tiny_vww_int8",
    "mltk_magic_wand_int8", "emlearn_mnist_cnn_float", "op_t2o_concat5d_f32", "op_t2o_add_broadcast_f32",
)  # fmt: skip

pytestmark = pytest.mark.zoo


@pytest.fixture(scope="module")
def compiled(zoo):
    """Compiles a model once."""
    known = {}

    def compile_once(name):
        if name not in known:
            known[name] = compile_model(zoo / "models" / f"{name}.tflite", name="m")
        return known[name]

    return compile_once


@pytest.mark.parametrize("name", REPLAYED)
def test_every_byte_that_is_read_belongs_to_the_tensor(name, compiled):
    program = compiled(name).program
    assert check_plan(program, _planned(program, Options())) >= len(program.nodes)


@pytest.mark.parametrize("name", BUDGETS)
def test_the_models_need_no_more_than_their_budget(name, compiled):
    model = compiled(name)
    assert model.planned_bytes + model.info["context_bytes"] <= BUDGETS[name]


@pytest.mark.parametrize("name", SOLVED)
def test_a_plan_is_the_optimum(name, compiled):
    cp_model = pytest.importorskip("ortools.sat.python.cp_model", reason="ortools is not installed")
    assert cp_model is not None
    from stm32_emitter.planning.optimum import optimum

    program = compiled(name).program
    safe = separations(program)
    best = optimum(program.buffers, safe, seconds=20.0)
    found = plan_memory(program.buffers, separations=safe).bytes
    assert found <= best.bytes * 1.02
    assert found == best.bytes or not best.proven
