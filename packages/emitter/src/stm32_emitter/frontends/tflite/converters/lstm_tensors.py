# SPDX-License-Identifier: Apache-2.0
"""The tensors of UNIDIRECTIONAL_SEQUENCE_LSTM by their positions, and numbers that are made of them."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from stm32_emitter.errors import ModelRefused
from stm32_emitter.frontends.tflite.converters.common import scale_of
from stm32_emitter.operators.fixed_point import quantize_multiplier
from stm32_emitter.operators.gemmlowp import wrap32

if TYPE_CHECKING:
    from stm32_emitter.frontends.tflite.importer import Converter
    from stm32_emitter.frontends.tflite.reader import Operator, Tensor

GATES = (0, 1, 3, 2)
"""Input, forget, output, candidate among the file's input, forget, candidate ("cell"), output."""
OVER_X, OVER_H, PEEPHOLES, BIAS, PROJECTION, PROJECTION_BIAS, H, C, NORMS = 1, 5, 9, 12, 16, 17, 18, 19, 20
PEEPING = (0, 1, 2)
"""Gates with a peephole: input, forget, output."""
HIDDEN = 4
"""Intermediate tensor of what is projected; those in front of it belong to the gates."""


def has(op: Operator, position: int) -> bool:
    """Whether there is an input at ``position``."""
    return position < len(op.inputs) and op.inputs[position] is not None


def coupled(op: Operator) -> bool:
    """Whether the input gate is 1 - the forget gate; then it has neither weights nor bias."""
    return not has(op, OVER_X)


def given_gates(op: Operator) -> range:
    """The gates that have weights, in the file's order."""
    return range(1 if coupled(op) else 0, len(GATES))


def of_gates(op: Operator, first: int) -> list[NDArray[Any]]:
    """Weights, biases or norms of each gate in our order; zeros for a coupled input gate."""
    values = [op.constant(first + gate) for gate in GATES[1:]]
    return [np.zeros_like(values[0]) if coupled(op) else op.constant(first), *values]


def folded_bias(op: Operator, bias: NDArray[Any]) -> NDArray[np.int32]:
    """[N, 8]: the bias [N, 4] with the zero point of x, and what the zero point of h adds to the sums over it."""
    sums = [
        np.stack([w.astype(np.int64).sum(axis=1) for w in of_gates(op, first)], axis=1) for first in (OVER_X, OVER_H)
    ]
    parts = [bias - scale_of(op.input(0))[1] * sums[0], -scale_of(op.input(H))[1] * sums[1]]
    return np.asarray(wrap32(np.concatenate(parts, axis=1)), np.int32)


def gate_scaling(op: Operator, steps: list[float]) -> list[int]:
    """Multipliers and shifts of the sums over x, then over h; ``steps`` are the gates' scales in the file's order."""
    pairs: list[int] = []
    for first, source in ((OVER_X, op.input(0)), (OVER_H, op.input(H))):
        pairs += [0, 0] if coupled(op) else []
        for gate in GATES[1:] if coupled(op) else GATES:
            product = np.float32(weight_scale(op.input(first + gate))) * np.float32(scale_of(source)[0])
            pairs += quantize_multiplier(float(np.float32(product) / np.float32(steps[gate])))
    return pairs


def hidden_scaling(scale: float) -> list[int]:
    """Multiplier and shift of o * tanh(c) to its scale."""
    return [*quantize_multiplier(float(np.float32(2.0**-15 / scale * 2.0**-15)))]


def weight_scale(weights: Tensor) -> float:
    """The scale of weights, whose zero point has to be 0."""
    scale, zero_point = scale_of(weights)
    if zero_point:
        raise ModelRefused(f"its weights '{weights.name}' have the zero point {zero_point}, it must be 0")
    return scale


def cell_power(cell: Tensor) -> int:
    """n of the cell state's scale 2**n."""
    scale, zero_point = scale_of(cell)
    mantissa, exponent = math.frexp(scale)
    power = exponent - 1
    if mantissa != 0.5 or zero_point or not -15 <= power <= -9:
        raise ModelRefused(
            f"its cell state has the scale {scale} and the zero point {zero_point}; "
            "the scale must be a power of two between 2**-15 and 2**-9, the zero point 0"
        )
    return power


def cell_numbers(cell: Tensor, clip: float) -> list[int]:
    """[bits by which i * g is shifted, integer bits of c, its clip]."""
    power = cell_power(cell)
    limit = min(float(np.float32(clip) / np.float32(2.0**power)), 32767.0) if clip > 0 else 0.0
    return [30 + power, 15 + power, int(limit)]


def intermediate(c: Converter, op: Operator, position: int) -> Tensor:
    """An intermediate tensor, which holds the scale of a value inside."""
    if op.table.IntermediatesLength() <= position:
        raise ModelRefused(f"it has no intermediate tensor {position} with the scale inside", hint="Convert it again.")
    index, tensors = int(op.table.Intermediates(position)), c.model_record.tensors
    if not 0 <= index < len(tensors):
        raise ModelRefused(f"it refers to the intermediate tensor {index}, which does not exist")
    return tensors[index]
