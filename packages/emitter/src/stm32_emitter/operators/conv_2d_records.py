# SPDX-License-Identifier: Apache-2.0
"""Records of ai_k_conv_d8.h: weights and scales of 4 or 2 output channels.

Weights of 9 bits (uint8 minus a zero point far from 128) are w = v + c with v of int8 and one c for the layer, so that
sum w * x = sum v * x + c * sum x. Behind the patch, the columns hold sum x (``ai_k_columns_total_s8``) in both halves
of a step, with weights c1 + c2 = c; of deep patches several steps hold a part of the sum each.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from stm32_emitter.operators.base import KernelRequest
from stm32_emitter.operators.d8 import LIMIT, halfword_pairs, mixed_bias, pairs_fit, shift_word, words
from stm32_emitter.operators.d8_scaling import Linear, Scaling, linear_scaling
from stm32_emitter.operators.nearest import is_nearest
from stm32_emitter.operators.packing import folded_bias

Words = NDArray[np.int32]

_MOST_RIGHT = 23
"""Largest shift for which zero point and rounding still fit 32 bits."""


@dataclass(frozen=True)
class Rows:
    """Output channels as the kernel sees them.

    Attributes:
        weights: int8 [rows, depth], or [rows, depth + 2 * totals]: behind each row what sums of x are multiplied by.
        bias: with the zero point of x.
        multipliers: scales.
        right: shifts.
        reach: largest magnitude of a sum without its bias.
        totals: steps behind the patch.
    """

    weights: NDArray[np.int8]
    bias: NDArray[np.int32]
    multipliers: NDArray[np.int64]
    right: NDArray[np.int64]
    reach: NDArray[np.int64]
    totals: int = 0


TOTAL_STEPS = 128
"""Steps whose sum of int8 fits 16 bits (AI_K_TOTAL_STEPS)."""


def rows_of(request: KernelRequest, totals: int = 0) -> Rows:
    """The output channels. One without weights is a constant, which any scale can give: its bias is often huge.

    Args:
        request: of the layer.
        totals: steps behind the patch for weights of 9 bits, where :func:`centre_of` finds a centre.
    """
    weights, bias, multipliers, shifts = (request.constant(i) for i in range(1, 5))
    matrix = weights.reshape(len(weights), -1)
    folded = folded_bias(bias, matrix, request.integer("input_zero_point"))
    scales, right = multipliers.astype(np.int64), -shifts.astype(np.int64)
    # A sum below 2**23 shifted by 24 or more is 0.
    nothing = (scales == 0) | (right > _MOST_RIGHT)
    scales, right = np.where(nothing, 0, scales), np.where(nothing, 1, right)
    without = ~matrix.any(axis=1)
    # 4 * v * 2**30 / 2**31, shifted by 1, is v without any rounding.
    given = _scaling(request, folded, multipliers.astype(np.int64), -shifts.astype(np.int64))
    folded = np.where(without, 4 * replace(given, low=-128, high=127).level(), folded).astype(np.int32)
    scales, right = np.where(without, 1 << 30, scales), np.where(without, 1, right)
    reach = np.abs(matrix.astype(np.int64)).sum(axis=1) * 128
    return Rows(_extended(matrix, totals) if totals else matrix, folded, scales, right, reach, totals)


def centre_of(weights: NDArray[np.int16]) -> int | None:
    """The c nearest to 0 for which weights - c are -127 .. 127; None if they are spread wider."""
    least, greatest = int(weights.max(initial=0)) - 127, int(weights.min(initial=0)) + 127
    return None if least > greatest else min(max(0, least), greatest)


def _extended(matrix: NDArray[np.int16], totals: int) -> NDArray[np.int8]:
    centre = centre_of(matrix) or 0
    halves = np.tile(np.array([centre // 2, centre - centre // 2]), totals)
    behind = np.broadcast_to(halves, (len(matrix), 2 * totals))
    return np.concatenate([matrix - centre, behind], axis=1).astype(np.int8)


def is_exact(rows: Rows) -> bool:
    """Whether the arithmetic of two weights in a halfword is proven for these channels."""
    small = bool(np.all(rows.reach + np.abs(rows.bias.astype(np.int64)) < LIMIT))
    return small and bool(rows.right.min() >= 1) and pairs_fit(rows.weights)


def linear_of(request: KernelRequest, rows: Rows) -> Linear | None:
    """What linear records hold, if all channels have them."""
    return linear_scaling(rows.reach, _scaling(request, rows.bias, rows.multipliers, rows.right))


def _scaling(
    request: KernelRequest, bias: NDArray[np.int32], multipliers: NDArray[np.int64], right: NDArray[np.int64]
) -> Scaling:
    low, high, zero_point = (request.integer(name) for name in ("low", "high", "output_zero_point"))
    return Scaling(bias, multipliers, right, zero_point, low, high, is_nearest(request))


def scales_fit(request: KernelRequest, linear: Linear | None) -> bool:
    """Whether records hold the layer's scaling; those that are not linear round twice."""
    return linear is not None or not is_nearest(request)


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
