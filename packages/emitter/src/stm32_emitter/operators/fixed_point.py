# SPDX-License-Identifier: Apache-2.0
"""Fixed-point arithmetic of the TFLite reference kernels, computed at compile time.

A real multiplier m is represented as ``multiplier * 2**(shift - 31)`` with 2**30 <= multiplier < 2**31
(TFLite: ``QuantizeMultiplier`` in kernels/internal/quantization_util).
"""

from __future__ import annotations

import math

import numpy as np
from numpy.typing import NDArray

from stm32_emitter.errors import ModelRefused


def quantize_multiplier(real: float) -> tuple[int, int]:
    """(multiplier, shift) of a real multiplier >= 0; (0, 0) for one that is too small to matter.

    Raises:
        ModelRefused: the multiplier is 2**30 or more, negative or not a number.
    """
    if not math.isfinite(real) or real < 0 or real >= 2.0**30:
        raise ModelRefused(f"its scales give the multiplier {real}, which has no fixed-point form")
    if real == 0.0:
        return 0, 0
    mantissa, shift = math.frexp(real)
    multiplier = _round_half_away(mantissa * (1 << 31))
    if multiplier == 1 << 31:
        multiplier //= 2
        shift += 1
    if shift < -31:
        return 0, 0
    return multiplier, shift


def quantize_multipliers(reals: NDArray[np.float64]) -> tuple[NDArray[np.int32], NDArray[np.int8]]:
    """(multipliers int32[n], shifts int8[n]) of real multipliers float64[n]."""
    pairs = [quantize_multiplier(float(real)) for real in reals]
    return np.array([p[0] for p in pairs], np.int32), np.array([p[1] for p in pairs], np.int8)


def _round_half_away(value: float) -> int:
    """Rounds as C's round(): halves away from zero."""
    return math.floor(value + 0.5) if value >= 0 else math.ceil(value - 0.5)


def quantize_value(real: float, scale: float, zero_point: int) -> int:
    """zero_point + round(real / scale), computed in float32 as the reference does, not clamped."""
    return zero_point + _round_half_away(float(np.float32(real) / np.float32(scale)))


def activation_range(
    dtype: str, scale: float, zero_point: int, low: float | None, high: float | None
) -> tuple[int, int]:
    """Bounds of a fused activation as integers of the output's type."""
    info = np.iinfo(dtype)
    bottom = int(info.min) if low is None else max(int(info.min), quantize_value(low, scale, zero_point))
    top = int(info.max) if high is None else min(int(info.max), quantize_value(high, scale, zero_point))
    return bottom, top
