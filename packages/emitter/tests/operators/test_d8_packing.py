# SPDX-License-Identifier: Apache-2.0
"""Weights packed two to a halfword: the kernels' arithmetic on them is the plain product, and its limits are kept."""

import numpy as np
import pytest
from stm32_emitter.operators.d8 import (
    halfword_pairs,
    mixed_bias,
    overlapping_groups,
    position_order,
    shift_word,
    steps_of,
    sums_are_exact,
)


def _halves(words):
    raw = words.view(np.uint32).astype(np.int64)
    signed = [((part & 0xFFFF) ^ 0x8000) - 0x8000 for part in (raw, raw >> 16)]
    return np.stack(signed, axis=-1).reshape(*words.shape[:-1], -1)


@pytest.mark.parametrize("count", [1, 2, 3, 4, 5, 6, 7, 9, 16])
@pytest.mark.parametrize("rows", [1, 3])
def test_every_value_has_one_position(count, rows):
    order = position_order(count, rows)
    assert len(order) == 2 * rows * steps_of(count)
    assert sorted(order[order >= 0]) == list(range(count * rows))


def test_both_sums_come_out_of_the_mixed_one():
    random = np.random.default_rng(20260102)
    weights = random.integers(-127, 128, (4, 27)).astype(np.int8)
    bias = random.integers(-5000, 5000, 4).astype(np.int32)
    values = random.integers(-128, 128, 27)
    order = position_order(9, 3)
    lanes = _halves(halfword_pairs(weights, order))
    columns = np.append(values, 99)[order]
    mixed, even = (start.astype(np.int64) for start in mixed_bias(bias))
    low = ((lanes & 0xFF) ^ 0x80) - 0x80
    sums0 = even + low @ columns
    sums1 = (((mixed + lanes @ columns - sums0 + 2**31) % 2**32) - 2**31) >> 8
    expected = bias + weights.astype(np.int64) @ values
    np.testing.assert_array_equal(np.stack([sums0, sums1], axis=1).ravel(), expected)


def test_limits_of_exactness():
    row = np.full((2, 516), 127, np.int8)
    bias = np.zeros(2, np.int32)
    assert sums_are_exact(row, bias)
    assert not sums_are_exact(row, bias + (1 << 23) - 516 * 127 * 128)
    assert sums_are_exact(np.array([[5], [-128]], np.int8), bias)
    assert not sums_are_exact(np.array([[-5], [-128]], np.int8), bias)


def test_groups_cover_all_rows():
    assert overlapping_groups(8, 4) == [0, 4]
    assert overlapping_groups(10, 4) == [0, 4, 6]
    assert overlapping_groups(5, 4) == [0, 1]


def test_shifts_share_a_word():
    assert shift_word(np.array([1, 2, 3, 22])).tolist() == [0x16030201]
