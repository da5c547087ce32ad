# SPDX-License-Identifier: Apache-2.0
"""The linear scaling of convolution sums against the reference's two roundings, for every sum of random channels."""

import numpy as np
from stm32_emitter.operators.d8_scaling import SHIFT, Scaling, linear_scaling
from stm32_emitter.operators.fixed_point import quantize_multipliers
from stm32_emitter.operators.gemmlowp import requantize
from stm32_emitter.operators.nearest import real_scales, rounded, single_product

SEED = 20261127
CHANNELS = 24


def _bytes(linear, row, sums, zero_point):
    """What the micro-kernels compute (ai_k_conv_d8.h); sums hold the linear form's bias."""
    product = 256 * sums * int(linear.multipliers[row]) >> 32
    return np.clip((product + (zero_point << SHIFT) + (1 << SHIFT - 1) + int(linear.offsets[row])) >> SHIFT, -128, 127)


def _layer(rng, zero_point, low):
    right = rng.integers(6, 10, CHANNELS).astype(np.int64)
    multipliers = rng.integers(1 << 30, 1 << 31, CHANNELS, dtype=np.int64)
    reach = rng.integers(100, 20000, CHANNELS)
    reach[0], multipliers[1] = 0, 0
    bias = rng.integers(-20000, 20000, CHANNELS).astype(np.int32)
    return reach, Scaling(bias, multipliers, right, zero_point, low, 127)


def test_every_sum_gives_the_byte_of_the_reference():
    rng, checked = np.random.default_rng(SEED), 0
    for _ in range(6):
        zero_point = int(rng.choice([-128, -5]))
        reach, scaling = _layer(rng, zero_point, zero_point)
        linear = linear_scaling(reach, scaling)
        if linear is None:
            continue
        assert linear.offsets.min() >= 0
        assert linear.offsets.max() <= 255
        for row in range(CHANNELS):
            sums = np.arange(-reach[row], reach[row] + 1)
            m, s = int(scaling.multipliers[row]), -int(scaling.right[row])
            expected = requantize(sums + int(scaling.bias[row]), m, s) + zero_point
            got = _bytes(linear, row, sums + int(linear.bias[row]), zero_point)
            assert np.array_equal(np.clip(got, zero_point, 127), np.clip(expected, zero_point, 127)), (SEED, row)
            checked += len(sums)
    assert checked > 500_000


def _nearest_layer(rng, least, most):
    """A layer that is rounded once, with scales of float32 from 2**least to 2**most."""
    scales = np.exp2(rng.uniform(least, most, CHANNELS)).astype(np.float32)
    multipliers, shifts = quantize_multipliers(scales.astype(np.float64))
    reach = (400 / scales).astype(np.int64)
    bias = rng.integers(-20000, 20000, CHANNELS).astype(np.int32)
    return reach, scales, Scaling(bias, multipliers.astype(np.int64), -shifts.astype(np.int64), 7, -128, 127, True)


def test_what_is_rounded_once_differs_by_one_for_as_many_sums_as_are_told():
    """Results of either sign; the product in float32 that is a tie cannot always be met."""
    rng, apart, checked = np.random.default_rng(SEED), 0, 0
    for least, most in ((-8, -7), (-12, -10)):
        reach, scales, scaling = _nearest_layer(rng, least, most)
        assert np.array_equal(real_scales(scaling.multipliers, -scaling.right), scales), "nothing is lost"
        linear = linear_scaling(reach, scaling)
        for row in range(CHANNELS):
            sums = np.arange(-reach[row], reach[row] + 1) + int(scaling.bias[row])
            expected = np.clip(rounded(sums, scales[row]) + scaling.zero_point, -128, 127)
            wrong = _bytes(linear, row, sums, scaling.zero_point) - expected
            assert np.abs(wrong).max() <= 1, (SEED, row)
            assert linear.apart[row] <= np.count_nonzero(wrong) <= 8 * linear.apart[row], (SEED, row)
            apart, checked = apart + np.count_nonzero(wrong), checked + len(sums)
    assert 0 < apart < 1e-5 * checked


def test_means_are_single_products_where_every_sum_is_rounded_alike():
    rng, found = np.random.default_rng(SEED), 0
    for count in (4, 49, 196):
        for scale in (np.exp(rng.uniform(-0.7, 0.7, 8)) / count).astype(np.float32):
            form = single_product(scale, 255 * count)
            sums = np.arange(-255 * count, 255 * count + 1)
            if form is not None:
                found_here, wanted = requantize(sums, *form), rounded(sums, np.full(1, scale))
                assert np.array_equal(np.clip(found_here, -256, 256), np.clip(wanted, -256, 256)), (SEED, count, scale)
                found += 1
    assert found > 15


def test_negative_results_and_small_shifts_have_none():
    rng = np.random.default_rng(SEED)
    reach, scaling = _layer(rng, 0, -128)
    assert linear_scaling(reach, scaling) is None
    reach, scaling = _layer(rng, -128, -128)
    scaling.right[5] = 5
    assert linear_scaling(reach, scaling) is None
