# SPDX-License-Identifier: Apache-2.0
"""Operators that only move elements: what is recognised, and how few loops they need."""

from __future__ import annotations

import itertools

import numpy as np
import pytest
import tvm
from stm32_emitter import ModelRefused, compile_model
from stm32_emitter.operators.movement import collapsed, row_major
from stm32_emitter.operators.pad import merged_axes
from tvm import relax


def _module(shape: tuple[int, ...], dtype: str, function) -> tvm.IRModule:
    builder = relax.BlockBuilder()
    x = relax.Var("x", relax.TensorType(shape, dtype))
    with builder.function("main", [x]):
        with builder.dataflow():
            y = builder.emit_output(function(x))
        builder.emit_func_output(y)
    return builder.get()


def _library(module: tvm.IRModule) -> str:
    return compile_model(module, name="m").files["m_lib.c"].decode()


@pytest.mark.parametrize(
    ("sizes", "strides", "expected"),
    [
        ((2, 3, 4), (12, 4, 1), [(24, 1)]),
        ((4, 2, 3), (1, 12, 4), [(4, 1), (6, 4)]),
        ((2, 1, 3), (3, 7, 1), [(6, 1)]),
        ((3,), (-1,), [(3, -1)]),
        ((1, 1), (1, 1), []),
    ],
)
def test_axes_collapse(sizes, strides, expected) -> None:
    assert collapsed(sizes, strides) == expected


def test_collapsed_axes_visit_the_same_elements() -> None:
    rng = np.random.default_rng(11)
    for _ in range(200):
        sizes = [int(size) for size in rng.integers(1, 5, rng.integers(1, 6))]
        order = rng.permutation(len(sizes))
        strides = [row_major(sizes)[axis] for axis in order]
        turned = [sizes[axis] for axis in order]
        assert _visited(zip(turned, strides, strict=True)) == _visited(collapsed(turned, strides))


def _visited(axes) -> list[int]:
    axes = list(axes)
    places = itertools.product(*(range(n) for n, _ in axes))
    return [sum(i * s for i, (_, s) in zip(at, axes, strict=True)) for at in places]


@pytest.mark.parametrize("dtype", ["int8", "int16", "float32"])
def test_transpose_copies_what_stays_together(dtype, recognised) -> None:
    module = _module((3, 4, 5), dtype, lambda x: relax.op.permute_dims(x, [1, 0, 2]))
    assert [call.kind for call in recognised(module)] == ["TRANSPOSE"]
    text = _library(module)
    assert "memcpy((&y[" in text
    assert f", {5 * np.dtype(dtype).itemsize});" in text


def test_constant_weights_are_not_taken_for_a_transpose(recognised) -> None:
    weights = relax.const(np.ones((2, 3), np.float32), "float32")
    module = _module((1, 3), "float32", lambda x: relax.op.matmul(x, relax.op.permute_dims(weights)))
    assert "TRANSPOSE" not in [call.kind for call in recognised(module)]


def test_concatenation_takes_constants_and_tensors_in_order(recognised) -> None:
    tail = relax.const(np.array([[7, 8]], np.int8), "int8")
    module = _module((1, 3), "int8", lambda x: relax.op.concat([tail, x, tail], 1))
    (call,) = recognised(module)
    assert [value is None for value in call.values] == [False, True, False]
    assert "7" in compile_model(module, name="m").files["m_data.c"].decode()


def test_concatenation_that_would_rescale_is_refused(one_operator) -> None:
    part = ((1, 3), "int8", 0.5, 0)
    model = one_operator("CONCATENATION", [part, part], ((1, 6), "int8", 0.25, 0), axis=1)
    with pytest.raises(ModelRefused, match="different scales"):
        compile_model(model)


def test_slice_backwards_starts_at_its_last_element(recognised) -> None:
    module = _module((2, 5), "int8", lambda x: relax.op.strided_slice(x, [1], [4], [-6], [-2]))
    (call,) = recognised(module)
    assert [int(i) for i in call.attributes["first"]] == [0, 4]
    assert [int(i) for i in call.attributes["step"]] == [1, -2]


def test_pad_with_a_float_keeps_its_value() -> None:
    value = float(np.float32(-0.0971103385))
    text = _library(_module((2, 2), "float32", lambda x: relax.op.nn.pad(x, [0, 0, 1, 1], "constant", value)))
    written = {np.float32(word.rstrip("f;")) for word in text.split() if word.endswith("f;")}
    assert written == {np.float32(value)}


def test_pad_joins_axes_without_a_border() -> None:
    assert merged_axes((2, 3, 4, 5), [(0, 0), (1, 2), (0, 0), (0, 0)]) == [(0, 2, 0), (20, 60, 40)]
    assert merged_axes((4,), [(0, 3)]) == [(0, 4, 3)]
