# SPDX-License-Identifier: Apache-2.0
"""ADD, SUB, MUL with broadcasting."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import TYPE_CHECKING

import tflite
from tvm import relax

from stm32_emitter.errors import ModelRefused
from stm32_emitter.frontends.tflite.converters.common import activated

if TYPE_CHECKING:
    from stm32_emitter.frontends.tflite.importer import Converter
    from stm32_emitter.frontends.tflite.reader import Operator


def _binary(operation: Callable[..., relax.Expr], options_class: type) -> Callable[[Converter, Operator], relax.Expr]:
    def convert(c: Converter, op: Operator) -> relax.Expr:
        options = op.options(options_class)
        if options_class is not tflite.MulOptions and not options.PotScaleInt16():
            _refuse_powers(op)
        expr = operation(c.real(op.input(0)), c.real(op.input(1)))
        return c.result(activated(expr, options.FusedActivationFunction()), op.outputs[0])

    return convert


def _refuse_powers(op: Operator) -> None:
    """Refuses int16 with scales that are powers of two and the wish to compute them as any others."""
    quantized = [t.quantization for t in (op.input(0), op.input(1), op.outputs[0]) if t.dtype == "int16"]
    scales = [float(q.scale[0]) for q in quantized if q is not None]
    if len(scales) == 3 and all(math.frexp(scale)[0] == 0.5 for scale in scales):
        raise ModelRefused(
            "its scales are powers of two and its option pot_scale_int16 is false, which is not supported",
            hint="Set pot_scale_int16, or quantize the model with other scales.",
        )


CONVERTERS = {
    "ADD": _binary(relax.op.add, tflite.AddOptions),
    "SUB": _binary(relax.op.subtract, tflite.SubOptions),
    "MUL": _binary(relax.op.multiply, tflite.MulOptions),
}
