# SPDX-License-Identifier: Apache-2.0
"""Weight layouts of the runtime's matrix kernels (ai_k_conv.h, ai_k_dense.h)."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

GROUP = 4
"""Rows (output channels) that are interleaved."""
WORD = 4
"""Bytes that stay together."""


def padded_depth(depth: int) -> int:
    """Bytes of a packed row."""
    return -(-depth // WORD) * WORD


def pack_rows(weights: NDArray[np.int8], byte_order: tuple[int, int, int, int] = (0, 1, 2, 3)) -> NDArray[np.int8]:
    """Packs a matrix for the 4-row kernels.

    Args:
        weights: int8 [rows, depth].
        byte_order: which element of each word goes to byte 0, 1, 2, 3.

    Returns:
        int8 [rows * padded_depth(depth)]: groups of 4 rows interleaved word by word, then the other rows one by one.
    """
    rows, depth = weights.shape
    padded = np.zeros((rows, padded_depth(depth)), np.int8)
    padded[:, :depth] = weights
    words = padded.reshape(rows, -1, WORD)[:, :, list(byte_order)]
    grouped = rows // GROUP * GROUP
    head = words[:grouped].reshape(-1, GROUP, words.shape[1], WORD).transpose(0, 2, 1, 3)
    return np.concatenate([head.ravel(), words[grouped:].ravel()])


def folded_bias(bias: NDArray[np.int32] | None, weights: NDArray[np.int8], input_zero_point: int) -> NDArray[np.int32]:
    """bias - input_zero_point * sum of each row, modulo 2**32, so that kernels multiply the stored values.

    Args:
        bias: int32 [rows] or None.
        weights: int8 [rows, depth].
        input_zero_point: of the operator's input.
    """
    sums = weights.astype(np.int64).sum(axis=1)
    start = np.zeros(len(sums), np.int64) if bias is None else bias.astype(np.int64)
    folded: NDArray[np.int32] = (start - input_zero_point * sums).astype(np.uint64).astype(np.uint32).view(np.int32)
    return folded
