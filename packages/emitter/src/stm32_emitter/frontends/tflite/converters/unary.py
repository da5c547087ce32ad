# SPDX-License-Identifier: Apache-2.0
"""Functions of single elements: ABS, NEG, SQRT, EXP and others, and PRELU."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING

import tflite
from tvm import relax

from stm32_emitter.frontends.tflite.converters.activation import unary
from stm32_emitter.frontends.tflite.support import EIGHT_BITS, Limit, Support, takes

if TYPE_CHECKING:
    from stm32_emitter.frontends.tflite.importer import Converter
    from stm32_emitter.frontends.tflite.reader import Operator

SLOPES = Limit(
    "slopes beside int16 are int8, as which the reference reads them",
    hint="Quantize the slopes to int8, or leave this operator in float32.",
)


def convert_gelu(c: Converter, op: Operator) -> relax.Expr:
    """x * Phi(x), with the error function or by its approximation with a hyperbolic tangent."""
    approximate = bool(op.options(tflite.GeluOptions).Approximate())
    function = relax.op.nn.gelu_tanh if approximate else relax.op.nn.gelu
    return c.result(function(c.bb.normalize(c.real(op.input(0)))), op.outputs[0])


def convert_prelu(c: Converter, op: Operator) -> relax.Expr:
    """x where it is not negative, else alpha * x; alpha is broadcast to x: max(x, 0) + alpha * min(x, 0)."""
    SLOPES.require(op.input(0).dtype != "int16" or op.input(1).dtype == "int8", f"its slopes are {op.input(1).dtype}")
    x, alpha = (c.bb.normalize(c.real(op.input(i))) for i in range(2))
    negative = relax.op.minimum(x, relax.const(0.0, "float32"))
    return c.result(relax.op.add(relax.op.nn.relu(x), relax.op.multiply(negative, alpha)), op.outputs[0])


def convert_neg(c: Converter, op: Operator) -> relax.Expr:
    """-x; of int16 of the elements themselves, whatever their scales, as the reference does."""
    x = op.input(0)
    if x.dtype == "int16":
        return relax.op.negative(c.raw(x))
    return c.result(relax.op.negative(c.bb.normalize(c.real(x))), op.outputs[0])


def _elu(x: relax.Expr) -> relax.Expr:
    """x where it is positive, else exp(x) - 1: max(x, 0) + min(exp(x) - 1, 0)."""
    below = relax.op.subtract(relax.op.exp(x), relax.const(1.0, "float32"))
    return relax.op.add(relax.op.nn.relu(x), relax.op.minimum(below, relax.const(0.0, "float32")))


CONVERTERS: dict[str, Callable[[Converter, Operator], relax.Expr]] = {
    "ABS": unary(relax.op.abs),
    "CEIL": unary(relax.op.ceil),
    "COS": unary(relax.op.cos),
    "ELU": unary(_elu),
    "EXP": unary(relax.op.exp),
    "FLOOR": unary(relax.op.floor),
    "GELU": convert_gelu,
    "LOG": unary(relax.op.log),
    "NEG": convert_neg,
    "PRELU": convert_prelu,
    "ROUND": unary(relax.op.round),
    "RSQRT": unary(relax.op.rsqrt),
    "SIGN": unary(relax.op.sign),
    "SIN": unary(relax.op.sin),
    "SQRT": unary(relax.op.sqrt),
    "SQUARE": unary(relax.op.square),
}

_FLOAT = takes("float32")
_ROOT = takes("int8", "int16", "float32")
SAMPLED = "int16 is exact to a reference whose C library has the tanhf and erfcf of fdlibm, as glibc up to 2.40"
"""The reference makes its table with the machine's own; another one moves one element in 100000 by a step."""
SUPPORT: dict[str, Support] = {
    "ABS": takes("int8", "int16", "float32", "int32"),
    "CEIL": _FLOAT,
    "COS": _FLOAT,
    "ELU": takes("int8", "float32"),
    "EXP": takes("int8", "int16", "float32"),
    "FLOOR": _FLOAT,
    "GELU": takes(*EIGHT_BITS, "int16", "float32", note=SAMPLED),
    "LOG": _ROOT,
    "NEG": takes("int8", "int16", "float32", *("int32", "int64")),
    "PRELU": takes(*EIGHT_BITS, "int16", "float32", limits=(SLOPES,)),
    "ROUND": _FLOAT,
    "RSQRT": _ROOT,
    "SIGN": takes("float32", "int32"),
    "SIN": _FLOAT,
    "SQRT": _ROOT,
    "SQUARE": takes("float32"),
}
