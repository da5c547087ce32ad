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


def round_half_away(values: NDArray[np.float64]) -> NDArray[np.float64]:
    """C's round() of each element."""
    whole = np.trunc(values)
    return np.asarray(whole + np.sign(values) * (np.abs(values - whole) >= 0.5))


def single_rounding_multiplier(real: float, bound: int) -> tuple[int, int]:
    """(multiplier, shift) with which ``ai_k_requantize_once`` equals round(acc * real) in double precision.

    The reference rounds a double product. Both are monotone in acc, so it is enough to compare them on both sides of
    every step of the result between -512 and 512; results beyond are clamped anyway.

    Args:
        real: the real multiplier.
        bound: largest magnitude of the accumulator.

    Raises:
        ModelRefused: no 31-bit multiplier is exact up to ``bound``.
    """
    multiplier, shift = quantize_multiplier(real)
    if multiplier == 0:
        return 0, 0
    steps = _step_positions(real, bound)
    wanted = round_half_away(steps.astype(np.float64) * real)
    for delta in (0, 1, -1, 2, -2):
        candidate = multiplier + delta
        if candidate < 1 << 31 and np.array_equal(_rounded_once(steps, candidate, shift), wanted):
            return candidate, shift
    raise ModelRefused(
        f"its accumulator (up to {bound}) times {real} has no exact 31-bit fixed-point form",
        hint="This is a limit of exactness, not of the model: please report the layer's scales.",
    )


def _step_positions(real: float, bound: int) -> NDArray[np.int64]:
    """Accumulators next to every step of round(acc * real) with a result between -512 and 512."""
    edges = (np.arange(-512, 513) - 0.5) / real
    centre = np.clip(edges, -bound, bound).astype(np.int64)
    around = centre[:, None] + np.arange(-2, 3)
    return np.unique(np.clip(around, -bound, bound))


def _rounded_once(acc: NDArray[np.int64], multiplier: int, shift: int) -> NDArray[np.float64]:
    """``ai_k_requantize_once``; products stay below 2**62, so 64-bit integers are exact."""
    total = 31 - shift
    half = np.int64(1 << (total - 1))
    return ((acc * np.int64(multiplier) + half - (acc < 0)) >> total).astype(np.float64)
