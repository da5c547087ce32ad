# SPDX-License-Identifier: Apache-2.0
"""What the kernels of DEPTHWISE_CONV_2D share: bounds of the sums, the short requantization, the activation, groups."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray
from tvm import tirx

from stm32_emitter.operators.base import KernelRequest
from stm32_emitter.operators.nearest import is_nearest
from stm32_emitter.tir.builder import KernelBuilder, address

LARGEST_SHIFT = 22
"""With which the zero point still fits 32 bits beside the sum."""


def short_scaling(request: KernelRequest) -> tuple[NDArray[np.int32], NDArray[np.int8]] | None:
    """(multipliers, shifts) with which the short form of the requantization is exact, or None.

    The short form takes the high word of (2 * sum) * multiplier and a right shift of 1 or more, and rounds twice.
    Channels whose results are all 0 before the zero point get the multiplier 0.
    """
    if is_nearest(request):
        return None
    weights, bias, multipliers, shifts = (request.constant(i) for i in range(1, 5))
    reach = channel_reach(weights, bias)
    right = -shifts.astype(np.int64)
    vanishing = (multipliers == 0) | ((right >= 1) & (2 * reach < 1 << np.maximum(right, 1)))
    right = np.where(vanishing, 1, right)
    if right.min() < 1 or right.max() > LARGEST_SHIFT or reach.max() >= 1 << 29:
        return None
    return np.where(vanishing, 0, multipliers).astype(np.int32), (-right).astype(np.int8)


def clamp(k: KernelBuilder, request: KernelRequest, y: tirx.Buffer) -> None:
    """Bounds of the activation, unless they are those of int8."""
    low, high = request.integer("low"), request.integer("high")
    if (low, high) != (-128, 127):
        k.call("ai_k_clamp_s8", address(y, write=True), request.output.elements, low, high)


def channel_reach(weights: NDArray[np.int8], bias: NDArray[np.int32]) -> NDArray[np.int64]:
    """The largest magnitude of each channel's sum."""
    taps = np.abs(weights.reshape(len(bias), -1).astype(np.int64))
    reach: NDArray[np.int64] = np.abs(bias.astype(np.int64)) + 255 * taps.sum(axis=1)
    return reach


def channel_groups(channels: int, most: int) -> list[tuple[int, int, int]]:
    """(first channel, channels of a group, how many groups) that cover all channels without touching one twice.

    Args:
        channels: of the layer.
        most: channels of a group, where there are enough left; else 2 or 1.
    """
    found, first = [], 0
    for lanes in dict.fromkeys((most, min(most, 2), 1)):
        count = (channels - first) // lanes
        if count:
            found.append((first, lanes, count))
            first += count * lanes
    return found
