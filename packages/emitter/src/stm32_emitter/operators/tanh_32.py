# SPDX-License-Identifier: Apache-2.0
"""tanh in float32 to the last bit of the C library below the reference interpreter.

The reference samples functions with ``tanhf`` when it prepares a table. That is not the nearest float32 in a third of
all arguments: C libraries use the algorithm of Sun's fdlibm (glibc up to 2.40 among them), every operation of which is
rounded to float32. So are all of these; Python's own functions would depend on the machine that compiles.

With t = exp(a) - 1: tanh(x) = 1 - 2 / (t + 2), a = 2|x|, from 1 on, and -t / (t + 2), a = -2|x|, below. exp(a) - 1 is
reduced to r = a - k ln 2 with |r| <= 0.5 ln 2, where a rational function of r**2 gives it.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float32]

_F = np.float32
_ONE, _TWO, _HALF = _F(1), _F(2), _F(0.5)
_LN2_HIGH, _LN2_LOW, _LN2_INVERSE = _F(6.9313812256e-01), _F(9.0580006145e-06), _F(1.4426950216)
"""ln 2 in two parts, of which the first times a small whole number is exact."""
_SMALL, _NEAR = _F(0.5 * np.log(2)), _F(1.5 * np.log(2))
"""Up to the first, k is 0; below the second, 1 or -1."""
_COEFFICIENTS = (1.0, -3.3333335072e-02, 1.5873016091e-03, -7.9365076090e-05, 4.0082177293e-06, -2.0109921195e-07)
_WHOLE = 23
"""From this k on the 1 that is taken away is below a unit of the last place of the power."""
_TINY, _LARGE = _F(2.0**-25), _F(22)
"""Below the first exp(a) - 1 is a; from the second on tanh is 1."""


def tanh_32(values: Floats) -> Floats:
    """tanh of each value, float32."""
    size = np.abs(values.astype(np.float32))
    above = _ONE - _TWO / (_exp_less_one(_TWO * np.minimum(size, _LARGE)) + _TWO)
    t = _exp_less_one(-_TWO * np.minimum(size, _ONE))
    found = np.where(size >= _ONE, above, -t / (t + _TWO))
    return np.copysign(np.where(size >= _LARGE, _ONE, found), values).astype(np.float32)


def horner(coefficients: Sequence[float], argument: Floats) -> Floats:
    """A polynomial in float32, lowest power first."""
    total = np.full_like(argument, coefficients[-1])
    for coefficient in coefficients[-2::-1]:
        total = _F(coefficient) + argument * total
    return total


def _exp_less_one(a: Floats) -> Floats:
    """exp(a) - 1 for -2 <= a <= 44."""
    size, sign = np.abs(a), np.where(a < 0, -_ONE, _ONE)
    k = np.where(size < _NEAR, sign, np.trunc(_LN2_INVERSE * a + _HALF * sign)).astype(np.float32)
    k = np.where(size > _SMALL, k, _F(0))
    high, low = a - k * _LN2_HIGH, k * _LN2_LOW
    r = high - low
    correction = (high - r) - low
    half, square = _HALF * r, r * (_HALF * r)
    series = horner(_COEFFICIENTS, square)
    t = _F(3) - series * half
    error = square * ((series - t) / (_F(6) - r * t))
    whole = r - (r * error - square)
    error = (r * (error - correction) - correction) - square
    return np.where(size < _TINY, a, np.where(k == 0, whole, _scaled(r, error, k))).astype(np.float32)


def _scaled(r: Floats, error: Floats, k: Floats) -> Floats:
    """2**k exp(r) - 1 from r and exp(r) = 1 + r - error, k other than 0."""
    power, inverse = (np.ldexp(_ONE, (sign * k).astype(np.int32)) for sign in (1, -1))
    once = np.where(r < _F(-0.25), -_TWO * (error - (r + _HALF)), _ONE + _TWO * (r - error))
    below = (_ONE - (error - r)) * power - _ONE
    some = ((_ONE - inverse) - (error - r)) * power
    many = ((r - (error + inverse)) + _ONE) * power
    forms = [k == -1, k == 1, k < -1, k < _WHOLE]
    return np.select(forms, [_HALF * (r - error) - _HALF, once, below, some], many).astype(np.float32)
