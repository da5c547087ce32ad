# SPDX-License-Identifier: Apache-2.0
"""tanh and erfc in float32: the C library's bits where they are known, and near the real numbers everywhere."""

from __future__ import annotations

import ctypes
import math
import platform

import numpy as np
import pytest
from stm32_emitter.operators.erfc_32 import erfc_32
from stm32_emitter.operators.tanh_32 import tanh_32

FDLIBM_UNTIL = (2, 40)
"""glibc up to this one has the algorithms that are computed here."""
RANGES = (
    (1e-9, 1e-6), (1e-4, 0.25), (0.17, 0.18), (0.25, 0.84), (0.84, 1.0), (0.999, 1.001), (1.0, 1.25), (1.25, 3.0),
    (3.0, 9.0),
)  # fmt: skip
UNLIKE = 0.01
"""Share of values of erfc at most that the library's expf, which is not always rounded correctly, moves."""


def arguments(low: float, high: float, count: int) -> np.ndarray:
    rng = np.random.default_rng([7, int(low * 1e9)])
    return (rng.uniform(low, high, count) * rng.choice([-1.0, 1.0], count)).astype(np.float32)


@pytest.mark.parametrize(("low", "high"), RANGES)
@pytest.mark.parametrize(("function", "real"), [(tanh_32, math.tanh), (erfc_32, math.erfc)])
def test_it_is_within_three_units_of_the_last_place(function, real, low: float, high: float) -> None:
    x = arguments(low, high, 2000)
    wanted = np.array([real(float(value)) for value in x])
    assert np.all(np.abs(function(x) - wanted) <= 3 * np.spacing(np.abs(wanted).astype(np.float32)))


def test_the_ends() -> None:
    x = np.array([0.0, -0.0, np.inf, -np.inf, 22.0, -23.0], np.float32)
    assert tanh_32(x).tolist() == [0.0, 0.0, 1.0, -1.0, 1.0, -1.0]
    assert np.signbit(tanh_32(x[1:2]))[0]
    assert erfc_32(x).tolist() == [1.0, 1.0, 0.0, 2.0, 0.0, 2.0]


@pytest.mark.parametrize(("low", "high"), RANGES)
@pytest.mark.parametrize(("function", "name", "share"), [(tanh_32, "tanhf", 0.0), (erfc_32, "erfcf", UNLIKE)])
def test_it_is_that_of_glibc(function, name: str, share: float, low: float, high: float) -> None:
    library, version = platform.libc_ver()
    if library != "glibc" or tuple(map(int, version.split(".")[:2])) > FDLIBM_UNTIL:
        pytest.skip(f"this machine's C library has another {name}")
    called = ctypes.CDLL("libm.so.6")[name]
    called.restype, called.argtypes = ctypes.c_float, [ctypes.c_float]
    x = arguments(low, high, 1000)
    wanted = np.array([called(float(value)) for value in x], np.float32)
    assert np.mean(function(x).view(np.int32) != wanted.view(np.int32)) <= share
