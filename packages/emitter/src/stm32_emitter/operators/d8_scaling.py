# SPDX-License-Identifier: Apache-2.0
"""Linear scaling of convolution sums (ai_k_conv_d8.h): one multiplication, one offset, one shift for all channels.

The reference rounds twice, then adds the zero point and clamps. Both that and the linear form never decrease as the sum
grows, so they are equal if each output value begins at the same sum. There are at most 255 such thresholds; they bound
the offset from both sides, and an offset between the bounds is exact. Where results above the lower bound of the
activation are positive before the zero point is added, so that halves go upwards, both roundings are one floor with
both halves added: floor((floor(p + 1/2) + 2**(s-1)) / 2**s) = floor((p + 1/2 + 2**(s-1)) / 2**s). With p scaled by
2**(7-k), k = s - 6, only the k lowest bits of the multiplier get lost, and there nearly always is an offset.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from stm32_emitter.operators.gemmlowp import requantize

Ints = NDArray[np.int64]

SHIFT = 13
"""AI_K_D8_SHIFT."""
_FACTOR = 256
"""Sums are scaled by it before they are multiplied."""
_MOST_BITS = 9
"""Bits that a multiplier may lose."""


@dataclass(frozen=True)
class Scaling:
    """How the reference scales: byte = clip(zero_point + requantize(sum), low, high); the sums start with the bias."""

    bias: NDArray[np.int32]
    multipliers: Ints
    right: Ints
    zero_point: int
    low: int
    high: int


@dataclass(frozen=True)
class Linear:
    """Of each channel, int [channels]; ``offsets`` are 0 to 255."""

    bias: NDArray[np.int32]
    multipliers: Ints
    offsets: Ints


def linear_scaling(reach: Ints, scaling: Scaling) -> Linear | None:
    """The linear form, or None where a channel has none; exact once it is clipped to ``low`` and ``high``.

    Args:
        reach: [channels], largest magnitude of a sum without its bias; 0 where it is constant.
        scaling: of the same channels; sums with their bias are below 2**23.
    """
    low, high = max(scaling.low, -128), min(scaling.high, 127)
    if low < scaling.zero_point:
        return None
    constant, bits = (reach == 0) | (scaling.multipliers == 0), scaling.right - (SHIFT - 7)
    if bool((bits < 0)[~constant].any() or (bits > _MOST_BITS)[~constant].any()):
        return None
    values = np.arange(low + 1, high + 1, dtype=np.int64)
    first = _thresholds(values, scaling)
    bits = np.clip(bits, 0, _MOST_BITS)
    nearest = (scaling.multipliers + (1 << bits >> 1)) >> bits
    multipliers, offsets = np.zeros_like(nearest), np.full_like(nearest, -1)
    for more in (0, -1, 1):
        found = _offsets(nearest + more, first, reach, values, scaling)
        take = (offsets < 0) & (found >= 0)
        multipliers, offsets = np.where(take, nearest + more, multipliers), np.where(take, found, offsets)
    # A constant: 256 * (v << 7) * 2**30 / 2**32 = v << 13.
    level = [np.clip(requantize(b, int(m), -int(r)), low - scaling.zero_point, high - scaling.zero_point)
             for b, m, r in zip(scaling.bias, scaling.multipliers, scaling.right, strict=True)]  # fmt: skip
    bias = np.where(constant, np.array(level, np.int64) << 7, scaling.bias)
    offsets = np.where(constant, 0, offsets)
    multipliers = np.where(constant, np.where(reach == 0, 1 << 30, 0), multipliers)
    exact = bool((offsets >= 0).all()) and bool((np.abs(bias) < 1 << 23).all())
    return Linear(bias.astype(np.int32), multipliers, offsets) if exact else None


def _thresholds(values: Ints, scaling: Scaling) -> Ints:
    """Smallest sums whose byte is at least ``values``, which are above the zero point; [channels, values]."""
    right, multipliers = scaling.right[:, None], np.maximum(scaling.multipliers, 1)[:, None]
    # round(sum * m / 2**31) >= level, halves upwards
    level = ((values - scaling.zero_point)[None, :] << right) - (1 << right >> 1)
    return -(-((2 * level - 1) << 30) // multipliers)


def _offsets(multipliers: Ints, first: Ints, reach: Ints, values: Ints, scaling: Scaling) -> Ints:
    """Offsets of 0 to 255 that are exact with these multipliers, -1 where there is none."""
    goal = ((values - scaling.zero_point) << SHIFT) - (1 << SHIFT - 1)
    lowest, highest = (scaling.bias.astype(np.int64)[:, None] + sign * reach[:, None] for sign in (-1, 1))

    def product(sums: Ints) -> Ints:
        return _FACTOR * sums * multipliers[:, None] >> 32

    sums = np.clip(first, lowest, highest + 1)
    lower = np.where(sums <= highest, goal - product(sums), 0).max(axis=1, initial=0)
    upper = np.where(sums > lowest, goal - 1 - product(sums - 1), 255).min(axis=1, initial=255)
    return np.where(lower <= upper, (lower + upper) >> 1, -1)
