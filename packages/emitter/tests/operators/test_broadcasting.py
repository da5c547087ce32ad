# SPDX-License-Identifier: Apache-2.0
"""Axes of broadcast operands, and the arithmetic parameters of ADD, SUB and MUL."""

from __future__ import annotations

import itertools

import numpy as np
import pytest
from stm32_emitter import compile_model
from stm32_emitter.operators.elementwise import Axis, broadcast_axes


@pytest.mark.parametrize(
    ("left", "right", "output", "expected"),
    [
        ((2, 3, 4), (2, 3, 4), (2, 3, 4), [Axis(24, 1, 1)]),
        ((2, 3, 4), (), (2, 3, 4), [Axis(24, 1, 0)]),
        ((1, 1, 1), (2, 3, 4), (2, 3, 4), [Axis(24, 0, 1)]),
        ((1, 5, 5, 8), (8,), (1, 5, 5, 8), [Axis(25, 8, 0), Axis(8, 1, 1)]),
        ((2, 3, 1), (1, 3, 4), (2, 3, 4), [Axis(2, 3, 0), Axis(3, 1, 4), Axis(4, 0, 1)]),
        ((1,), (1, 1), (1, 1), []),
    ],
)
def test_neighbouring_axes_become_one(
    left: tuple[int, ...], right: tuple[int, ...], output: tuple[int, ...], expected: list[Axis]
) -> None:
    assert broadcast_axes(left, right, output) == expected


def test_axes_walk_as_numpy_broadcasts(seed: int) -> None:
    rng = np.random.default_rng(seed)
    for _ in range(200):
        output = tuple(int(d) for d in rng.integers(1, 4, rng.integers(1, 7)))
        left = tuple(d if rng.random() < 0.6 else 1 for d in output)
        right = tuple(b if a == 1 or rng.random() < 0.6 else 1 for a, b in zip(left, output, strict=True))
        right = right[int(rng.integers(0, len(right))) if right[0] == 1 and left[0] == output[0] else 0 :]
        full = np.broadcast_shapes(left, right)
        wanted = [np.broadcast_to(np.arange(np.prod(s, dtype=int)).reshape(s), full).ravel() for s in (left, right)]
        axes = broadcast_axes(left, right, full)
        steps = list(itertools.product(*(range(axis.size) for axis in axes)))
        for side, indices in zip(("left", "right"), wanted, strict=True):
            walked = [sum(i * getattr(a, side) for i, a in zip(step, axes, strict=True)) for step in steps]
            assert walked == indices.tolist(), (left, right)


def test_add_scales_to_twice_the_larger_scale(recognised, one_operator) -> None:
    model = one_operator(
        "ADD", [((1, 4), "int8", 0.25, 1), ((1, 4), "int8", 0.0625, -2)], ((1, 4), "int8", 0.5, 3),
        fused_activation_function="RELU",
    )  # fmt: skip
    (call,) = recognised(model)
    assert call.kind == "ADD"
    # 0.25 / 0.5 = 2^-1; 0.0625 / 0.5 = 2^-3; 0.5 / (2^20 * 0.5) = 2^-20: mantissa 2^30, exponent one higher
    assert {name: int(value) for name, value in call.attributes.items()} == {
        "left_zero_point": 1, "right_zero_point": -2, "output_zero_point": 3, "low": 3, "high": 127,
        "left_multiplier": 2**30, "left_shift": 0, "right_multiplier": 2**30, "right_shift": -2,
        "output_multiplier": 2**30, "output_shift": -19,
    }  # fmt: skip


def test_mul_scale_is_rounded_to_float32(recognised, one_operator) -> None:
    specs = [((4,), "int8", 0.1, 0), ((4,), "int8", 0.3, 0)]
    (call,) = recognised(one_operator("MUL", specs, ((4,), "int8", 0.7, 0)))
    real = float(np.float32(np.float32(0.1) * np.float32(0.3)) / np.float32(0.7))
    assert call.kind == "MUL"
    assert int(call.attributes["multiplier"]) == round(np.ldexp(real, 31 - int(call.attributes["shift"])))


def test_sub_keeps_the_order_of_its_operands(host, one_operator) -> None:
    specs = [((3,), "int8", 1.0, 0), ((1,), "int8", 1.0, 0)]
    model = compile_model(one_operator("SUB", specs, ((3,), "int8", 1.0, 0)), name="difference")
    (result,) = host.run(model, [np.array([5, -7, 100], np.int8), np.array([-40], np.int8)])
    assert result.tolist() == [45, 33, 127]


def test_constant_operand_is_folded(host, one_operator) -> None:
    specs = [((2, 3), "int8", 1.0, 0), (np.array([[1], [-4]]), "int8", 1.0, 2)]
    model = compile_model(one_operator("ADD", specs, ((2, 3), "int8", 1.0, 0)), name="shifted")
    (result,) = host.run(model, [np.array([[1, 2, 3], [4, 5, -126]], np.int8)])
    assert result.tolist() == [[0, 1, 2], [-2, -1, -128]]
