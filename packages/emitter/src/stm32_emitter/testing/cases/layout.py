# SPDX-License-Identifier: Apache-2.0
"""Cases of operators that only move data: RESHAPE, SQUEEZE, EXPAND_DIMS, TRANSPOSE, CONCATENATION."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from .draw import Draw


def reshape(draw: Draw) -> tuple[list[int], list[int]]:
    """RESHAPE with the shape as a tensor, as an option or both, possibly with one -1."""
    shape = draw.shape((1, 5), 400)
    target = _regroup(draw, int(np.prod(shape)))
    written = list(target)
    if draw.chance(0.4):
        written[draw.integer(0, len(written) - 1)] = -1
    quant = draw.quant()
    x = draw.activation("input", shape, quant)
    y = draw.activation("output", target, quant)
    style = draw.integer(0, 2)
    inputs = [x] if style == 0 else [x, draw.int_constant("shape", written)]
    if style == 1:
        draw.writer.operator("RESHAPE", inputs, [y])
    else:
        draw.writer.operator("RESHAPE", inputs, [y], new_shape=written)
    return [x], [y]


def _regroup(draw: Draw, count: int) -> list[int]:
    dims = []
    for _ in range(draw.integer(0, 3)):
        divisors = [divisor for divisor in range(1, count + 1) if count % divisor == 0]
        dims.append(draw.pick(divisors))
        count //= dims[-1]
    return [*dims, count]


def squeeze(draw: Draw) -> tuple[list[int], list[int]]:
    """SQUEEZE of named (also negative) or of all dimensions of length one."""
    shape = list(draw.shape((2, 5), 200))
    for axis in range(len(shape)):
        if draw.chance(0.5):
            shape[axis] = 1
    ones = [axis for axis, dim in enumerate(shape) if dim == 1]
    named = [axis for axis in ones if draw.chance(0.6)]
    removed = set(named or ones)
    quant = draw.quant()
    x = draw.activation("input", shape, quant)
    y = draw.activation("output", [dim for axis, dim in enumerate(shape) if axis not in removed], quant)
    written = [axis - len(shape) if draw.chance(0.3) else axis for axis in named]
    draw.writer.operator("SQUEEZE", [x], [y], squeeze_dims=written)
    return [x], [y]


def expand_dims(draw: Draw) -> tuple[list[int], list[int]]:
    """EXPAND_DIMS at any axis, also negative."""
    shape = draw.shape((1, 4), 200)
    axis = draw.integer(0, len(shape))
    quant = draw.quant()
    x = draw.activation("input", shape, quant)
    y = draw.activation("output", [*shape[:axis], 1, *shape[axis:]], quant)
    written = axis - len(shape) - 1 if draw.chance(0.4) else axis
    index = np.asarray(written if draw.chance(0.5) else [written], draw.pick(("int32", "int32", "int64")))
    position = draw.writer.constant("axis", index)
    draw.writer.operator("EXPAND_DIMS", [x, position], [y])
    return [x], [y]


def transpose(draw: Draw) -> tuple[list[int], list[int]]:
    """TRANSPOSE of rank 1..6, any permutation."""
    shape = draw.shape((1, 6), 400)
    order = [int(axis) for axis in draw.rng.permutation(len(shape))]
    quant = draw.quant()
    x = draw.activation("input", shape, quant)
    y = draw.activation("output", [shape[axis] for axis in order], quant)
    draw.writer.operator("TRANSPOSE", [x, draw.int_constant("order", order)], [y])
    return [x], [y]


def concatenation(draw: Draw) -> tuple[list[int], list[int]]:
    """CONCATENATION of 1..5 tensors, some constant, some given twice; int8 needs one quantization for all."""
    shape = list(draw.shape((1, 4), 80))
    axis = draw.integer(0, len(shape) - 1)
    quant = draw.quant()
    inputs: list[int] = []
    operands: list[int] = []
    total = 0
    for number in range(draw.integer(1, 5)):
        part = [*shape[:axis], draw.integer(1, 6), *shape[axis + 1 :]]
        total += part[axis]
        if number and draw.chance(0.2):
            operands.append(draw.constant(f"constant_{number}", part, quant))
        else:
            operands.append(draw.activation(f"input_{number}", part, quant))
            inputs.append(operands[-1])
    if draw.chance(0.15):
        operands.append(operands[0])
        total += draw.writer.tensors[operands[0]].shape[axis]
    y = draw.activation("output", [*shape[:axis], total, *shape[axis + 1 :]], quant)
    written = axis - len(shape) if draw.chance(0.4) else axis
    draw.writer.operator("CONCATENATION", operands, [y], axis=written, fused_activation_function="NONE")
    return inputs, [y]


GENERATORS = {
    "RESHAPE": reshape,
    "SQUEEZE": squeeze,
    "EXPAND_DIMS": expand_dims,
    "TRANSPOSE": transpose,
    "CONCATENATION": concatenation,
}
