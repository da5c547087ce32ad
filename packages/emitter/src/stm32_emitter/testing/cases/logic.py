# SPDX-License-Identifier: Apache-2.0
"""Cases of comparisons, logic, SELECT and CAST."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from .arithmetic import broadcast_shapes

if TYPE_CHECKING:
    from collections.abc import Callable

    from .draw import Draw

Wiring = tuple[list[int], list[int]]
_CODES = {"float32": 0, "int32": 2, "uint8": 3, "int64": 4, "bool": 6, "int16": 7, "int8": 9}
"""Types as TensorType counts."""
COMPARISONS = ("EQUAL", "GREATER", "GREATER_EQUAL", "LESS", "LESS_EQUAL", "NOT_EQUAL")


def _comparison(op: str) -> Callable[[Draw], Wiring]:
    """Of the same or different scales, with constants now and then."""

    def generate(draw: Draw) -> Wiring:
        left, right, output = broadcast_shapes(draw, 4)
        # The reference kernels stop the process at a scale of 1, to which a dyadic one is rounded.
        first = draw.quant(2.0**-8, 0.7)
        second = first if draw.chance(0.4) else draw.quant(2.0**-8, 0.7)
        x = draw.activation("left", left, first)
        inputs = [x]
        if draw.chance(0.4):
            z = draw.constant("right", right, second)
        else:
            z = draw.activation("right", right, second)
            inputs.append(z)
        y = draw.activation("output", output, None, "bool")
        draw.writer.operator(op, [x, z], [y])
        return inputs, [y]

    return generate


def _logical(op: str) -> Callable[[Draw], Wiring]:
    def generate(draw: Draw) -> Wiring:
        left, right, output = broadcast_shapes(draw, 4)
        x, z = draw.activation("left", left, draw.quant()), draw.activation("right", right, draw.quant())
        y = draw.activation("output", left if op == "LOGICAL_NOT" else output, draw.quant())
        inputs = [x] if op == "LOGICAL_NOT" else [x, z]
        draw.writer.operator(op, inputs, [y])
        return inputs, [y]

    return generate


def select(draw: Draw) -> Wiring:
    """SELECT by element or by row."""
    shape, quant = draw.shape((1, 4), 300), draw.quant()
    condition = draw.activation("condition", shape if draw.chance(0.6) else shape[:1], None, "bool")
    x, z, y = (draw.activation(name, shape, quant) for name in ("left", "right", "output"))
    draw.writer.operator("SELECT", [condition, x, z], [y])
    return [condition, x, z], [y]


def select_v2(draw: Draw) -> Wiring:
    """SELECT_V2 with a condition and operands that broadcast."""
    left, right, output = broadcast_shapes(draw, 4)
    quant = draw.quant()
    condition = draw.activation("condition", output, None, "bool")
    x, z = draw.activation("left", left, quant), draw.activation("right", right, quant)
    y = draw.activation("output", output, quant)
    draw.writer.operator("SELECT_V2", [condition, x, z], [y])
    return [condition, x, z], [y]


def cast(draw: Draw) -> Wiring:
    """CAST from the case's type to any other, for float32 also the other way; floats are beyond small types' range."""
    shape, source = draw.shape((1, 4), 300), draw.dtype
    target = draw.pick([dtype for dtype in _CODES if source in ("float32", "bool") or dtype != "float32"])
    if source == "float32" and draw.chance(0.4):
        source, target = target, source
    x, y = draw.activation("input", shape, None, source), draw.activation("output", shape, None, target)
    given = x
    if source == "float32":
        factor = draw.writer.constant("factor", np.array(draw.pick((1.0, 1.0, 50.0, 2e4, 1e9, 1e18)), np.float32))
        x = draw.activation("scaled", shape, None, source)
        draw.writer.operator("MUL", [given, factor], [x])
    draw.writer.operator("CAST", [x], [y], in_data_type=_CODES[source], out_data_type=_CODES[target])
    return [given], [y]


GENERATORS = {
    "CAST": cast,
    **{op: _comparison(op) for op in COMPARISONS},
    **{op: _logical(op) for op in ("LOGICAL_AND", "LOGICAL_NOT", "LOGICAL_OR")},
    "SELECT": select,
    "SELECT_V2": select_v2,
}
