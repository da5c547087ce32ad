# SPDX-License-Identifier: Apache-2.0
"""The integer arithmetic of the TFLite reference kernels on numpy arrays, for tables that are made at compile time.

Values are int64 arrays that hold int32 numbers; what overflows 32 bits wraps, as on the machine. The names of the
gemmlowp functions stand behind each one. ``Qm.n`` is a fixed-point format with m integer bits and n fractional bits.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

Ints = NDArray[np.int64]

INT32_MAX = 2**31 - 1
INT32_MIN = -(2**31)


def ints(values: Any) -> Ints:
    """``values`` as int64."""
    return np.asarray(values, np.int64)


def wrap32(values: Any) -> Ints:
    """``values`` modulo 2**32, as signed numbers."""
    return ints((ints(values) - INT32_MIN) % 2**32 + INT32_MIN)


def mul_high(a: Any, b: Any) -> Ints:
    """round(a * b / 2**31), halves upwards, saturating (SaturatingRoundingDoublingHighMul)."""
    return ints(np.minimum((ints(a) * ints(b) + (1 << 30)) >> 31, INT32_MAX))


def round_shift(values: Any, bits: Any) -> Ints:
    """round(value / 2**bits), halves away from zero (RoundingDivideByPOT)."""
    values, mask = ints(values), (1 << ints(bits)) - 1
    return ints((values >> bits) + ((values & mask) > (mask >> 1) + (values < 0)))


def requantize(values: Any, multiplier: Any, shift: Any) -> Ints:
    """value * multiplier * 2**(shift - 31), rounded twice (MultiplyByQuantizedMultiplier).

    Multiplier and shift are numbers, or arrays that broadcast with the values.
    """
    shift = ints(shift)
    return round_shift(mul_high(wrap32(ints(values) << np.maximum(shift, 0)), multiplier), np.maximum(-shift, 0))


def requantize_once(values: Any, multiplier: Any, shift: Any) -> Ints:
    """value * multiplier * 2**(shift - 31), rounded once, halves away from zero (``ai_k_requantize_once``)."""
    values, total = ints(values), 31 - ints(shift)
    return ints((values * ints(multiplier) + (1 << (total - 1)) - (values < 0)) >> total)


def _saturated(values: Any) -> Ints:
    return np.clip(ints(values), INT32_MIN, INT32_MAX)


_EXP_STEPS = (
    (24, 1672461947),
    (25, 1302514674),
    (26, 790015084),
    (27, 290630308),
    (28, 39332535),
    (29, 720401),
    (30, 242),
)
"""(bit of the Q5.26 argument, exp(-2**(bit - 26)) in Q0.31)."""


def exp_on_negative(values: Any) -> Ints:
    """exp(value) of values <= 0 in Q5.26, as Q0.31 (exp_on_negative_values)."""
    values = ints(values)
    quarter = 1 << 24
    reduced = (values & (quarter - 1)) - quarter
    result, rest = _exp_above_minus_quarter(_saturated(reduced << 5)), reduced - values
    for bit, factor in _EXP_STEPS:
        result = np.where(rest & (1 << bit), mul_high(result, factor), result)
    return np.where(values == 0, INT32_MAX, result)


def _exp_above_minus_quarter(values: Ints) -> Ints:
    """exp(value), -1/4 <= value < 0, Q0.31: a Taylor polynomial of order 4 around -1/8."""
    x = values + (1 << 28)
    x2 = mul_high(x, x)
    x3, x4 = mul_high(x2, x), mul_high(x2, x2)
    third = 715827883
    tail = round_shift(mul_high(round_shift(x4, 2) + x3, third) + x2, 1)
    minus_eighth = 1895147668
    return _saturated(minus_eighth + mul_high(minus_eighth, x + tail))


def inverse_square_root(value: int) -> tuple[int, int]:
    """(multiplier, shift) with multiplier * 2**(shift - 31) = 1 / sqrt(value) (GetInvSqrtQuantizedMultiplierExp).

    ``value`` > 0 is brought to [2**27, 2**29) by an even number of bits; five Newton steps x = 1.5 x - 0.5 value x**3
    in Q3.28 follow, and a product with sqrt(1/2).
    """
    if value <= 1:
        return INT32_MAX, 0
    right = 11
    while value >= 1 << 29:
        value, right = value // 4, right + 1
    pairs = (31 - value.bit_length()) // 2 - 1
    right, value = right - pairs, value << (2 * pairs)
    half, x = ints(round_shift(value >> 1, 1)), ints(1 << 28)
    for _ in range(5):
        cube = _saturated(mul_high(mul_high(x, x), x) << 6)
        x = _saturated((mul_high((1 << 28) + (1 << 27), x) - mul_high(half, cube)) << 3)
    root = int(mul_high(x, 1518500250))
    return (root << -right, 0) if right < 0 else (root, -right)


def reciprocal(value: int) -> tuple[int, int]:
    """(inverse, bits) with inverse * 2**-(31 + bits) = 1 / value, value > 0 (GetReciprocal).

    value * 2**-bits is 1 + x with x in [0, 1); 1 / (1 + x) by three Newton steps (one_over_one_plus_x_for_x_in_0_1).
    """
    bits = value.bit_length() - 1
    half = ints((1 << 30) + (((value << (31 - bits)) - (1 << 31)) >> 1))
    x = wrap32(1515870810 + mul_high(half, -1010580540))  # 48/17 and -32/17 in Q2.29
    for _ in range(3):
        error = (1 << 29) - mul_high(half, x)
        x = wrap32(x + _saturated(mul_high(x, error) << 2))
    return int(_saturated(x << 1)), bits
