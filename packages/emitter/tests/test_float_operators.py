# SPDX-License-Identifier: Apache-2.0
"""Float32 operators of TFLite models: within 1e-5 of the output's range of the reference interpreter's results."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from stm32_emitter import compile_model
from stm32_emitter.testing.reference import Reference
from stm32_emitter.testing.tflite_writer import ModelWriter

RNG = np.random.default_rng(21)
IMAGE = (1, 6, 5, 4)


def ints(*values: int) -> np.ndarray[Any, Any]:
    return np.array(values, np.int32)


def floats(*shape: int) -> np.ndarray[Any, Any]:
    return RNG.normal(size=shape).astype(np.float32)


CASES: dict[str, tuple[str, list[Any], tuple[int, ...], dict[str, Any]]] = {
    # name: operator, constant inputs behind the image, shape of the output, options
    "conv": ("CONV_2D", [floats(3, 3, 3, 4), floats(3)], (1, 3, 3, 3),
             {"padding": "SAME", "stride_w": 2, "stride_h": 2}),
    "depthwise": ("DEPTHWISE_CONV_2D", [floats(1, 3, 3, 8), floats(8)], (1, 4, 3, 8),
                  {"padding": "VALID", "stride_w": 1, "stride_h": 1, "depth_multiplier": 2}),
    "dense": ("FULLY_CONNECTED", [floats(7, 120), floats(7)], (1, 7), {"fused_activation_function": "RELU6"}),
    "add": ("ADD", [floats(4)], IMAGE, {"fused_activation_function": "RELU"}),
    "sub": ("SUB", [floats(5, 4)], IMAGE, {}),
    "mul": ("MUL", [floats(1, 1, 1, 1)], IMAGE, {}),
    "average": ("AVERAGE_POOL_2D", [], (1, 3, 3, 4),
                {"padding": "SAME", "stride_w": 2, "stride_h": 2, "filter_width": 3, "filter_height": 2}),
    "max": ("MAX_POOL_2D", [], (1, 3, 3, 4),
            {"padding": "SAME", "stride_w": 2, "stride_h": 2, "filter_width": 3, "filter_height": 2}),
    "mean": ("MEAN", [ints(1, 2)], (1, 4), {"keep_dims": False}),
    "pad": ("PAD", [np.array([[0, 0], [1, 2], [0, 1], [0, 0]], np.int32)], (1, 9, 6, 4), {}),
    "reshape": ("RESHAPE", [ints(10, 12)], (10, 12), {}),
    "softmax": ("SOFTMAX", [], IMAGE, {"beta": 1.0}),
    "log_softmax": ("LOG_SOFTMAX", [], IMAGE, {}),
    "logistic": ("LOGISTIC", [], IMAGE, {}),
    "tanh": ("TANH", [], IMAGE, {}),
    "relu": ("RELU", [], IMAGE, {}),
    "relu6": ("RELU6", [], IMAGE, {}),
    "relu1": ("RELU_N1_TO_1", [], IMAGE, {}),
    "leaky": ("LEAKY_RELU", [], IMAGE, {"alpha": 0.1}),
    "hard_swish": ("HARD_SWISH", [], IMAGE, {}),
    "concat": ("CONCATENATION", [floats(1, 6, 5, 2)], (1, 6, 5, 6), {"axis": 3}),
    "nearest": ("RESIZE_NEAREST_NEIGHBOR", [ints(9, 11)], (1, 9, 11, 4), {"half_pixel_centers": True}),
    "bilinear": ("RESIZE_BILINEAR", [ints(9, 11)], (1, 9, 11, 4), {"half_pixel_centers": True}),
    "slice": ("STRIDED_SLICE", [ints(0, 1, 4, 0), ints(1, 6, 0, 4), ints(1, 2, -1, 1)], (1, 3, 4, 4), {}),
    "transpose": ("TRANSPOSE", [ints(0, 3, 1, 2)], (1, 4, 6, 5), {}),
}  # fmt: skip


def model_of(case: str) -> bytes:
    op, constants, shape, options = CASES[case]
    w = ModelWriter()
    x = w.tensor("x", IMAGE, "float32")
    others = [w.constant(f"c{i}", value) for i, value in enumerate(constants)]
    y = w.tensor("y", shape, "float32")
    w.operator(op, [x, *others], [y], **options)
    return w.finish([x], [y])


@pytest.fixture(scope="module")
def built(host: Any) -> Any:
    """All cases in one library."""
    models = {case: compile_model(model_of(case), name=case) for case in CASES}
    return models, host.library(models.values(), "-O1")


@pytest.mark.parametrize("case", CASES)
def test_float_operator(case: str, built: Any, instance: Any) -> None:
    pytest.importorskip("ai_edge_litert", reason="needs the reference interpreter (ai-edge-litert)")
    models, library = built
    x = (3 * RNG.normal(size=IMAGE)).astype(np.float32)
    (want,) = Reference(model_of(case)).run([x])
    (got,) = instance(library, models[case]).run([x])
    assert got.shape == want.shape
    assert np.abs(got - want).max() <= 1e-5 * float(np.ptp(want))
