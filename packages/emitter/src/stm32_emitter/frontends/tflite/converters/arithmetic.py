# SPDX-License-Identifier: Apache-2.0
"""ADD, SUB, MUL with broadcasting."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import TYPE_CHECKING

import tflite
from tvm import relax

from stm32_emitter.frontends.tflite.converters.common import FUSED, activated
from stm32_emitter.frontends.tflite.support import EIGHT_BITS, WHOLE, Limit, Support, takes

if TYPE_CHECKING:
    from stm32_emitter.frontends.tflite.importer import Converter
    from stm32_emitter.frontends.tflite.reader import Operator


POWERS = Limit(
    "three scales of int16 that are powers of two come with the option pot_scale_int16",
    hint="Set pot_scale_int16, or quantize the model with other scales.",
)


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
    POWERS.require(len(scales) < 3 or any(math.frexp(scale)[0] != 0.5 for scale in scales))


CONVERTERS = {
    "ADD": _binary(relax.op.add, tflite.AddOptions),
    "SUB": _binary(relax.op.subtract, tflite.SubOptions),
    "MUL": _binary(relax.op.multiply, tflite.MulOptions),
}

_SUM = takes(*EIGHT_BITS, "int16", "float32", *WHOLE, limits=(FUSED, POWERS))
SUPPORT: dict[str, Support] = {
    "ADD": _SUM,
    "SUB": _SUM,
    "MUL": takes(*EIGHT_BITS, "int16", "float32", *WHOLE, limits=(FUSED,)),
}
