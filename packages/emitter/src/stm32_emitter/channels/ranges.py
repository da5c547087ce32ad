# SPDX-License-Identifier: Apache-2.0
"""Least and greatest value of each channel: a channel whose both are equal is constant.

Bounds go through the reference arithmetic itself (:mod:`stm32_emitter.operators.gemmlowp`): every step is monotone in
the accumulator, so the bounds of the result are the results of the bounds, and a constant channel's value is exact.
Where 32-bit arithmetic could wrap, nothing is known of the result.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from stm32_emitter.operators.gemmlowp import INT32_MAX, INT32_MIN, Ints, ints, requantize, requantize_once, wrap32
from stm32_emitter.operators.nearest import requantize_nearest

Mask = NDArray[np.bool_]
"""One bool per channel."""
_SURE = 1 << 30
"""A result beyond it could overflow when the zero point is added."""


@dataclass(frozen=True)
class Range:
    """``low`` and ``high`` are int64 [C], low <= high."""

    low: Ints
    high: Ints

    @property
    def constant(self) -> Mask:
        """Which channels have one value only; it is ``low``."""
        return np.asarray(self.low == self.high)

    def __add__(self, other: Any) -> Range:
        """Plus a number, or one per channel."""
        return Range(self.low + other, self.high + other)

    def hull(self, other: Range) -> Range:
        """The least range that holds both."""
        return Range(np.minimum(self.low, other.low), np.maximum(self.high, other.high))

    def clipped(self, low: int, high: int) -> Range:
        """After a clamp."""
        return Range(np.clip(self.low, low, high), np.clip(self.high, low, high))

    def taken(self, index: Any) -> Range:
        """The channels ``index``, an index or mask array of numpy."""
        return Range(self.low[index], self.high[index])

    def broadcast(self, channels: int) -> Range:
        """One channel that is repeated; any other number must be ``channels`` already."""
        return Range(np.broadcast_to(self.low, (channels,)), np.broadcast_to(self.high, (channels,)))


def full(dtype: str, channels: int) -> Range:
    """Nothing is known but the type."""
    info = np.iinfo(dtype)
    return Range(np.full(channels, info.min, np.int64), np.full(channels, info.max, np.int64))


def range_of(value: NDArray[Any]) -> Range:
    """Of a constant tensor, by its last axis; a scalar has one channel."""
    flat = ints(value).reshape(-1, value.shape[-1] if value.ndim else 1)
    return Range(flat.min(axis=0), flat.max(axis=0))


def accumulated(total: Range) -> Range:
    """A sum that is held in 32 bits: one that has several values and can wrap has any value."""
    wraps = (total.low < INT32_MIN) | (total.high > INT32_MAX)
    return _unknown(Range(wrap32(total.low), wrap32(total.high)), wraps & ~total.constant)


def requantized(total: Range, multiplier: Any, shift: Any) -> Range:
    """Through ai_k_requantize; multiplier >= 0 and shift are one number or one per channel."""
    left = np.maximum(ints(shift), 0)
    wraps = (total.low < (INT32_MIN >> left)) | (total.high > (INT32_MAX >> left))
    result = Range(requantize(total.low, multiplier, shift), requantize(total.high, multiplier, shift))
    return _sure(_unknown(result, wraps & ~total.constant))


def requantized_once(total: Range, multiplier: Any, shift: Any) -> Range:
    """Through ai_k_requantize_once."""
    result = Range(requantize_once(total.low, multiplier, shift), requantize_once(total.high, multiplier, shift))
    return _sure(result)


def requantized_nearest(total: Range, multiplier: Any, shift: Any) -> Range:
    """Through ai_k_scale_nearest."""
    result = Range(requantize_nearest(total.low, multiplier, shift), requantize_nearest(total.high, multiplier, shift))
    return _sure(result)


def _sure(result: Range) -> Range:
    return _unknown(result, (result.low < -_SURE) | (result.high > _SURE))


def _unknown(result: Range, where: Mask) -> Range:
    return Range(np.where(where, INT32_MIN, result.low), np.where(where, INT32_MAX, result.high))
