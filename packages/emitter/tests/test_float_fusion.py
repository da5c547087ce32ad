# SPDX-License-Identifier: Apache-2.0
"""Which groups of float operators become one call, and which stay for TVM's library."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from stm32_emitter import compile_model
from stm32_emitter.operators.base import kind_of, request_of
from stm32_emitter.operators.convolution_float import interleaved
from stm32_emitter.operators.float_group import LARGEST
from stm32_emitter.operators.scope import op_name
from stm32_emitter.passes.bindings import bindings
from stm32_emitter.passes.fuse import fuse_operators
from stm32_emitter.target import target_named
from tvm import relax

SEED = 20260825
CORE = target_named("cortex-m4")
IMAGE = (1, 6, 5, 4)


def floats(*shape: int) -> np.ndarray[Any, Any]:
    return np.random.default_rng(SEED).normal(size=shape).astype(np.float32)


def fused(build: Any, *shapes: tuple[int, ...]) -> list[Any]:
    """The values of all bindings after fusing; ``build`` takes the block builder and the inputs."""
    builder = relax.BlockBuilder()
    inputs = [relax.Var(f"x{i}", relax.TensorType(shape, "float32")) for i, shape in enumerate(shapes)]
    with builder.function("main", inputs):
        with builder.dataflow():
            result = builder.emit_output(build(builder, *inputs))
        builder.emit_func_output(result)
    values = [binding.value for binding in bindings(fuse_operators(builder.get())["main"])]
    return [value for value in values if isinstance(value, relax.Call)]


def convolution(b: relax.BlockBuilder, x: relax.Expr, weights: Any, layout: str = "OHWI", **options: Any) -> relax.Expr:
    call = relax.op.nn.conv2d(x, relax.const(weights), data_layout="NHWC", kernel_layout=layout, **options)
    return b.emit(call)


def with_bias(b: relax.BlockBuilder, x: relax.Expr, bias: Any) -> relax.Expr:
    return b.emit(relax.op.add(x, relax.const(bias)))


@pytest.mark.parametrize("bias", [(3,), (1, 1, 1, 3)])
def test_a_convolution_with_bias_and_activation_is_one_call(bias: tuple[int, ...]) -> None:
    weights, addend = floats(3, 2, 2, 4), floats(*bias)
    (call,) = fused(lambda b, x: relax.op.clip(with_bias(b, convolution(b, x, weights), addend), 0.0, 6.0), IMAGE)
    request = request_of(call, CORE)
    assert request.kind == "CONV_2D_F32"
    np.testing.assert_array_equal(request.constant(1), weights)
    np.testing.assert_array_equal(request.constant(2), addend.ravel())
    assert (request.attributes["low"], request.attributes["high"]) == (0.0, 6.0)


def test_weights_of_any_layout_are_brought_into_one() -> None:
    weights = floats(2, 2, 4, 3)
    (call,) = fused(lambda b, x: convolution(b, x, weights, "HWIO"), IMAGE)
    request = request_of(call, CORE)
    np.testing.assert_array_equal(request.constant(1), weights.transpose(3, 0, 1, 2))
    assert (request.attributes["low"], request.attributes["high"]) == (-LARGEST, LARGEST)


def test_one_channel_in_each_group_is_depthwise() -> None:
    (call,) = fused(lambda b, x: convolution(b, x, floats(3, 3, 8, 1), "HWOI", groups=4), IMAGE)
    assert kind_of(call) == "DEPTHWISE_CONV_2D_F32"
    (call,) = fused(lambda b, x: convolution(b, x, floats(6, 3, 3, 2), groups=2), IMAGE)
    assert kind_of(call) == "CONV_2D_F32"


def test_a_value_that_is_read_elsewhere_stays() -> None:
    """The sum in front of the activation is an operand of the product, too: nothing is computed twice."""

    def build(b: relax.BlockBuilder, x: relax.Expr) -> relax.Expr:
        total = with_bias(b, convolution(b, x, floats(4, 1, 1, 4)), floats(4))
        return relax.op.multiply(b.emit(relax.op.nn.relu(total)), total)

    calls = fused(build, IMAGE)
    assert [kind_of(c) or op_name(c) for c in calls] == ["CONV_2D_F32", "nn.relu", "MUL_F32"]


def test_other_layouts_and_computed_weights_stay() -> None:
    (call,) = fused(lambda _, x: relax.op.nn.conv2d(x, relax.const(floats(3, 6, 2, 2))), IMAGE)
    assert op_name(call) == "nn.conv2d"
    (call,) = fused(
        lambda _, x, w: relax.op.nn.conv2d(x, w, data_layout="NHWC", kernel_layout="OHWI"), IMAGE, (3, 2, 2, 4)
    )
    assert op_name(call) == "nn.conv2d"
    (call,) = fused(lambda _, x, w: relax.op.matmul(x, w), (2, 3), (3, 5))
    assert kind_of(call) == "BATCH_MATMUL_F32"


def test_a_bias_that_is_no_channel_vector_is_an_operand() -> None:
    calls = fused(lambda b, x: with_bias(b, convolution(b, x, floats(3, 1, 1, 4)), floats(5, 3)), IMAGE)
    assert [kind_of(call) for call in calls] == ["CONV_2D_F32", "ADD_F32"]


def test_a_matrix_product_takes_its_weights_transposed() -> None:
    weights, bias = floats(3, 5), floats(5)
    (call,) = fused(lambda b, x: with_bias(b, b.emit(relax.op.matmul(x, relax.const(weights))), bias), (2, 3))
    request = request_of(call, CORE)
    assert request.kind == "FULLY_CONNECTED_F32"
    np.testing.assert_array_equal(request.constant(1), weights.T)
    np.testing.assert_array_equal(request.constant(2), bias)


def test_hard_swish_is_one_call() -> None:
    def build(b: relax.BlockBuilder, x: relax.Expr, y: relax.Expr | None = None) -> relax.Expr:
        total = b.emit(relax.op.add(x if y is None else y, relax.const(3.0, "float32")))
        gate = b.emit(relax.op.divide(b.emit(relax.op.clip(total, 0.0, 6.0)), relax.const(6.0, "float32")))
        return relax.op.multiply(x, gate)

    assert [kind_of(call) for call in fused(build, IMAGE)] == ["HARD_SWISH_F32"]
    kinds = [kind_of(call) or op_name(call) for call in fused(build, IMAGE, IMAGE)]
    assert kinds == ["ADD_F32", "DIV_F32", "MUL_F32"]


@pytest.mark.parametrize(
    ("axes", "kind"), [([1, 2], "MEAN_F32"), ([3], "MEAN_F32"), ([0, 1], "MEAN_F32"), ([1, 3], "")]
)
def test_a_mean_over_neighbouring_axes(axes: list[int], kind: str) -> None:
    (call,) = fused(lambda _, x: relax.op.mean(x, axes), (2, 6, 5, 4))
    assert kind_of(call) == kind


def test_interleaved_rows() -> None:
    matrix = np.arange(6 * 3).reshape(6, 3)
    packed = interleaved(matrix)
    np.testing.assert_array_equal(packed[:12].reshape(3, 4), matrix[:4].T)
    np.testing.assert_array_equal(packed[12:].reshape(2, 3), matrix[4:])


def test_a_convolution_of_channels_first_runs_through_the_library(host: Any) -> None:
    weights, x = floats(3, 2, 2, 2), floats(1, 2, 5, 4)
    builder, image = relax.BlockBuilder(), relax.Var("x", relax.TensorType(x.shape, "float32"))
    with builder.function("main", [image]):
        with builder.dataflow():
            out = builder.emit_output(relax.op.nn.conv2d(image, relax.const(weights)))
        builder.emit_func_output(out)
    (got,) = host.run(compile_model(builder.get(), name="channels_first"), [x])
    patches = np.lib.stride_tricks.sliding_window_view(x, (2, 2), axis=(2, 3))
    want = np.einsum("nchwij,ocij->nohw", patches.astype(np.float64), weights)
    assert np.abs(got - want).max() <= 1e-5 * float(np.ptp(want))
