# SPDX-License-Identifier: Apache-2.0
"""Cases of MAXIMUM, MINIMUM, DIV, SQUARED_DIFFERENCE, FLOOR_DIV, FLOOR_MOD and POW with broadcasting."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from .arithmetic import broadcast_shapes
from .draw import ACTIVATIONS, values

if TYPE_CHECKING:
    from collections.abc import Callable

    from stm32_emitter.testing.tflite_writer import Quant

    from .draw import Draw

Wiring = tuple[list[int], list[int]]


def _extreme(op: str) -> Callable[[Draw], Wiring]:
    """MAXIMUM and MINIMUM of one scale."""

    def generate(draw: Draw) -> Wiring:
        left, right, output = broadcast_shapes(draw)
        quant = draw.quant()
        x = draw.activation("left", left, quant)
        inputs = [x]
        if draw.chance(0.4):
            second = draw.constant("right", right, quant)
        else:
            second = draw.activation("right", right, quant)
            inputs.append(second)
        y = draw.activation("output", output, quant)
        draw.writer.operator(op, [second, x] if draw.chance(0.3) else [x, second], [y])
        return inputs, [y]

    return generate


def div(draw: Draw) -> Wiring:
    """DIV by constants or by MAXIMUM(b, 1 step), so that no divisor of a quantized tensor is 0."""
    left, right, output = broadcast_shapes(draw)
    first, second = draw.quant(2.0**-6, 1.0), draw.quant(2.0**-6, 1.0)
    target: Quant | None = None
    if first and second:
        second = draw.activations(second.scales[0] * draw.steps, draw.integer(-128, 126))
        quotient = first.scales[0] / second.scales[0] * draw.steps
        target = draw.activations(quotient / draw.log_uniform(260.0, 1000.0), draw.integer(-128, 127))
    x = draw.activation("left", left, first)
    inputs = [x]
    if draw.chance(0.4):
        divisor = draw.writer.constant("right", _divisors(draw, right, second), quant=second)
    else:
        divisor = draw.activation("right", right, second)
        inputs.append(divisor)
        if second:
            least = draw.writer.constant("least", np.array(second.zero_points[0] + 1, draw.dtype), quant=second)
            given, divisor = divisor, draw.activation("divisor", right, second)
            draw.writer.operator("MAXIMUM", [given, least], [divisor])
    y = draw.activation("output", output, target)
    draw.writer.operator("DIV", [x, divisor], [y], fused_activation_function=draw.pick(ACTIVATIONS))
    return inputs, [y]


def _divisors(draw: Draw, shape: tuple[int, ...], quant: Quant | None) -> np.ndarray:
    """Values other than 0."""
    data = values(draw.rng, shape, draw.dtype, "uniform")
    zero = quant.zero_points[0] if quant else 0
    return np.where(data == zero, np.array(zero + 1, data.dtype), data)


def squared_difference(draw: Draw) -> Wiring:
    """SQUARED_DIFFERENCE of operands with scales of the same order."""
    left, right, output = broadcast_shapes(draw)
    first, second = draw.quant(2.0**-6, 0.5), draw.quant(2.0**-6, 0.5)
    target: Quant | None = None
    if first and second:
        largest = max(first.scales[0], second.scales[0]) * 255
        target = draw.activations(largest**2 / 255 * draw.log_uniform(0.02, 2.0), draw.integer(-128, 127))
    x, z = draw.activation("left", left, first), draw.activation("right", right, second)
    y = draw.activation("output", output, target)
    draw.writer.operator("SQUARED_DIFFERENCE", [x, z], [y])
    return [x, z], [y]


def _float(op: str) -> Callable[[Draw], Wiring]:
    """By constants other than 0; POW of |a| to constant powers."""

    def generate(draw: Draw) -> Wiring:
        left, right, output = broadcast_shapes(draw)
        x = draw.activation("left", left, None)
        size = x
        data = _divisors(draw, right, None)
        if op == "POW":
            size = draw.activation("size", left, None)
            draw.writer.operator("ABS", [x], [size])
            data = np.abs(data)
        z, y = draw.writer.constant("right", data), draw.activation("output", output, None)
        draw.writer.operator(op, [size, z], [y])
        return [x], [y]

    return generate


def add_n(draw: Draw) -> Wiring:
    """ADD_N of 2..4 tensors."""
    shape = draw.shape((1, 4), 200)
    inputs = [draw.activation(f"input_{i}", shape, None) for i in range(draw.integer(2, 4))]
    y = draw.activation("output", shape, None)
    draw.writer.operator("ADD_N", inputs, [y])
    return inputs, [y]


def atan2(draw: Draw) -> Wiring:
    """ATAN2 of tensors of one shape."""
    shape = draw.shape((1, 4), 200)
    x, z, y = (draw.activation(name, shape, None) for name in ("left", "right", "output"))
    draw.writer.operator("ATAN2", [x, z], [y])
    return [x, z], [y]


_BY_CONSTANTS = ("FLOOR_DIV", "FLOOR_MOD", "POW")
GENERATORS = {
    **{op: _float(op) for op in _BY_CONSTANTS},
    "ADD_N": add_n,
    "ATAN2": atan2,
    "DIV": div,
    "MAXIMUM": _extreme("MAXIMUM"),
    "MINIMUM": _extreme("MINIMUM"),
    "SQUARED_DIFFERENCE": squared_difference,
}
