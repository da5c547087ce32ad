# SPDX-License-Identifier: Apache-2.0
"""SOFTMAX of int16 (``ai_k_s16.h``).

Arithmetic, established against the reference interpreter: differences to the row's maximum are scaled (two roundings)
by beta * input scale * 65535 / 10 and end at -65535, that is exp(-10); exp is interpolated in a table of 512 steps and
summed; the sum's mantissa goes through a table of 1 / (1 + x), and their product, rounded once, is the result in Q0.15.
A table's value is lowered by half of the error that interpolation has in the middle of the step that it begins.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
from numpy.typing import NDArray

from stm32_emitter.operators.base import KernelRequest
from stm32_emitter.operators.fixed_point import quantize_multiplier, round_half_away
from stm32_emitter.tir.builder import Kernel, KernelBuilder, address

Reals = NDArray[Any]
_RANGE = 65535.0
_SPAN = 10.0
"""exp(-10) and less counts as exp(-10)."""
_STEPS = 512
MOST_ELEMENTS = 65535
"""Elements of a row whose sum surely fits 31 bits."""


def scaling(beta: float, scale: np.float32) -> tuple[int, int]:
    """(multiplier, shift) of differences."""
    return quantize_multiplier(float(scale) * float(np.float32(beta)) / (_SPAN / _RANGE))


def exp_table() -> NDArray[np.int16]:
    """exp(x) in Q0.15 for x = -10 .. 0."""
    return _table(np.exp, -_SPAN, 0.0)


def reciprocal_table() -> NDArray[np.int16]:
    """1 / (1 + x) in Q0.15 for x = 0 .. 1."""
    return _table(lambda x: 1.0 / (1.0 + x), 0.0, 1.0)


def _table(function: Callable[[Reals], Reals], first: float, last: float) -> NDArray[np.int16]:
    """513 values of a function, see above."""
    step, scale = (last - first) / _STEPS, 65536.0 / 2.0
    at = first + np.arange(_STEPS + 1) * step
    values = round_half_away(function(at) * scale)
    following = function(first + np.arange(1, _STEPS + 1) * step) * scale
    interpolated = round_half_away((following + values[:-1]) / 2.0)
    middle = round_half_away(function(at[:-1] + step / 2.0) * scale)
    values[:-1] -= round_half_away((interpolated - middle) / 2.0)
    return np.clip(values, -32768, 32767).astype(np.int16)


def softmax_16_kernel(request: KernelRequest) -> Kernel:
    """x int16 [..., N] -> y int16 [..., N]."""
    x = request.inputs[0]
    depth = x.shape[-1] if x.shape else 1
    with KernelBuilder("softmax") as k:
        source = k.input("x", (x.elements,), "int16")
        exps, reciprocals = k.constant("exp", exp_table()), k.constant("reciprocal", reciprocal_table())
        y = k.output("y", (x.elements,), "int16")
        k.call(
            "ai_k_softmax_s16", address(source), address(y, write=True), x.elements // depth, depth, address(exps),
            address(reciprocals), request.integer("multiplier"), request.integer("shift"),
        )  # fmt: skip
    return k.kernel()
