# SPDX-License-Identifier: Apache-2.0
"""Packing of weights for the kernels that keep two weights in a halfword (ai_k_conv_d8.h, ai_k_dense_d8.h).

With X = sum (256 * w1 + w0) * x modulo 2**32 and S0 = sum w0 * x, the kernels take (X - S0) >> 8 as S1 = sum w1 * x:
exact when |S1| < 2**23. All of it is decided here, at compile time.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

Ints = NDArray[np.int64]

LIMIT = 1 << 23
"""Sums stay below this magnitude."""


def steps_of(count: int) -> int:
    """Steps of two positions that a row of ``count`` values takes (AI_K_STEPS)."""
    return 2 * (count // 4) + (count % 4 + 1) // 2


def position_order(count: int, rows: int) -> NDArray[np.intp]:
    """Which value of a patch of ``rows`` x ``count`` values each position holds, -1 for none; [2 * steps]."""
    order: list[int] = []
    for row in range(rows):
        start, end = row * count, (row + 1) * count
        for at in range(start, end - 3, 4):
            order += [at, at + 2, at + 1, at + 3]
        at = end - count % 4
        order += {0: [], 1: [at, -1], 2: [at, at + 1], 3: [at, at + 2, at + 1, -1]}[count % 4]
    return np.array(order, np.intp)


def sums_are_small(weights: NDArray[np.int8], bias: NDArray[np.int32]) -> bool:
    """Whether every sum over int8 inputs is below 2**23 in magnitude.

    Args:
        weights: int8 [rows, depth].
        bias: int32 [rows], with the input's zero point folded in.
    """
    reach = np.abs(weights.astype(np.int64)).sum(axis=1) * 128 + np.abs(bias.astype(np.int64))
    return bool(np.all(reach < LIMIT))


def sums_are_exact(weights: NDArray[np.int8], bias: NDArray[np.int32]) -> bool:
    """Whether every sum over int8 inputs is small enough, and no pair of weights is too wide for a halfword.

    Args:
        weights: int8 [rows, depth].
        bias: int32 [rows], with the input's zero point folded in.
    """
    return sums_are_small(weights, bias) and pairs_fit(weights)


def pairs_fit(weights: NDArray[np.int8]) -> bool:
    """Whether 256 * w1 + w0 fits a halfword, as it does but for w1 = -128 beside w0 < 0, in neighbouring rows."""
    beside = (weights[1:] == -128) & (weights[:-1] < 0)
    return not bool(beside.any())


def halfword_pairs(weights: NDArray[np.int8], order: NDArray[np.intp]) -> NDArray[np.int32]:
    """Rows taken two by two, positions two by two: int8 [rows, depth] -> int32 [rows / 2, len(order) / 2]."""
    padded = np.concatenate([weights.astype(np.int64), np.zeros((len(weights), 1), np.int64)], axis=1)[:, order]
    halves = (padded[0::2] + 256 * padded[1::2]) & 0xFFFF
    return words(halves[:, 0::2] | halves[:, 1::2] << 16)


def mixed_bias(bias: NDArray[np.int32]) -> tuple[NDArray[np.int32], NDArray[np.int32]]:
    """(256 * b1 + b0 of each pair of rows, b0 of each pair)."""
    wide = bias.astype(np.int64)
    return words(wide[0::2] + 256 * wide[1::2]), words(wide[0::2])


def shift_word(shifts: Ints) -> NDArray[np.int32]:
    """Up to four shifts of 0 to 31 as the bytes of a word, lowest first."""
    return words((shifts << 8 * np.arange(len(shifts))).sum(keepdims=True))


def words(values: Ints) -> NDArray[np.int32]:
    """Integers modulo 2**32."""
    return (values & 0xFFFFFFFF).astype(np.uint32).view(np.int32)


def overlapping_groups(rows: int, size: int) -> list[int]:
    """First rows of groups of ``size`` that cover ``rows`` >= ``size`` rows; the last may overlap its neighbour."""
    starts = list(range(0, rows - size + 1, size))
    return starts if rows % size == 0 else [*starts, rows - size]
