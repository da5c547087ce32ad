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

from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from stm32_emitter.operators.gemmlowp import requantize
from stm32_emitter.operators.nearest import first_sums, real_scales, requantize_nearest

Ints = NDArray[np.int64]

SHIFT = 13
"""AI_K_D8_SHIFT."""
_FACTOR = 256
"""Sums are scaled by it before they are multiplied."""
_MOST_BITS = 9
"""Bits that a multiplier may lose."""


@dataclass(frozen=True)
class Scaling:
    """How the original scales: byte = clip(zero_point + requantize(sum), low, high); the sums start with the bias.

    ``nearest``: rounded once, as ONNX does; else twice.
    """

    bias: NDArray[np.int32]
    multipliers: Ints
    right: Ints
    zero_point: int
    low: int
    high: int
    nearest: bool = False

    def level(self) -> Ints:
        """What the biases alone give, limited, less the zero point; int64 [channels]."""
        rescale = requantize_nearest if self.nearest else requantize
        values = rescale(self.bias, self.multipliers, -self.right)
        return np.clip(values, self.low - self.zero_point, self.high - self.zero_point)


@dataclass(frozen=True)
class Linear:
    """Of each channel, int [channels]; ``offsets`` are 0 to 255, ``apart`` how many sums give another byte."""

    bias: NDArray[np.int32]
    multipliers: Ints
    offsets: Ints
    apart: Ints


def linear_scaling(reach: Ints, scaling: Scaling) -> Linear | None:
    """The linear form, or None where a channel has none; exact once it is clipped to ``low`` and ``high``.

    Of layers that are rounded once it is the nearest one that there is.

    Args:
        reach: [channels], largest magnitude of a sum without its bias; 0 where it is constant.
        scaling: of the same channels; sums with their bias are below 2**23.
    """
    low, high = max(scaling.low, -128), min(scaling.high, 127)
    if low < scaling.zero_point and not scaling.nearest:
        return None
    constant, bits = (reach == 0) | (scaling.multipliers == 0), scaling.right - (SHIFT - 7)
    if bool((bits < 0)[~constant].any() or (bits > _MOST_BITS)[~constant].any()):
        return None
    values = np.arange(low + 1, high + 1, dtype=np.int64)
    multipliers, offsets, apart = _best(_Thresholds(_thresholds(values, scaling), reach, values, scaling), bits)
    # A constant: 256 * (v << 7) * 2**30 / 2**32 = v << 13.
    bias = np.where(constant, scaling.level() << 7, scaling.bias)
    offsets, apart = np.where(constant, 0, offsets), np.where(constant, 0, apart)
    multipliers = np.where(constant, np.where(reach == 0, 1 << 30, 0), multipliers)
    exact = bool((apart == 0).all()) or scaling.nearest
    small = bool((np.abs(bias) < 1 << 23).all()) and bool((multipliers < 1 << 31).all())
    return Linear(bias.astype(np.int32), multipliers, offsets, apart) if exact and small else None


_CHANGES = (0, -1, 1, *(sign * more for more in (2, 3, 4, 6, 8, 11, 15, 20) for sign in (-1, 1)))
"""Of a multiplier; more of them where ties may contradict each other."""


def _best(thresholds: _Thresholds, bits: Ints) -> tuple[Ints, Ints, Ints]:
    """(multipliers, offsets, sums that give another byte) of each channel; bits: that a multiplier loses."""
    bits = np.clip(bits, 0, _MOST_BITS)
    nearest = (thresholds.scaling.multipliers + (1 << bits >> 1)) >> bits
    multipliers = np.zeros_like(nearest)
    offsets, apart = np.full_like(nearest, -1), np.full_like(nearest, len(thresholds.values) + 1)
    for more in _CHANGES if thresholds.scaling.nearest else _CHANGES[:3]:
        left = np.flatnonzero(apart)
        if not left.size:
            break
        found, count = thresholds.taken(left).offsets(nearest[left] + more)
        better = count < apart[left]
        chosen = left[better]
        multipliers[chosen], offsets[chosen] = nearest[chosen] + more, found[better]
        apart[chosen] = count[better]
    return multipliers, offsets, apart


def _thresholds(values: Ints, scaling: Scaling) -> Ints:
    """Smallest sums whose byte is at least ``values``; [channels, values].

    Where the reference rounds twice, values are above the zero point.
    """
    right, multipliers = scaling.right[:, None], np.maximum(scaling.multipliers, 1)[:, None]
    if scaling.nearest:
        return first_sums(values - scaling.zero_point, real_scales(multipliers[:, 0], -scaling.right))
    # round(sum * m / 2**31) >= level, halves upwards
    level = ((values - scaling.zero_point)[None, :] << right) - (1 << right >> 1)
    return -(-((2 * level - 1) << 30) // multipliers)


_TRIED = 16
"""Offsets between the bounds that contradict each other."""


@dataclass(frozen=True)
class _Thresholds:
    """Where the bytes of channels change: ``first`` [channels, values], the smallest sums of ``values``."""

    first: Ints
    reach: Ints
    values: Ints
    scaling: Scaling

    def taken(self, rows: NDArray[np.intp]) -> _Thresholds:
        """Of some channels."""
        s = self.scaling
        part = replace(s, bias=s.bias[rows], multipliers=s.multipliers[rows], right=s.right[rows])
        return _Thresholds(self.first[rows], self.reach[rows], self.values, part)

    def offsets(self, multipliers: Ints) -> tuple[Ints, Ints]:
        """(offsets of 0 to 255, thresholds that they miss) with these multipliers."""
        lower, upper = self._bounds(multipliers)
        least, most = lower.max(axis=1, initial=0), upper.min(axis=1, initial=255)
        offsets = np.clip((least + most) >> 1, 0, 255)
        missed = np.where(least <= most, 0, len(self.values) + 1)
        if not self.scaling.nearest or not missed.any():
            return offsets, missed
        for step in range(_TRIED + 1):
            tried = np.clip(np.minimum(least, most) + (np.abs(least - most) * step) // _TRIED, 0, 255)
            count = (lower > tried[:, None]).sum(axis=1) + (upper < tried[:, None]).sum(axis=1)
            offsets, missed = np.where(count < missed, tried, offsets), np.minimum(missed, count)
        return offsets, missed

    def _bounds(self, multipliers: Ints) -> tuple[Ints, Ints]:
        """Least and greatest offset that each threshold allows; [channels, values]."""
        zero_point, bias = self.scaling.zero_point, self.scaling.bias.astype(np.int64)
        goal = ((self.values - zero_point) << SHIFT) - (1 << SHIFT - 1)
        lowest, highest = (bias[:, None] + sign * self.reach[:, None] for sign in (-1, 1))

        def product(sums: Ints) -> Ints:
            return _FACTOR * sums * multipliers[:, None] >> 32

        sums = np.clip(self.first, lowest, highest + 1)
        lower = np.where(sums <= highest, goal - product(sums), 0)
        upper = np.where(sums > lowest, goal - 1 - product(sums - 1), 255)
        return lower, upper
