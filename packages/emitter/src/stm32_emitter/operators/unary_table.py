# SPDX-License-Identifier: Apache-2.0
"""ABS, NEG, SQRT, RSQRT, EXP, LOG, ELU and GELU on 8 bits: tables.

Arithmetic, established against the reference interpreter, with v = x - zero point:

- EXP, LOG, ELU, GELU: float32 as LOGISTIC (``logistic.py``). LOG gives the least value for v <= 0.
- ABS: requantize(|v|) by input scale / output scale (float32) with two roundings.
- NEG: -x without regard to scale and zero point, which are to be equal and 0; -128 stays.
- SQRT: sqrt(scale * v) / output scale in float32, truncated.
- RSQRT: 1 / sqrt(v) in fixed point by five Newton steps, kept with 20 fractional bits, requantized by
  1 / (sqrt(input scale) * output scale); the greatest value for v = 0.

The reference stops with an error where SQRT or RSQRT meets a negative number; the result is that of 0 here.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any, ClassVar

import numpy as np
from tvm import relax

from stm32_emitter.operators.fixed_point import quantize_multiplier
from stm32_emitter.operators.gemmlowp import Ints, ints, inverse_square_root, requantize
from stm32_emitter.operators.logistic import Floats, FloatTable
from stm32_emitter.operators.scope import Quantized, Scope
from stm32_emitter.operators.table import Source, TableOperator

_ROOT_BITS = 20
"""Fractional bits of 1 / sqrt(v)."""


def _in_double(function: Callable[[float], float], values: Floats) -> Floats:
    """``function`` of each value, computed in double and rounded to float32 once."""
    with np.errstate(over="ignore"):
        return np.array([function(float(value)) for value in values], np.float64).astype(np.float32)


def _power(value: float) -> float:
    """exp(value); infinite where it is beyond a double."""
    return math.exp(value) if value < 700.0 else math.inf


def elu_operand(scope: Scope, expr: relax.Expr) -> relax.Expr | None:
    """x of max(x, 0) + min(exp(x) - 1, 0), or None."""
    total = scope.call(expr, "add")
    above = None if total is None else scope.call(total.args[0], "nn.relu")
    below = None if total is None else scope.call(total.args[1], "minimum")
    difference = None if below is None else scope.call(below.args[0], "subtract")
    power = None if difference is None else scope.call(difference.args[0], "exp")
    if above is None or power is None or not power.args[0].same_as(above.args[0]):
        return None
    return above.args[0]


class Exp(FloatTable):
    """exp(x)."""

    kind: ClassVar[str] = "EXP"
    operator: ClassVar[str] = "exp"

    @staticmethod
    def function(values: Floats) -> Floats:
        """Rounded to float32, as expf does."""
        return _in_double(_power, values)


class Gelu(FloatTable):
    """x * Phi(x)."""

    kind: ClassVar[str] = "GELU"
    operator: ClassVar[str] = "nn.gelu"

    @staticmethod
    def function(values: Floats) -> Floats:
        """0.5 * x * erfc(-x / sqrt(2))."""
        arguments = values * np.float32(-math.sqrt(0.5))
        return (np.float32(0.5) * values * _in_double(math.erfc, arguments)).astype(np.float32)


class GeluTanh(FloatTable):
    """GELU by its approximation."""

    kind: ClassVar[str] = "GELU_TANH"
    operator: ClassVar[str] = "nn.gelu_tanh"

    @staticmethod
    def function(values: Floats) -> Floats:
        """0.5 * x * (1 + tanh(sqrt(2 / pi) * (x + 0.044715 * x**3)))."""
        cubic = values + np.float32(0.044715) * values * values * values
        arguments = (np.float32(math.sqrt(2 / math.pi)) * cubic).astype(np.float32)
        return (np.float32(0.5) * values * (np.float32(1) + _in_double(math.tanh, arguments))).astype(np.float32)


class Elu(FloatTable):
    """x where it is positive, else exp(x) - 1."""

    kind: ClassVar[str] = "ELU"
    operator: ClassVar[str] = "add"

    def source(self, scope: Scope, result: Quantized) -> relax.Expr | None:
        """x."""
        return elu_operand(scope, result.value) if result.low is result.high is None else None

    @staticmethod
    def function(values: Floats) -> Floats:
        """In float32."""
        below = _in_double(_power, np.minimum(values, np.float32(0))) - np.float32(1)
        return np.where(values < 0, below, values).astype(np.float32)


class Log(FloatTable):
    """log(x)."""

    kind: ClassVar[str] = "LOG"
    operator: ClassVar[str] = "log"

    @staticmethod
    def function(values: Floats) -> Floats:
        """Rounded to float32; the caller replaces the results of values <= 0."""
        return _in_double(lambda value: math.log(value) if value > 0 else 0.0, values)

    def results(self, scope: Scope, source: Source, result: Quantized) -> Ints:
        """The least value where the logarithm is not defined."""
        least = int(np.iinfo(result.dtype).min)
        return np.where(source.centred <= 0, least, super().results(scope, source, result))


class _Integer(TableOperator):
    """quantize(f(x)) computed in integers."""

    operator: ClassVar[str]
    """The Relax operator."""

    def source(self, scope: Scope, result: Quantized) -> relax.Expr | None:
        """x."""
        call = scope.call(result.value, self.operator) if result.low is result.high is None else None
        return None if call is None else call.args[0]


class Abs(_Integer):
    """|x|."""

    kind: ClassVar[str] = "ABS"
    operator: ClassVar[str] = "abs"

    def results(self, scope: Scope, source: Source, result: Quantized) -> Ints:  # noqa: ARG002
        """See the top of this file."""
        scaling = quantize_multiplier(float(source.scale / np.float32(result.scale)))
        return requantize(np.abs(source.centred), *scaling) + result.zero_point


class Neg(_Integer):
    """-x of the bytes themselves."""

    kind: ClassVar[str] = "NEG"
    operator: ClassVar[str] = "negative"

    def results(self, scope: Scope, source: Source, result: Quantized) -> Ints:  # noqa: ARG002
        """-(-128) is 128, which wraps."""
        return ints((-(source.centred + source.zero_point)).astype(source.dtype))


class Sqrt(_Integer):
    """The square root."""

    kind: ClassVar[str] = "SQRT"
    operator: ClassVar[str] = "sqrt"

    def results(self, scope: Scope, source: Source, result: Quantized) -> Ints:  # noqa: ARG002
        """Float32, truncated."""
        roots = np.sqrt(np.maximum(source.reals, np.float32(0)))
        return np.trunc(roots / np.float32(result.scale)).astype(np.int64) + result.zero_point


class Rsqrt(_Integer):
    """1 / sqrt(x)."""

    kind: ClassVar[str] = "RSQRT"
    operator: ClassVar[str] = "rsqrt"

    def results(self, scope: Scope, source: Source, result: Quantized) -> Ints:  # noqa: ARG002
        """Fixed point."""
        scaling = quantize_multiplier(1.0 / (float(np.sqrt(source.scale)) * result.scale))
        greatest = int(np.iinfo(result.dtype).max)
        values: list[Any] = [
            self._one(int(v), scaling, result.zero_point) if v > 0 else greatest for v in source.centred
        ]
        return ints(values)

    @staticmethod
    def _one(value: int, scaling: tuple[int, int], zero_point: int) -> int:
        """1 / sqrt(value) requantized, value > 0."""
        inverse, shift = inverse_square_root(value)
        root = requantize(1, inverse, shift + _ROOT_BITS)
        return int(requantize(root, scaling[0], scaling[1] - _ROOT_BITS)) + zero_point
