# SPDX-License-Identifier: Apache-2.0
"""The schedule of FULLY_CONNECTED for ai_k_dense_d8.h: 8 rows at a time."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from stm32_emitter.operators.base import KernelRequest
from stm32_emitter.operators.d8 import (
    halfword_pairs,
    mixed_bias,
    overlapping_groups,
    position_order,
    sums_are_exact,
    words,
)
from stm32_emitter.operators.packing import folded_bias
from stm32_emitter.tir.builder import Kernel, KernelBuilder, address

_ROWS = 8
_MOST_RIGHT = 22
"""Largest shift for which zero point and rounding still fit 32 bits."""


def fits(request: KernelRequest) -> bool:
    """Whether the layer has enough rows for groups of 8 and the kernel's arithmetic is exact for it."""
    weights, bias, multipliers, shifts = (request.constant(i) for i in range(1, 5))
    # The last group overlaps its neighbour: no more than a quarter of the weights may be stored twice for it.
    if len(weights) < _ROWS or 4 * (-len(weights) % _ROWS) > len(weights):
        return False
    folded = folded_bias(bias, weights, request.integer("input_zero_point"))
    right = _right(multipliers, shifts)
    if right.min() < 0 or right.max() > _MOST_RIGHT or not sums_are_exact(weights, folded):
        return False
    reach = np.abs(weights.astype(np.int64)).sum(axis=1) * 128 + np.abs(folded.astype(np.int64))
    return bool(np.all(reach < _first_tie(multipliers, right)))


def _right(multipliers: NDArray[np.int32], shifts: NDArray[np.int8]) -> NDArray[np.int64]:
    """Shift of ai_k_dense_d8_s8; a multiplier of 0 may have any."""
    return np.where(multipliers == 0, 0, -2 - shifts.astype(np.int64))


def _first_tie(multipliers: NDArray[np.int32], right: NDArray[np.int64]) -> NDArray[np.int64]:
    """Smallest sum > 0 whose product lies in the middle between two results.

    The kernel rounds halves upwards, the reference away from zero, so that negative sums must not reach one.
    """
    wide = multipliers.astype(np.int64)
    lowest_bit = np.where(wide == 0, 1, wide & -wide)
    return np.where(wide == 0, 1 << 40, (1 << (right + 32)) // lowest_bit)


def kernel(request: KernelRequest) -> Kernel:
    """x int8 [B,K] -> y int8 [B,N]; scratch: one widened row of x."""
    weights, bias, multipliers, shifts = (request.constant(i) for i in range(1, 5))
    rows, depth = weights.shape
    batch = request.inputs[0].elements // depth
    pairs, low, high = -(-depth // 4), request.integer("low"), request.integer("high")
    folded = folded_bias(bias, weights, request.integer("input_zero_point"))
    scales = words(np.stack([_right(multipliers, shifts), multipliers.astype(np.int64)], axis=1).ravel())
    with KernelBuilder("fully_connected", batch * rows * depth) as k:
        x = k.input("x", (batch * depth,), "int8")
        records, s = k.constant("records", _records(weights, folded)), k.constant("scales", scales)
        y = k.output("y", (batch * rows,), "int8")
        columns = k.scratch("columns", 2 * pairs, "int32")
        with k.loop("n", batch) as n:
            k.call("ai_k_dense_columns_s8", address(columns, write=True), address(x, n * depth), depth)

            def groups(first: int, start: int, count: int) -> None:
                own = int(len(multipliers) > 1)
                k.call(
                    "ai_k_dense_d8_s8", address(columns), address(records, first * (_ROWS + _ROWS * pairs)),
                    address(s, own * 2 * start), address(y, n * rows + start, write=True), pairs, count, own,
                    request.integer("output_zero_point"),
                )  # fmt: skip

            whole = rows // _ROWS
            groups(0, 0, whole)
            if rows % _ROWS:
                groups(whole, rows - _ROWS, 1)
        if low > -128 or high < 127:
            k.call("ai_k_clamp_s8", address(y, write=True), batch * rows, low, high)
    return k.kernel()


def _records(weights: NDArray[np.int8], folded: NDArray[np.int32]) -> NDArray[np.int32]:
    rows, depth = weights.shape
    padded = np.zeros((rows, -(-depth // 4) * 4), np.int8)
    padded[:, :depth] = weights
    order = position_order(padded.shape[1], 1)
    parts: list[Any] = []
    for start in overlapping_groups(rows, _ROWS):
        group = slice(start, start + _ROWS)
        parts += [*mixed_bias(folded[group]), halfword_pairs(padded[group], order).T.ravel()]
    return np.concatenate(parts)
