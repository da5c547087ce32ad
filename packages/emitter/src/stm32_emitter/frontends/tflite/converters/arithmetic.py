# SPDX-License-Identifier: Apache-2.0
"""ADD, SUB, MUL with broadcasting."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING

import tflite
from tvm import relax

from stm32_emitter.frontends.tflite.converters.common import activated

if TYPE_CHECKING:
    from stm32_emitter.frontends.tflite.importer import Converter
    from stm32_emitter.frontends.tflite.reader import Operator


def _binary(operation: Callable[..., relax.Expr], options_class: type) -> Callable[[Converter, Operator], relax.Expr]:
    def convert(c: Converter, op: Operator) -> relax.Expr:
        options = op.options(options_class)
        expr = operation(c.real(op.input(0)), c.real(op.input(1)))
        return c.result(activated(expr, options.FusedActivationFunction()), op.outputs[0])

    return convert


CONVERTERS = {
    "ADD": _binary(relax.op.add, tflite.AddOptions),
    "SUB": _binary(relax.op.subtract, tflite.SubOptions),
    "MUL": _binary(relax.op.multiply, tflite.MulOptions),
}
