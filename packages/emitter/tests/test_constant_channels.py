# SPDX-License-Identifier: Apache-2.0
"""The pass that takes channels out: what stands there before, and exactly what must stand there after."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import pytest
import tvm
from stm32_emitter.model_info import ModelInfo, RemovedChannels, SourceOperator, attach, info_of
from stm32_emitter.operators.base import Fused, constant
from stm32_emitter.passes.bindings import bindings
from stm32_emitter.passes.constant_channels import fold_constant_channels
from tvm import relax

ZERO_POINT = -3
"""Of every tensor here."""
ONE = (1 << 30, 1)
"""Multiplier and shift of 1."""


def module(shape: Sequence[int], *steps: tuple[str, Any]) -> tvm.IRModule:
    """``main`` of one input ``x`` int8; each step makes a call of the variables before it."""
    builder, x = relax.BlockBuilder(), relax.Var("x", relax.TensorType(shape, "int8"))
    known: dict[str, relax.Var] = {"x": x}
    with builder.function("main", [x]):
        with builder.dataflow():
            for name, make in steps:
                made = make(known)
                value = made.call() if isinstance(made, Fused) else made
                last = builder.emit_output if name == steps[-1][0] else builder.emit
                known[name] = last(value, name_hint=name)
        builder.emit_func_output(known[steps[-1][0]])
    sources = {name: SourceOperator(i, "K", f"tensor {i}") for i, (name, _) in enumerate(steps)}
    return attach(builder.get(), ModelInfo(sources=sources))


def convolution(x: relax.Expr, weights: Any, bias: Any, shape: Sequence[int], padding: int = 0, **more: Any) -> Fused:
    """CONV_2D, or DEPTHWISE_CONV_2D where groups are given, that only adds up."""
    count = len(weights)
    scales = np.full(count, ONE[0], np.int32), np.full(count, ONE[1], np.int8)
    values = (np.asarray(weights, np.int8), np.asarray(bias, np.int32), *scales)
    attributes = {
        "strides": [1, 1], "dilation": [1, 1], "padding": [padding] * 4, "groups": 1, "low": -128, "high": 127,
        "input_zero_point": ZERO_POINT, "output_zero_point": ZERO_POINT, **more,
    }  # fmt: skip
    kind = "CONV_2D" if attributes["groups"] == 1 else "DEPTHWISE_CONV_2D"
    return Fused(kind, (x, *map(constant, values)), tuple(shape), "int8", attributes)


def pointwise(matrix: Any) -> Any:
    """Weights [outputs, 1, 1, inputs]."""
    return np.asarray(matrix, np.int8)[:, None, None, :]


def same(got: tvm.IRModule, expected: tvm.IRModule, **info: Any) -> None:
    """Structurally equal; ``info`` is what the module's information says more than the expected one's."""
    told = info_of(got)
    assert (told.channels, told.folded) == (info.get("channels", {}), info.get("folded", ()))
    bare = [attach(relax.transform.Normalize()(mod), ModelInfo()) for mod in (got, expected)]
    tvm.ir.assert_structural_equal(bare[0], bare[1], map_free_vars=True)


IMAGE = (1, 2, 2, 2)


def test_a_channel_without_weights_goes_into_the_next_bias() -> None:
    before = module(
        IMAGE,
        ("a", lambda v: convolution(v["x"], pointwise([[1, 2], [0, 0], [3, 4]]), [5, 40, 7], (1, 2, 2, 3))),
        ("y", lambda v: convolution(v["a"], pointwise([[1, 2, 3], [4, 5, 6]]), [8, 9], IMAGE)),
    )
    after = module(
        IMAGE,
        ("a", lambda v: convolution(v["x"], pointwise([[1, 2], [3, 4]]), [5, 7], IMAGE)),
        ("y", lambda v: convolution(v["a"], pointwise([[1, 3], [4, 6]]), [8 + 2 * 40, 9 + 5 * 40], IMAGE)),
    )
    same(fold_constant_channels(before), after, channels={"a": RemovedChannels(3, (1,), (40 + ZERO_POINT,))})


@pytest.mark.parametrize(("bias", "kept"), [(0, False), (1, True)])
def test_a_padding_layer_folds_the_zero_point_only(bias: int, kept: bool) -> None:
    window = np.ones((1, 3, 3, 2), np.int8)
    before = module(
        IMAGE,
        ("a", lambda v: convolution(v["x"], pointwise([[1, 2], [0, 0]]), [5, bias], IMAGE)),
        ("y", lambda v: convolution(v["a"], window, [8], (1, 2, 2, 1), padding=1)),
    )
    if kept:
        assert fold_constant_channels(before).same_as(before)
        return
    after = module(
        IMAGE,
        ("a", lambda v: convolution(v["x"], pointwise([[1, 2]]), [5], (1, 2, 2, 1))),
        ("y", lambda v: convolution(v["a"], window[..., :1], [8], (1, 2, 2, 1), padding=1)),
    )
    same(fold_constant_channels(before), after, channels={"a": RemovedChannels(2, (1,), (ZERO_POINT,))})


def test_a_constant_goes_through_a_depthwise_layer_and_what_it_read_is_gone() -> None:
    """Channel 0 of the window has no weights, so that nobody reads channel 0 of a, which is no constant."""
    taps = np.ones((3, 1, 1, 1), np.int8)
    taps[0] = 0
    before = module(
        IMAGE,
        ("a", lambda v: convolution(v["x"], pointwise([[1, 2], [0, 0], [3, 4]]), [5, 6, 7], (1, 2, 2, 3))),
        ("b", lambda v: convolution(v["a"], taps, [1, 2, 3], (1, 2, 2, 3), groups=3)),
        ("y", lambda v: convolution(v["b"], pointwise([[1, 2, 3]]), [8], (1, 2, 2, 1))),
    )
    after = module(
        IMAGE,
        ("a", lambda v: convolution(v["x"], pointwise([[3, 4]]), [7], (1, 2, 2, 1))),
        ("b", lambda v: convolution(v["a"], taps[2:], [3], (1, 2, 2, 1))),
        ("y", lambda v: convolution(v["b"], pointwise([[3]]), [8 + 1 * 1 + 2 * 8], (1, 2, 2, 1))),
    )
    channels = {
        "a": RemovedChannels(3, (0, 1), (None, 6 + ZERO_POINT)),
        "b": RemovedChannels(3, (0, 1), (1 + ZERO_POINT, 8 + ZERO_POINT)),
    }
    same(fold_constant_channels(before), after, channels=channels)


def test_a_sum_that_always_saturates_is_constant() -> None:
    """255 * 2 + 1000 at most, -255 * 2 + 1000 at least: both beyond 127."""
    before = module(
        IMAGE,
        ("a", lambda v: convolution(v["x"], pointwise([[1, -1], [1, 0]]), [1000, 0], IMAGE)),
        ("y", lambda v: convolution(v["a"], pointwise([[2, 3]]), [8], (1, 2, 2, 1))),
    )
    after = module(
        IMAGE,
        ("a", lambda v: convolution(v["x"], pointwise([[1, 0]]), [0], (1, 2, 2, 1))),
        ("y", lambda v: convolution(v["a"], pointwise([[3]]), [8 + 2 * (127 - ZERO_POINT)], (1, 2, 2, 1))),
    )
    same(fold_constant_channels(before), after, channels={"a": RemovedChannels(2, (0,), (127,))})


def total(left: relax.Expr, right: relax.Expr) -> Fused:
    """ADD with one scale for all."""
    scaling = {f"{name}_{key}": value for name in ("left", "right") for key, value in zip(
        ("multiplier", "shift", "zero_point"), (1 << 30, 0, ZERO_POINT), strict=True)}  # fmt: skip
    output = {"output_multiplier": 1 << 30, "output_shift": -18, "output_zero_point": ZERO_POINT}
    return Fused("ADD", (left, right), IMAGE, "int8", {**scaling, **output, "low": -128, "high": 127})


def test_an_operand_of_constants_is_a_vector_and_its_operator_is_gone() -> None:
    before = module(
        IMAGE,
        ("a", lambda v: convolution(v["x"], pointwise([[1, 2], [3, 4]]), [5, 6], IMAGE)),
        ("b", lambda v: convolution(v["x"], pointwise([[0, 0], [0, 0]]), [7, 8], IMAGE)),
        ("y", lambda v: total(v["a"], v["b"])),
    )
    vector = np.array([[[[7, 8]]]]) + ZERO_POINT
    after = module(
        IMAGE,
        ("a", lambda v: convolution(v["x"], pointwise([[1, 2], [3, 4]]), [5, 6], IMAGE)),
        ("y", lambda v: total(v["a"], constant(vector.astype(np.int8)))),
    )
    same(fold_constant_channels(before), after, folded=("b",))


def test_an_output_that_is_constant_is_copied() -> None:
    before = module(
        IMAGE,
        ("a", lambda v: convolution(v["x"], pointwise([[1, 2], [3, 4]]), [5, 6], IMAGE)),
        ("y", lambda v: convolution(v["a"], pointwise([[0, 0], [0, 0]]), [7, 8], IMAGE)),
    )
    values = np.broadcast_to(np.array([7, 8], np.int8) + np.int8(ZERO_POINT), IMAGE)
    after = module(IMAGE, ("y", lambda _v: Fused("COPY", (constant(values),), IMAGE, "int8")))
    same(fold_constant_channels(before), after, folded=("a",))


def test_channels_are_followed_into_a_flattened_tensor() -> None:
    """Elements 1, 3, 5, 7 of the row are channel 1 of the image."""
    dense = {"input_zero_point": ZERO_POINT, "output_zero_point": ZERO_POINT, "low": -128, "high": 127}

    def product(x: relax.Expr, weights: Any, bias: int) -> Fused:
        values = (np.array([weights], np.int8), np.array([bias], np.int32))
        scales = (np.array([ONE[0]], np.int32), np.array([ONE[1]], np.int8))
        return Fused("FULLY_CONNECTED", (x, *map(constant, (*values, *scales))), (1, 1), "int8", dict(dense))

    before = module(
        IMAGE,
        ("a", lambda v: convolution(v["x"], pointwise([[1, 2], [0, 0]]), [5, 6], IMAGE)),
        ("r", lambda v: relax.op.reshape(v["a"], (1, 8))),
        ("y", lambda v: product(v["r"], [1, 2, 3, 4, 5, 6, 7, 8], 9)),
    )
    after = module(
        IMAGE,
        ("a", lambda v: convolution(v["x"], pointwise([[1, 2]]), [5], (1, 2, 2, 1))),
        ("r", lambda v: relax.op.reshape(v["a"], (1, 4))),
        ("y", lambda v: product(v["r"], [1, 3, 5, 7], 9 + 6 * (2 + 4 + 6 + 8))),
    )
    value = 6 + ZERO_POINT
    channels = {"a": RemovedChannels(2, (1,), (value,)), "r": RemovedChannels(8, (1, 3, 5, 7), (value,) * 4)}
    same(fold_constant_channels(before), after, channels=channels)


@pytest.mark.parametrize("bias", [2**31 - 300, -(2**31) + 300])
def test_a_bias_that_would_leave_32_bits_is_left_alone(bias: int) -> None:
    before = module(
        IMAGE,
        ("a", lambda v: convolution(v["x"], pointwise([[1, 2], [0, 0]]), [5, 60], IMAGE)),
        ("y", lambda v: convolution(v["a"], pointwise([[1, 2], [1, 100]]), [bias, 0], IMAGE)),
    )
    assert fold_constant_channels(before).same_as(before)


def test_inputs_and_outputs_keep_their_channels_and_the_module_is_not_changed() -> None:
    mod = module(IMAGE, ("y", lambda v: convolution(v["x"], pointwise([[0, 1], [0, 0]]), [5, 6], IMAGE)))
    before = mod.script()
    assert fold_constant_channels(mod).same_as(mod)
    assert mod.script() == before
    assert len(list(bindings(mod["main"]))) == 1
