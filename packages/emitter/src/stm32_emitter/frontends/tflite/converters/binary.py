# SPDX-License-Identifier: Apache-2.0
"""MAXIMUM, MINIMUM, DIV, SQUARED_DIFFERENCE, FLOOR_DIV, FLOOR_MOD and POW, with broadcasting."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING

import tflite
from tvm import relax

from stm32_emitter.errors import ModelRefused
from stm32_emitter.frontends.tflite.converters.common import activated

if TYPE_CHECKING:
    from stm32_emitter.frontends.tflite.importer import Converter
    from stm32_emitter.frontends.tflite.reader import Operator

_Binary = Callable[[relax.Expr, relax.Expr], relax.Expr]


def _on_elements(operation: _Binary) -> Callable[[Converter, Operator], relax.Expr]:
    """On the elements themselves, as the reference kernels do; equal scales are the converter's affair."""

    def convert(c: Converter, op: Operator) -> relax.Expr:
        return operation(c.raw(op.input(0)), c.raw(op.input(1)))

    return convert


def _plain(operation: _Binary) -> Callable[[Converter, Operator], relax.Expr]:
    """On elements that are not quantized."""

    def convert(c: Converter, op: Operator) -> relax.Expr:
        for tensor in (op.input(0), op.input(1), op.outputs[0]):
            if tensor.quantization is not None:
                raise ModelRefused(
                    f"'{tensor.name}' is quantized ({tensor.dtype}), the reference kernels would ignore its scale",
                    hint="Leave this operator in float32.",
                )
        return operation(c.raw(op.input(0)), c.raw(op.input(1)))

    return convert


def convert_pow(c: Converter, op: Operator) -> relax.Expr:
    """a to the power of b, of float32; powers of integers beyond 32 bits have no defined result in the reference."""
    if op.input(0).dtype != "float32":
        raise ModelRefused(f"powers of {op.input(0).dtype} are not supported", hint="Use float32, or MUL.")
    return _plain(relax.op.power)(c, op)


def convert_div(c: Converter, op: Operator) -> relax.Expr:
    """a / b.

    Raises:
        ModelRefused: int16, for which the reference kernel shifts small dividends by more than 31 bits.
    """
    if op.outputs[0].dtype == "int16":
        raise ModelRefused(
            "for int16 the reference kernel shifts small dividends by more than 31 bits, which has no defined result",
            hint="Divide in float32, or multiply by the reciprocal.",
        )
    options = op.options(tflite.DivOptions)
    expr = relax.op.divide(c.real(op.input(0)), c.real(op.input(1)))
    return c.result(activated(expr, options.FusedActivationFunction()), op.outputs[0])


def convert_squared_difference(c: Converter, op: Operator) -> relax.Expr:
    """(a - b)**2."""
    difference = c.bb.normalize(relax.op.subtract(c.real(op.input(0)), c.real(op.input(1))))
    return c.result(relax.op.square(difference), op.outputs[0])


CONVERTERS: dict[str, Callable[[Converter, Operator], relax.Expr]] = {
    "DIV": convert_div,
    "FLOOR_DIV": _plain(relax.op.floor_divide),
    "FLOOR_MOD": _plain(relax.op.floor_mod),
    "MAXIMUM": _on_elements(relax.op.maximum),
    "MINIMUM": _on_elements(relax.op.minimum),
    "POW": convert_pow,
    "SQUARED_DIFFERENCE": convert_squared_difference,
}
