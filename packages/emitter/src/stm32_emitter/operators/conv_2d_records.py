# SPDX-License-Identifier: Apache-2.0
"""Records of ai_k_conv_d8.h: weights and scales of 4 or 2 output channels."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from stm32_emitter.operators.base import KernelRequest
from stm32_emitter.operators.d8 import halfword_pairs, mixed_bias, shift_word, sums_are_exact, words
from stm32_emitter.operators.d8_scaling import Linear, Scaling, linear_scaling
from stm32_emitter.operators.gemmlowp import requantize
from stm32_emitter.operators.packing import folded_bias

Words = NDArray[np.int32]

_MOST_RIGHT = 23
"""Largest shift for which zero point and rounding still fit 32 bits."""


@dataclass(frozen=True)
class Rows:
    """Output channels as the kernel sees them: weights int8 [rows, depth]; bias with the zero point, scales, shifts."""

    weights: NDArray[np.int8]
    bias: NDArray[np.int32]
    multipliers: NDArray[np.int64]
    right: NDArray[np.int64]


def rows_of(request: KernelRequest) -> Rows:
    """The output channels. One without weights is a constant, which any scale can give: its bias is often huge."""
    weights, bias, multipliers, shifts = (request.constant(i) for i in range(1, 5))
    matrix = weights.reshape(len(weights), -1)
    folded = folded_bias(bias, matrix, request.integer("input_zero_point"))
    scales, right = multipliers.astype(np.int64), -shifts.astype(np.int64)
    # A sum below 2**23 shifted by 24 or more is 0.
    nothing = (scales == 0) | (right > _MOST_RIGHT)
    scales, right = np.where(nothing, 0, scales), np.where(nothing, 1, right)
    zero_point = request.integer("output_zero_point")
    for row in np.flatnonzero(~matrix.any(axis=1)):
        value = requantize(folded[row], int(multipliers[row]), int(shifts[row]))
        # 4 * v * 2**30 / 2**31, shifted by 1, is v without any rounding.
        folded[row] = 4 * (np.clip(value + zero_point, -128, 127) - zero_point)
        scales[row], right[row] = 1 << 30, 1
    return Rows(matrix, folded, scales, right)


def is_exact(rows: Rows) -> bool:
    """Whether the arithmetic of two weights in a halfword is proven for these channels."""
    return bool(rows.right.min() >= 1 and sums_are_exact(rows.weights, rows.bias))


def linear_of(request: KernelRequest, rows: Rows) -> Linear | None:
    """What linear records hold, if all channels have them."""
    reach = np.abs(rows.weights.astype(np.int64)).sum(axis=1) * 128
    low, high, zero_point = (request.integer(name) for name in ("low", "high", "output_zero_point"))
    return linear_scaling(reach, Scaling(rows.bias, rows.multipliers, rows.right, zero_point, low, high))


def fours(
    rows: Rows, linear: Linear | None, blocks: Iterable[slice], order: NDArray[np.intp]
) -> list[NDArray[np.int32]]:
    """Records of 4 channels each, in parts.

    Args:
        rows: the channels.
        linear: their linear scales, or None for records that take any.
        blocks: four channels each.
        order: value of a patch at each position.
    """
    parts: list[NDArray[np.int32]] = []
    for block in blocks:
        bias, scales, byte = _scales(rows, linear, block)
        parts += [*bias, halfword_pairs(rows.weights[block], order).T.ravel(), byte, scales]
    return parts


def pairs(
    rows: Rows, linear: Linear | None, blocks: Iterable[slice], order: NDArray[np.intp]
) -> list[NDArray[np.int32]]:
    """The same of two channels each."""
    parts: list[NDArray[np.int32]] = []
    for block in blocks:
        bias, scales, byte = _scales(rows, linear, block)
        parts += [*bias, scales, byte, halfword_pairs(rows.weights[block], order).ravel()]
    return parts


def _scales(rows: Rows, linear: Linear | None, block: slice) -> tuple[tuple[Words, Words], Words, Words]:
    """(both words of the biases, multipliers, bytes: shifts or offsets)."""
    if linear is None:
        return mixed_bias(rows.bias[block]), words(rows.multipliers[block]), shift_word(rows.right[block] - 1)
    return mixed_bias(linear.bias[block]), words(linear.multipliers[block]), shift_word(linear.offsets[block])
