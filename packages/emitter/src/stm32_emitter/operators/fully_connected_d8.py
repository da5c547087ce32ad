# SPDX-License-Identifier: Apache-2.0
"""The schedule of FULLY_CONNECTED for ai_k_dense_d8.h: 8 rows at a time."""

from __future__ import annotations

from itertools import pairwise
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
from stm32_emitter.operators.nearest import is_nearest
from stm32_emitter.operators.packing import folded_bias
from stm32_emitter.operators.schedule import Schedule
from stm32_emitter.tir.builder import Kernel, KernelBuilder, address

_ROWS = 8
_CHUNK = 64
"""Values that the kernel keeps in registers (AI_K_DENSE_CHUNK)."""
_BLOCKS = (16, 8, 4)
"""Groups of rows that share a chunk."""
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
    if is_nearest(request):
        return True
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


def schedules(request: KernelRequest) -> list[Schedule]:
    """Blocks of many rows and of few, which need less working memory; none where the kernel is not exact."""
    if not fits(request):
        return []
    rows, depth = request.constant(1).shape
    groups = rows // _ROWS
    sizes = [size for size in _BLOCKS if size <= groups] if depth > _CHUNK else [groups]
    return [_schedule(request, size) for size in sizes or [groups]]


def _schedule(request: KernelRequest, block: int) -> Schedule:
    rows, depth = request.constant(1).shape
    groups, padded = -(-rows // _ROWS), -(-depth // 4) * 4
    chunks = -(-padded // _CHUNK)
    fill = -(-groups // block) * (chunks * 40.0 + padded * 1.3 + 80)
    work = groups * (padded / 2 * 18 + chunks * 40 + 75)
    return Schedule(
        f"d8-8x{block}" if chunks > 1 else "d8-8", lambda: _kernel(request, block),
        f"8 rows, two weights in a halfword, {_CHUNK} values in registers for {block * _ROWS} rows",
        cycles=request.inputs[0].elements // depth * (fill + work),
        scratch=(4 * _ROWS * block if chunks > 1 else 4) + (padded if depth % 4 else 0),
        constants=groups * (4 * _ROWS + _ROWS * padded) + 8 * (1 if len(request.constant(3)) == 1 else rows),
        code=2600, family="d8-8",
    )  # fmt: skip


def _kernel(request: KernelRequest, block: int) -> Kernel:
    """x int8 [B,K] -> y int8 [B,N]; scratch: the sums of a block of rows if K takes several chunks."""
    weights, bias, multipliers, shifts = (request.constant(i) for i in range(1, 5))
    rows, depth = weights.shape
    batch = request.inputs[0].elements // depth
    padded, low, high = -(-depth // 4) * 4, request.integer("low"), request.integer("high")
    folded = folded_bias(bias, weights, request.integer("input_zero_point"))
    scales = words(np.stack([_right(multipliers, shifts), multipliers.astype(np.int64)], axis=1).ravel())
    whole, own = rows // _ROWS, int(len(multipliers) > 1)
    with KernelBuilder("fully_connected", batch * rows * depth) as k:
        x = k.input("x", (batch * depth,), "int8")
        records, s = k.constant("records", _records(weights, folded, block)), k.constant("scales", scales)
        y = k.output("y", (batch * rows,), "int8")
        sums = k.scratch("sums", _ROWS * block if padded > _CHUNK else 1, "int32")
        copy = k.scratch("padded", padded, "int8") if depth % 4 else None

        def groups(n: Any, first: Any, start: Any, count: int) -> None:
            source = address(x, n * depth) if copy is None else address(copy)
            k.call(
                "ai_k_dense_d8_s8", address(sums, write=True), address(records, first * (_ROWS + 2 * padded)), source,
                address(s, start * (2 * own)),
                address(y, n * rows + start, write=True), padded, count, own, request.integer("output_zero_point"),
            )  # fmt: skip

        with k.loop("n", batch) as n:
            if copy is not None:
                k.call("ai_k_dense_pad_s8", address(copy, write=True), address(x, n * depth), depth)
            with k.loop("block", whole // block) as at:
                groups(n, at * block, at * (block * _ROWS), block)
            if whole % block:
                groups(n, whole // block * block, whole // block * block * _ROWS, whole % block)
            if rows % _ROWS:
                groups(n, whole, rows - _ROWS, 1)
        if low > -128 or high < 127:
            k.call("ai_k_clamp_s8", address(y, write=True), batch * rows, low, high)
    return k.kernel()


def _records(weights: NDArray[np.int8], folded: NDArray[np.int32], block: int) -> NDArray[np.int32]:
    rows, depth = weights.shape
    padded = np.zeros((rows, -(-depth // 4) * 4), np.int8)
    padded[:, :depth] = weights
    order = position_order(padded.shape[1], 1)
    starts = overlapping_groups(rows, _ROWS)
    whole = rows // _ROWS
    blocks = [starts[at : min(at + block, whole)] for at in range(0, whole, block)] + [starts[whole:]]
    parts: list[Any] = []
    for members in blocks:
        groups = [slice(start, start + _ROWS) for start in members]
        parts += [part for group in groups for part in mixed_bias(folded[group])]
        pairs = [halfword_pairs(padded[group], order).T for group in groups]
        first = (padded.shape[1] // 2 - 1) % (_CHUNK // 2) + 1
        edges = [0, *range(first, padded.shape[1] // 2 + 1, _CHUNK // 2)]
        parts += [pair[low:high].ravel() for low, high in pairwise(edges) for pair in pairs]
    return np.concatenate(parts)
