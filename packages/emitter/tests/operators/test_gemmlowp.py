# SPDX-License-Identifier: Apache-2.0
"""The integer arithmetic of tables, against its definitions in exact rational numbers."""

from __future__ import annotations

import math
from fractions import Fraction

import numpy as np
from hypothesis import given
from hypothesis import strategies as st
from stm32_emitter.operators.gemmlowp import (
    INT32_MAX,
    INT32_MIN,
    exp_on_negative,
    mul_high,
    requantize,
    round_shift,
    wrap32,
)

int32 = st.integers(INT32_MIN, INT32_MAX)
positive = st.integers(1, INT32_MAX)


@given(int32, st.integers(-(2**31) + 1, INT32_MAX))
def test_mul_high_is_the_rounded_product(a: int, b: int) -> None:
    assert int(mul_high(a, b)) == math.floor(Fraction(a * b, 2**31) + Fraction(1, 2))


def test_mul_high_saturates_where_the_product_does_not_fit() -> None:
    assert int(mul_high(INT32_MIN, INT32_MIN)) == INT32_MAX


@given(int32, st.integers(0, 31))
def test_round_shift_rounds_halves_away_from_zero(value: int, bits: int) -> None:
    magnitude = math.floor(Fraction(abs(value), 2**bits) + Fraction(1, 2))
    assert int(round_shift(value, bits)) == (magnitude if value >= 0 else -magnitude)


@given(st.integers(-(2**63) // 4, 2**61))
def test_wrap32_is_a_cast(value: int) -> None:
    assert int(wrap32(value)) == int(np.asarray(value, np.int64).astype(np.int32))


@given(st.integers(-(2**20), 2**20), st.integers(2**30, INT32_MAX), st.integers(-20, 8))
def test_requantize_is_within_one_of_the_real_product(value: int, multiplier: int, shift: int) -> None:
    real = Fraction(value * multiplier, 1) * Fraction(2) ** (shift - 31)
    assert abs(int(requantize(value, multiplier, shift)) - real) <= 1


@given(st.integers(-(2**31) + 1, 0))
def test_exp_is_as_close_as_its_format_allows(value: int) -> None:
    exact = math.exp(value / 2**26)
    assert abs(int(exp_on_negative(value)) / 2**31 - exact) < 2e-6


def test_exp_of_zero_is_the_largest_number() -> None:
    assert int(exp_on_negative(0)) == INT32_MAX
