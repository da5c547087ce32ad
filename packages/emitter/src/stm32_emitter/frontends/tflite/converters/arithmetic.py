# SPDX-License-Identifier: Apache-2.0
"""ADD, SUB, MUL with broadcasting."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import TYPE_CHECKING

import numpy as np
import tflite
from tvm import relax

from stm32_emitter.frontends.tflite.converters.common import FUSED, activated, activation_bounds, scale_of
from stm32_emitter.frontends.tflite.support import EIGHT_BITS, WHOLE, Support, takes
from stm32_emitter.operators.add import Add, Sub
from stm32_emitter.operators.scope import Quantized
from stm32_emitter.operators.table import Source

if TYPE_CHECKING:
    from stm32_emitter.frontends.tflite.importer import Converter
    from stm32_emitter.frontends.tflite.reader import Operator, Tensor


def _binary(operation: Callable[..., relax.Expr], options_class: type) -> Callable[[Converter, Operator], relax.Expr]:
    def convert(c: Converter, op: Operator) -> relax.Expr:
        options = op.options(options_class)
        if options_class is not tflite.MulOptions and not options.PotScaleInt16() and _are_powers(op):
            return _as_any_scales(c, op, Add() if options_class is tflite.AddOptions else Sub())
        expr = operation(c.real(op.input(0)), c.real(op.input(1)))
        return c.result(activated(expr, options.FusedActivationFunction()), op.outputs[0])

    return convert


def _are_powers(op: Operator) -> bool:
    """Whether all is of int16 with scales that are powers of two."""
    quantized = [t.quantization for t in (op.input(0), op.input(1), op.outputs[0]) if t.dtype == "int16"]
    scales = [float(q.scale[0]) for q in quantized if q is not None]
    return len(scales) == 3 and all(math.frexp(scale)[0] == 0.5 for scale in scales)


def _as_any_scales(c: Converter, op: Operator, definition: Add) -> relax.Expr:
    """The fused operator that scales three times; from Relax its scales would be taken for those to shift by."""
    left, right = (_source(c, op.input(position)) for position in range(2))
    options = op.options(tflite.AddOptions if definition.sign > 0 else tflite.SubOptions)
    scale, zero_point = scale_of(op.outputs[0])
    low, high = activation_bounds(options.FusedActivationFunction())
    result = Quantized(left.value, scale, zero_point, "int16", low, high)
    parameters = definition.scaled_parameters(left, right, result)
    return definition.fused(left, right, result, op.outputs[0].shape, parameters).call()


def _source(c: Converter, tensor: Tensor) -> Source:
    scale, zero_point = scale_of(tensor)
    return Source(c.raw(tensor), tensor.dtype, np.float32(scale), zero_point)


CONVERTERS = {
    "ADD": _binary(relax.op.add, tflite.AddOptions),
    "SUB": _binary(relax.op.subtract, tflite.SubOptions),
    "MUL": _binary(relax.op.multiply, tflite.MulOptions),
}

_SUM = takes(*EIGHT_BITS, "int16", "float32", *WHOLE, limits=(FUSED,))
SUPPORT: dict[str, Support] = {
    "ADD": _SUM,
    "SUB": _SUM,
    "MUL": takes(*EIGHT_BITS, "int16", "float32", *WHOLE, limits=(FUSED,)),
}
