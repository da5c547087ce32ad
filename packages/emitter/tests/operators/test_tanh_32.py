# SPDX-License-Identifier: Apache-2.0
"""tanh in float32: the C library's bits where they are known, and near the real number everywhere."""

from __future__ import annotations

import ctypes
import platform

import numpy as np
import pytest
from stm32_emitter.operators.tanh_32 import tanh_32

FDLIBM_UNTIL = (2, 40)
"""glibc up to this one has the algorithm that is computed here."""
RANGES = ((1e-9, 1e-6), (1e-4, 0.3), (0.17, 0.18), (0.3, 1.0), (0.999, 1.001), (1.0, 3.0), (3.0, 10.0), (10.0, 30.0))


def arguments(low: float, high: float, count: int) -> np.ndarray:
    rng = np.random.default_rng([7, int(low * 1e9)])
    return (rng.uniform(low, high, count) * rng.choice([-1.0, 1.0], count)).astype(np.float32)


@pytest.mark.parametrize(("low", "high"), RANGES)
def test_it_is_within_two_units_of_the_last_place(low: float, high: float) -> None:
    x = arguments(low, high, 5000)
    real = np.tanh(x.astype(np.float64))
    assert np.all(np.abs(tanh_32(x) - real) <= 2 * np.spacing(np.abs(real).astype(np.float32)))


def test_the_ends() -> None:
    x = np.array([0.0, -0.0, np.inf, -np.inf, 22.0, -23.0], np.float32)
    assert tanh_32(x).tolist() == [0.0, 0.0, 1.0, -1.0, 1.0, -1.0]
    assert np.signbit(tanh_32(x[1:2]))[0]


@pytest.mark.parametrize(("low", "high"), RANGES)
def test_it_is_the_tanhf_of_glibc(low: float, high: float) -> None:
    library, version = platform.libc_ver()
    if library != "glibc" or tuple(map(int, version.split(".")[:2])) > FDLIBM_UNTIL:
        pytest.skip("this machine's C library has another tanhf")
    function = ctypes.CDLL("libm.so.6").tanhf
    function.restype, function.argtypes = ctypes.c_float, [ctypes.c_float]
    x = arguments(low, high, 1000)
    wanted = np.array([function(float(value)) for value in x], np.float32)
    assert np.array_equal(tanh_32(x).view(np.int32), wanted.view(np.int32))
