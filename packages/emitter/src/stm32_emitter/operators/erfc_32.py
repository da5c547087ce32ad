# SPDX-License-Identifier: Apache-2.0
"""erfc in float32 as the C library below the reference interpreter has it (see ``tanh_32.py``).

fdlibm's approximations: rational functions of x**2 below 0.84375 and of |x| - 1 below 1.25; from there on
<<<<<<< HEAD
erfc(x) = exp(-x**2) / x * exp(-0.5625 + a rational function of 1 / x**2). There x**2 is z**2 + (x - z)(x + z), z being
x without its last 13 bits, so that z**2 is exact. Each operation is rounded to float32; exp is correctly rounded, which
the library's is not for one value in 500.
=======
erfc(x) = exp(-x**2) / x * exp(-0.5625 + a rational function of 1 / x**2). There x**2 is z**2 + (x - z)(x + z), z
being x without its last 13 bits, so that z**2 is exact. Each operation is rounded to float32; exp is correctly rounded,
which the library's is not for one value in 500.
>>>>>>> main
"""

from __future__ import annotations

import numpy as np

from stm32_emitter.operators.tanh_32 import Floats, horner

_F = np.float32
_HALF, _ONE, _TWO = _F(0.5), _F(1), _F(2)
_FIRST, _SECOND, _THIRD, _LAST = _F(0.84375), _F(1.25), np.uint32(0x4036DB6D).view(np.float32), _F(28)
"""Where another approximation begins; from the last one on the result is 0 or 2."""
_QUARTER, _FLAT = _F(0.25), _F(-6)
"""Below the first, nothing is lost in 1 - erf(x); up to the second, the result is 2."""
_ERF_OF_ONE = _F(8.4506291151e-01)
_Coefficients = tuple[tuple[float, ...], tuple[float, ...]]
_NEAR_ZERO: _Coefficients = (
    (1.2837916613e-01, -3.2504209876e-01, -2.8481749818e-02, -5.7702702470e-03, -2.3763017452e-05),
    (1.0, 3.9791721106e-01, 6.5022252500e-02, 5.0813062117e-03, 1.3249473704e-04, -3.9602282413e-06),
)
"""Of numerator and denominator, lowest power first; so below."""
_NEAR_ONE: _Coefficients = (
    (
        -2.3621185683e-03, 4.1485610604e-01, -3.7220788002e-01, 3.1834661961e-01, -1.1089469492e-01, 3.5478305072e-02,
        -2.1663755178e-03,
    ),
    (
        1.0, 1.0642088205e-01, 5.4039794207e-01, 7.1828655899e-02, 1.2617121637e-01, 1.3637083583e-02,
        1.1984500103e-02,
    ),
)  # fmt: skip
_MIDDLE: _Coefficients = (
    (
        -9.8649440333e-03, -6.9385856390e-01, -1.0558626175e+01, -6.2375331879e+01, -1.6239666748e+02,
        -1.8460508728e+02, -8.1287437439e+01, -9.8143291473e+00,
    ),
    (
        1.0, 1.9651271820e+01, 1.3765776062e+02, 4.3456588745e+02, 6.4538726807e+02, 4.2900814819e+02,
        1.0863500214e+02, 6.5702495575e+00, -6.0424413532e-02,
    ),
)  # fmt: skip
_FAR: _Coefficients = (
    (
        -9.8649431020e-03, -7.9928326607e-01, -1.7757955551e+01, -1.6063638306e+02, -6.3756646729e+02,
        -1.0250950928e+03, -4.8351919556e+02,
    ),
    (
        1.0, 3.0338060379e+01, 3.2579251099e+02, 1.5367296143e+03, 3.1998581543e+03, 2.5530502930e+03,
        4.7452853394e+02, -2.2440952301e+01,
    ),
)  # fmt: skip


def erfc_32(values: Floats) -> Floats:
    """erfc of each value, float32; no value is NaN."""
    x = values.astype(np.float32)
    size = np.abs(x)
    ends = [(x <= _FLAT) | (x <= -_LAST), x >= _LAST, size < _FIRST, size < _SECOND]
    found = [np.full_like(x, _TWO), np.zeros_like(x), _near_zero(np.clip(x, -_ONE, _ONE)), _near_one(x)]
    return np.select(ends, found, _far(x, np.clip(size, _ONE, _LAST))).astype(np.float32)


def _rational(coefficients: _Coefficients, argument: Floats) -> Floats:
    above, below = (horner(part, argument) for part in coefficients)
    return (above / below).astype(np.float32)


def _near_zero(x: Floats) -> Floats:
    product = x * _rational(_NEAR_ZERO, x * x)
    return np.where(x < _QUARTER, _ONE - (x + product), _HALF - (product + (x - _HALF))).astype(np.float32)


def _near_one(x: Floats) -> Floats:
    rest = _rational(_NEAR_ONE, np.minimum(np.abs(x), _TWO) - _ONE)
    return np.where(x >= 0, (_ONE - _ERF_OF_ONE) - rest, _ONE + (_ERF_OF_ONE + rest)).astype(np.float32)


def _far(x: Floats, size: Floats) -> Floats:
    inverse = (_ONE / (size * size)).astype(np.float32)
    rest = np.where(size < _THIRD, _rational(_MIDDLE, inverse), _rational(_FAR, inverse)).astype(np.float32)
    short = (size.view(np.uint32) & np.uint32(0xFFFFE000)).view(np.float32)
    small = _exp(-short * short - _F(0.5625)) * _exp((short - size) * (short + size) + rest)
    return np.where(x > 0, small / size, _TWO - small / size).astype(np.float32)


def _exp(values: Floats) -> Floats:
    return np.exp(values.astype(np.float64)).astype(np.float32)
