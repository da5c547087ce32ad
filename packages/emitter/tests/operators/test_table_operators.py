# SPDX-License-Identifier: Apache-2.0
"""Operators on single 8-bit values: tables, and the kernels that they become."""

from __future__ import annotations

import math

import numpy as np
import pytest
from stm32_emitter import compile_model
from stm32_emitter.errors import ModelRefused

SHAPE = (1, 256)
EVERY = np.arange(-128, 128).astype(np.int8).reshape(SHAPE)


def _reals(scale: float, zero_point: int) -> list[float]:
    return [scale * (v - zero_point) for v in range(-128, 128)]


def _nearest(values: list[float], scale: float, zero_point: int) -> np.ndarray:
    return np.clip([v / scale + zero_point for v in values], -128, 127)


@pytest.mark.parametrize(
    ("kind", "function", "scale", "zero_point", "tolerance"),  # one rounding, two, or 16-bit arithmetic
    [
        ("LOGISTIC", lambda v: 1 / (1 + math.exp(-v)), 1 / 256, -128, 0.501),
        ("TANH", math.tanh, 1 / 128, 0, 0.501),
        ("RELU", lambda v: max(v, 0.0), 0.05, -100, 0.501),
        ("RELU6", lambda v: min(max(v, 0.0), 6.0), 0.05, -100, 0.501),
        ("RELU_N1_TO_1", lambda v: min(max(v, -1.0), 1.0), 0.05, 5, 0.501),
        ("LEAKY_RELU", lambda v: v if v >= 0 else 0.2 * v, 0.05, -20, 0.76),
        ("HARD_SWISH", lambda v: v * min(max(v + 3, 0.0), 6.0) / 6, 0.05, -100, 0.76),
    ],
)
def test_table_is_the_function(kind, function, scale, zero_point, tolerance, recognised, one_operator) -> None:
    options = {"alpha": 0.2} if kind == "LEAKY_RELU" else {}
    model = one_operator(kind, [(SHAPE, "int8", 0.04, 7)], (SHAPE, "int8", scale, zero_point), **options)
    (call,) = recognised(model)
    exact = _nearest([function(v) for v in _reals(float(np.float32(0.04)), 7)], scale, zero_point)
    assert call.kind == kind
    assert np.abs(call.values[1] - exact).max() <= tolerance


def test_equal_quantization_needs_no_table(host, one_operator) -> None:
    model = compile_model(one_operator("RELU", [(SHAPE, "int8", 0.5, -3)], (SHAPE, "int8", 0.5, -3)), name="clamped")
    assert model.params_size == 0
    (result,) = host.run(model, [EVERY])
    assert result.tolist() == np.maximum(EVERY, -3).tolist()


def test_another_quantization_is_looked_up(host, one_operator) -> None:
    model = compile_model(one_operator("RELU", [(SHAPE, "int8", 0.5, 0)], (SHAPE, "int8", 1.0, 0)), name="halved")
    (result,) = host.run(model, [EVERY])
    wanted = np.where(EVERY > 0, (EVERY.astype(int) + 1) // 2, 0)
    assert result.tolist() == wanted.tolist()


@pytest.mark.parametrize("alpha", [0.0, -1.0])
def test_leaky_relu_takes_any_slope(alpha, recognised, one_operator) -> None:
    spec = (SHAPE, "int8", 1.0, 0)
    (call,) = recognised(one_operator("LEAKY_RELU", [spec], spec, alpha=alpha))
    assert call.values[1][:128].tolist() == [min(int(alpha * v), 127) for v in range(-128, 0)]


def test_hard_swish_with_a_tiny_output_scale_is_refused(recognised, one_operator) -> None:
    model = one_operator("HARD_SWISH", [(SHAPE, "int8", 1.0, 0)], (SHAPE, "int8", 1 / 300, 0))
    with pytest.raises(ModelRefused, match=r"operator 0 \(HARD_SWISH\) 'y': .*output scale"):
        recognised(model)


def test_hard_swish_with_a_huge_output_scale_keeps_the_reference_bias(recognised, one_operator) -> None:
    """Values of the reference interpreter: shifts above 15 bits leave the sign instead of 0."""
    model = one_operator("HARD_SWISH", [(SHAPE, "int8", 0.0005139678, 0)], (SHAPE, "int8", 0.38025188, -2))
    (call,) = recognised(model)
    assert set(call.values[1].tolist()) == {-3, -1}
