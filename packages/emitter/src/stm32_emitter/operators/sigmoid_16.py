# SPDX-License-Identifier: Apache-2.0
"""LOGISTIC and TANH of int16 (``ai_k_s16.h``).

Arithmetic, established against the reference interpreter for all 65536 values and scales of many kinds: x is scaled by
an integer and a shift to steps of 1 / 12288, and both functions are interpolated between values of the logistic
function 1 / 24 apart, TANH as 2 / (1 + exp(-2x)) - 1. The result is Q0.15 whatever the output's scale says.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from stm32_emitter.errors import ModelRefused
from stm32_emitter.operators.base import Attribute, Fused, KernelRequest
from stm32_emitter.operators.table import Source
from stm32_emitter.tir.builder import Kernel, KernelBuilder, address

_STEPS = 3.0 * 4096.0
"""Steps in a unit of the argument."""
_MOST_SHIFT = 30
_ABOVE = (
    "0110101011111111111111111111221112121111111211111111111111111111"
    "1011101011111111111110111100011001111101000110111011101100010011"
    "0101001100011010111110111100110010000001010001000110101001110000"
    "0111001101101010101001011011001100110001100001110000011111000001"
)
"""What the reference's table, which no formula gives, has beyond the integer below 65536 / (1 + exp(-i / 24)); measured
with TANH, whose results at multiples of 1 / 48 are the table's values."""


def sigmoid_table() -> NDArray[np.uint16]:
    """About 65536 / (1 + exp(-i / 24)), i = 0 .. 255."""
    below = np.floor(65536.0 / (1.0 + np.exp(-np.arange(256) / 24.0)))
    return np.asarray(below + np.array([int(digit) for digit in _ABOVE]), np.uint16)


def positions(scale: float) -> tuple[int, int]:
    """(multiplier, shift) from a value of this scale to steps.

    Raises:
        ModelRefused: the scale is so large that the multiplier does not fit 16 bits.
    """
    real, shift = scale * _STEPS, 0
    while real <= 32767.0 / 2.0 and shift <= _MOST_SHIFT:
        real, shift = real * 2.0, shift + 1
    if real >= 65536.0:
        raise ModelRefused(
            f"its input scale is {scale}; the reference takes scales up to 5.3",
            hint="Quantize the model with representative data.",
        )
    return int(real), shift


def fused_16(kind: str, source: Source, shape: tuple[int, ...]) -> Fused:
    """The fused operator; the input is x."""
    multiplier, shift = positions(float(source.scale))
    attributes: dict[str, Attribute] = {"multiplier": multiplier, "shift": shift}
    return Fused(kind, (source.value,), shape, "int16", attributes)


def kernel_16(request: KernelRequest) -> Kernel:
    """x int16 -> y int16 of the same shape."""
    x, name = request.inputs[0], request.kind.lower()
    with KernelBuilder(name) as k:
        source = k.input("x", (x.elements,), "int16")
        table = k.constant("sigmoid", sigmoid_table())
        y = k.output("y", (x.elements,), "int16")
        k.call(
            f"ai_k_{name}_s16", address(source), address(y, write=True), x.elements, address(table),
            request.integer("multiplier"), request.integer("shift"),
        )  # fmt: skip
    return k.kernel()
