# SPDX-License-Identifier: Apache-2.0
"""The linear scaling of convolution sums against the reference's two roundings, for every sum of random channels."""

import numpy as np
from stm32_emitter.operators.d8_scaling import SHIFT, Scaling, linear_scaling
from stm32_emitter.operators.gemmlowp import requantize

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


def test_negative_results_and_small_shifts_have_none():
    rng = np.random.default_rng(SEED)
    reach, scaling = _layer(rng, 0, -128)
    assert linear_scaling(reach, scaling) is None
    reach, scaling = _layer(rng, -128, -128)
    scaling.right[5] = 5
    assert linear_scaling(reach, scaling) is None
