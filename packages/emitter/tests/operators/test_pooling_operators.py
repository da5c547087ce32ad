# SPDX-License-Identifier: Apache-2.0
"""AVERAGE_POOL_2D, MAX_POOL_2D and MEAN: what is recognised, with which parameters."""

from __future__ import annotations

import math

import numpy as np
import pytest
import tvm
from stm32_emitter import ModelRefused, compile_model
from stm32_emitter.operators.mean import divided_multiplier
from stm32_emitter.operators.reduction import grouped
from tvm import relax

IMAGE = ((1, 5, 6, 3), "int8", 0.5, 4)


def _plain(attributes: dict) -> dict:
    return {k: [int(i) for i in v] if hasattr(v, "__len__") else int(v) for k, v in attributes.items()}


@pytest.mark.parametrize("kind", ["AVERAGE_POOL_2D", "MAX_POOL_2D"])
def test_pool_is_recognised_with_its_activation(kind, recognised, one_operator) -> None:
    model = one_operator(
        kind, [IMAGE], ((1, 3, 3, 3), "int8", 0.5, 4), padding="SAME", stride_h=2, stride_w=2, filter_height=3,
        filter_width=2, fused_activation_function="RELU6",
    )  # fmt: skip
    (call,) = recognised(model)
    assert call.kind == kind
    # 6 / 0.5 + 4 = 16; five rows, three windows of 3 at stride 2: 7 rows are covered, one more on each side
    assert _plain(call.attributes) == {
        "window": [3, 2], "strides": [2, 2], "padding": [1, 0, 1, 0], "low": 4, "high": 16,
    }  # fmt: skip


def test_pool_that_would_rescale_is_refused(one_operator) -> None:
    model = one_operator(
        "AVERAGE_POOL_2D", [IMAGE], ((1, 5, 6, 3), "int8", 0.25, 4), padding="VALID", stride_h=1, stride_w=1,
        filter_height=1, filter_width=1,
    )  # fmt: skip
    with pytest.raises(ModelRefused, match="different scales"):
        compile_model(model)


def _pooled(**options: object) -> tvm.IRModule:
    builder = relax.BlockBuilder()
    x = relax.Var("x", relax.TensorType((1, 6, 6, 4), "int8"))
    with builder.function("main", [x]):
        with builder.dataflow():
            y = builder.emit_output(relax.op.nn.max_pool2d(x, layout="NHWC", **options))
        builder.emit_func_output(y)
    return builder.get()


def test_max_pool_of_stored_values_is_recognised(recognised) -> None:
    (call,) = recognised(_pooled(pool_size=[2, 2], strides=[2, 2]))
    assert call.kind == "MAX_POOL_2D"
    assert (int(call.attributes["low"]), int(call.attributes["high"])) == (-128, 127)


@pytest.mark.parametrize("options", [{"dilation": [2, 2]}, {"strides": [5, 5], "padding": [0, 0, 6, 6]}])
def test_windows_with_holes_or_outside_the_image_are_left_alone(options, recognised) -> None:
    assert recognised(_pooled(pool_size=[2, 2], **options)) == []


@pytest.mark.parametrize(("count", "real"), [(1, 1.0), (49, 1.0), (7, 0.3), (600, 2.5e-3), (3, 17.0)])
def test_mean_multiplier_is_the_quotient(count, real) -> None:
    multiplier, shift = divided_multiplier(real, count)
    assert 0 < multiplier < 2**31
    assert multiplier * 2.0 ** (shift - 31) == pytest.approx(real / count, rel=2**-29)


def test_mean_multiplier_keeps_its_shift_in_range() -> None:
    for exponent in range(-30, 8):
        _, shift = divided_multiplier(2.0**exponent, 2**20 + 1)
        assert shift >= -31


@pytest.mark.parametrize(
    ("shape", "axes", "expected"),
    [
        ((1, 7, 7, 8), [1, 2], [(49, True), (8, False)]),
        ((2, 3, 4, 5), [0, 2], [(2, True), (3, False), (4, True), (5, False)]),
        ((2, 3, 4), [0, 1, 2], [(24, True)]),
        ((1, 1), [0], []),
        ((4, 1, 5), [1], [(20, False)]),
    ],
)
def test_mean_joins_neighbouring_axes(shape, axes, expected) -> None:
    assert grouped(shape, axes) == expected
    assert math.prod(size for size, _ in grouped(shape, axes)) == math.prod(shape)


def test_mean_takes_negative_axes(recognised, one_operator) -> None:
    axes = (np.array([-3, -2], np.int32), "int32")
    model = one_operator("MEAN", [IMAGE, axes], ((1, 3), "int8", 0.25, -1), keep_dims=False)
    (call,) = recognised(model)
    assert call.kind == "MEAN"
    attributes = _plain(call.attributes)
    assert sorted(attributes["axes"]) == [1, 2]
    assert (attributes["offset"], attributes["zero_point"]) == (-4 * 30, -1)
