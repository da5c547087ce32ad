# SPDX-License-Identifier: Apache-2.0
"""ADD_N, MAXIMUM, MINIMUM, DIV, SQUARED_DIFFERENCE, FLOOR_DIV, FLOOR_MOD and POW, with broadcasting."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING

import tflite
from tvm import relax

from stm32_emitter.frontends.tflite.converters.common import FUSED, activated
from stm32_emitter.frontends.tflite.support import EIGHT_BITS, WHOLE, Limit, Support, takes

if TYPE_CHECKING:
    from stm32_emitter.frontends.tflite.importer import Converter
    from stm32_emitter.frontends.tflite.reader import Operator

_Binary = Callable[[relax.Expr, relax.Expr], relax.Expr]


def _on_elements(operation: _Binary) -> Callable[[Converter, Operator], relax.Expr]:
    """On the elements themselves, as the reference kernels do; equal scales are the converter's affair."""

    def convert(c: Converter, op: Operator) -> relax.Expr:
        return operation(c.raw(op.input(0)), c.raw(op.input(1)))

    return convert


_ALIKE = Limit("all operands, of which there are two at least, have one shape")
UNSCALED = Limit("no tensor has a scale", hint="The reference kernels would ignore it; leave this operator in float32.")


def _plain(operation: _Binary) -> Callable[[Converter, Operator], relax.Expr]:
    """On elements that are not quantized."""

    def convert(c: Converter, op: Operator) -> relax.Expr:
        for tensor in (op.input(0), op.input(1), op.outputs[0]):
            UNSCALED.require(tensor.quantization is None, f"'{tensor.name}' is quantized ({tensor.dtype})")
        return operation(c.raw(op.input(0)), c.raw(op.input(1)))

    return convert


def convert_div(c: Converter, op: Operator) -> relax.Expr:
    """a / b."""
    options = op.options(tflite.DivOptions)
    expr = relax.op.divide(c.real(op.input(0)), c.real(op.input(1)))
    return c.result(activated(expr, options.FusedActivationFunction()), op.outputs[0])


def convert_squared_difference(c: Converter, op: Operator) -> relax.Expr:
    """(a - b)**2."""
    difference = c.bb.normalize(relax.op.subtract(c.real(op.input(0)), c.real(op.input(1))))
    return c.result(relax.op.square(difference), op.outputs[0])


def convert_add_n(c: Converter, op: Operator) -> relax.Expr:
    """The sum of tensors of one shape that are not quantized, in their order."""
    tensors = [op.input(i) for i in range(len(op.inputs))]
    shapes = [tensor.shape for tensor in tensors]
    _ALIKE.require(len(tensors) > 1 and len(set(shapes)) == 1, f"it adds tensors of the shapes {shapes}")
    for tensor in tensors:
        UNSCALED.require(tensor.quantization is None, f"'{tensor.name}' is quantized ({tensor.dtype})")
    total = c.raw(tensors[0])
    for tensor in tensors[1:]:
        total = c.bb.normalize(relax.op.add(total, c.raw(tensor)))
    return total


CONVERTERS: dict[str, Callable[[Converter, Operator], relax.Expr]] = {
    "ADD_N": convert_add_n,
    "ATAN2": _plain(relax.op.atan2),
    "DIV": convert_div,
    "FLOOR_DIV": _plain(relax.op.floor_divide),
    "FLOOR_MOD": _plain(relax.op.floor_mod),
    "MAXIMUM": _on_elements(relax.op.maximum),
    "MINIMUM": _on_elements(relax.op.minimum),
    "POW": _plain(relax.op.power),
    "SQUARED_DIFFERENCE": convert_squared_difference,
}

_MOVED = takes(*EIGHT_BITS, "int16", "float32", *WHOLE)
OVERFLOW = "the least value divided by -1 has no result in this type; machines differ"
SHIFTED = "the reference kernel shifts small dividends by more than 31 bits, which has no defined result"
BEYOND = "results beyond 32 bits have no defined value in the reference"
SUPPORT: dict[str, Support] = {
    "ADD_N": takes("float32", "int32", limits=(UNSCALED, _ALIKE)),
    "ATAN2": takes("float32", limits=(UNSCALED,)),
    "DIV": takes(*EIGHT_BITS, "float32", "int32", limits=(FUSED,), refused={"int16": SHIFTED}),
    "FLOOR_DIV": takes("float32", "int32", limits=(UNSCALED,), refused=dict.fromkeys(("int8", "int16"), OVERFLOW)),
    "FLOOR_MOD": takes("int8", "int16", "float32", *WHOLE, limits=(UNSCALED,)),
    "MAXIMUM": _MOVED,
    "MINIMUM": _MOVED,
    "POW": takes("float32", limits=(UNSCALED,), refused={"int32": BEYOND}),
    "SQUARED_DIFFERENCE": takes("int8", "float32", "int32"),
}
