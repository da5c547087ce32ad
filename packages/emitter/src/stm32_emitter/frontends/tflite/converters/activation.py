# SPDX-License-Identifier: Apache-2.0
"""Activations that stand alone: SOFTMAX, LOG_SOFTMAX, LOGISTIC, TANH and the RELU family."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING

import tflite
from tvm import relax

from stm32_emitter.frontends.tflite.support import EIGHT_BITS, Support, takes

if TYPE_CHECKING:
    from stm32_emitter.frontends.tflite.importer import Converter
    from stm32_emitter.frontends.tflite.reader import Operator

_Convert = Callable[["Converter", "Operator"], relax.Expr]


def unary(function: Callable[[relax.Expr], relax.Expr]) -> _Convert:
    """A converter of a function of real numbers; the result is quantized where the model says so."""

    def convert(c: Converter, op: Operator) -> relax.Expr:
        return c.result(function(c.bb.normalize(c.real(op.input(0)))), op.outputs[0])

    return convert


def convert_softmax(c: Converter, op: Operator) -> relax.Expr:
    """Softmax of beta * x over the last axis."""
    beta = float(op.options(tflite.SoftmaxOptions).Beta())
    x = c.real(op.input(0))
    if beta != 1.0:
        x = relax.op.multiply(c.bb.normalize(x), relax.const(beta, "float32"))
    return c.result(relax.op.nn.softmax(c.bb.normalize(x), axis=-1), op.outputs[0])


def convert_leaky_relu(c: Converter, op: Operator) -> relax.Expr:
    """x if x >= 0 else alpha * x."""
    alpha = float(op.options(tflite.LeakyReluOptions).Alpha())
    return c.result(relax.op.nn.leakyrelu(c.real(op.input(0)), alpha), op.outputs[0])


def _hard_swish(x: relax.Expr) -> relax.Expr:
    """x * relu6(x + 3) / 6."""
    gate = relax.op.clip(relax.op.add(x, relax.const(3.0, "float32")), 0.0, 6.0)
    return relax.op.multiply(x, relax.op.divide(gate, relax.const(6.0, "float32")))


CONVERTERS: dict[str, _Convert] = {
    "SOFTMAX": convert_softmax,
    "LOG_SOFTMAX": unary(lambda x: relax.op.nn.log_softmax(x, axis=-1)),
    "LOGISTIC": unary(relax.op.sigmoid),
    "TANH": unary(relax.op.tanh),
    "RELU": unary(relax.op.nn.relu),
    "RELU6": unary(lambda x: relax.op.clip(x, 0.0, 6.0)),
    "RELU_0_TO_1": unary(lambda x: relax.op.clip(x, 0.0, 1.0)),
    "RELU_N1_TO_1": unary(lambda x: relax.op.clip(x, -1.0, 1.0)),
    "LEAKY_RELU": convert_leaky_relu,
    "HARD_SWISH": unary(_hard_swish),
}

_ALL = takes(*EIGHT_BITS, "int16", "float32")
SUPPORT: dict[str, Support] = {
    "SOFTMAX": _ALL,
    "LOG_SOFTMAX": takes(*EIGHT_BITS, "float32"),
    "LOGISTIC": _ALL,
    "TANH": _ALL,
    "RELU": _ALL,
    "RELU6": _ALL,
    "RELU_0_TO_1": takes(*EIGHT_BITS, "float32"),
    "RELU_N1_TO_1": takes(*EIGHT_BITS, "float32"),
    "LEAKY_RELU": _ALL,
    "HARD_SWISH": takes(*EIGHT_BITS, "float32"),
}
