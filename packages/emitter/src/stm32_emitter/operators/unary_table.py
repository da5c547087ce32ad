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

int16: EXP, LOG, GELU and RSQRT are interpolated, ABS is rescaled (``unary_16.py``); SQRT is the same formula for each
value; NEG is made of the elements themselves by the frontend.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any, ClassVar

import numpy as np
from tvm import relax, tirx

from stm32_emitter.operators.base import Fused, KernelRequest
from stm32_emitter.operators.erfc_32 import erfc_32
from stm32_emitter.operators.fixed_point import quantize_multiplier
from stm32_emitter.operators.gemmlowp import Ints, ints, inverse_square_root, requantize
from stm32_emitter.operators.logistic import Floats, FloatTable
from stm32_emitter.operators.scope import Quantized, Scope
from stm32_emitter.operators.table import Source, TableOperator, constant_kernel
from stm32_emitter.operators.tanh_32 import tanh_32
from stm32_emitter.operators.unary_16 import (
    Scaling,
    fused_rescaling,
    fused_table,
    interpolated,
    rescaling_kernel,
    table_kernel_16,
)
from stm32_emitter.tir.builder import Kernel, KernelBuilder, address

_ROOT_BITS = 20
"""Fractional bits of 1 / sqrt(v)."""
_GREATEST = 2**15 - 1


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


class _Interpolated(FloatTable):
    """A function whose table is interpolated for int16."""

    def wide(self, scope: Scope, source: Source, result: Quantized, shape: tuple[int, ...]) -> Fused | None:  # noqa: ARG002
        """Inputs are x and the table."""
        return fused_table(self.kind, source, shape, interpolated(self.function, source, result))

    def wide_kernel(self, request: KernelRequest) -> Kernel:
        """x int16 -> y int16 of the same shape."""
        return table_kernel_16(self.kind.lower(), request)


class Exp(_Interpolated):
    """exp(x)."""

    kind: ClassVar[str] = "EXP"
    operator: ClassVar[str] = "exp"

    @staticmethod
    def function(values: Floats) -> Floats:
        """Rounded to float32, as expf does."""
        return _in_double(_power, values)


class Gelu(_Interpolated):
    """x * Phi(x)."""

    kind: ClassVar[str] = "GELU"
    operator: ClassVar[str] = "nn.gelu"

    @staticmethod
    def function(values: Floats) -> Floats:
        """0.5 * x * erfc(-x / sqrt(2))."""
        return (np.float32(0.5) * values * erfc_32(values * np.float32(-math.sqrt(0.5)))).astype(np.float32)


class GeluTanh(_Interpolated):
    """GELU by its approximation."""

    kind: ClassVar[str] = "GELU_TANH"
    operator: ClassVar[str] = "nn.gelu_tanh"

    @staticmethod
    def function(values: Floats) -> Floats:
        """0.5 * x * (1 + tanh(sqrt(2 / pi) * (x + 0.044715 * x**3)))."""
        cubic = values + np.float32(0.044715) * values * values * values
        arguments = (np.float32(math.sqrt(2 / math.pi)) * cubic).astype(np.float32)
        return (np.float32(0.5) * values * (np.float32(1) + tanh_32(arguments))).astype(np.float32)


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


class Log(_Interpolated):
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

    def wide(self, scope: Scope, source: Source, result: Quantized, shape: tuple[int, ...]) -> Fused | None:  # noqa: ARG002
        """Samples where the logarithm is not defined are the least number of the result."""
        least = np.float32(np.iinfo("int16").min - result.zero_point) * np.float32(result.scale)

        def function(values: Floats) -> Floats:
            return np.where(values <= 0, least, self.function(values)).astype(np.float32)

        return fused_table(self.kind, source, shape, interpolated(function, source, result))


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
        return requantize(np.abs(source.centred), *self._scaling(source, result)) + result.zero_point

    @staticmethod
    def _scaling(source: Source, result: Quantized) -> Scaling:
        return quantize_multiplier(float(source.scale / np.float32(result.scale)))

    def wide(self, scope: Scope, source: Source, result: Quantized, shape: tuple[int, ...]) -> Fused | None:  # noqa: ARG002
        """Rescaled magnitudes."""
        scaling = self._scaling(source, result)
        return fused_rescaling(self.kind, source, result, shape, scaling, scaling, magnitude=True)

    def wide_kernel(self, request: KernelRequest) -> Kernel:
        """x int16 -> y int16 of the same shape."""
        return rescaling_kernel("abs", request)


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

    def wide(self, scope: Scope, source: Source, result: Quantized, shape: tuple[int, ...]) -> Fused | None:  # noqa: ARG002
        """Both scales are attributes; the reference demands zero points of 0."""
        if source.zero_point or result.zero_point:
            return None
        return Fused(
            self.kind, (source.value,), shape, "int16", {"source": float(source.scale), "result": result.scale}
        )

    def wide_kernel(self, request: KernelRequest) -> Kernel:
        """x int16 -> y int16 of the same shape."""
        x = request.inputs[0]
        scales = [np.float32(request.attributes[name]) for name in ("source", "result")]
        if x.value is not None:
            roots = np.sqrt(np.maximum(x.value, 0).astype(np.float32) * scales[0]) / scales[1]
            return constant_kernel("sqrt", np.minimum(np.trunc(roots), _GREATEST).astype(np.int16))
        with KernelBuilder("sqrt") as k:
            source, y = k.input("x", (x.elements,), "int16"), k.output("y", (x.elements,), "int16")
            numbers = [tirx.const(float(scale), "float32") for scale in scales]
            k.call("ai_k_sqrt_s16", address(source), address(y, write=True), x.elements, *numbers)
        return k.kernel()


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

    def wide(self, scope: Scope, source: Source, result: Quantized, shape: tuple[int, ...]) -> Fused | None:  # noqa: ARG002
        """Interpolated; samples at 0 and below are the greatest number of the result."""
        most = np.float32(_GREATEST) * np.float32(result.scale)

        def function(values: Floats) -> Floats:
            roots = np.sqrt(np.where(values > 0, values, np.float32(1)))
            return np.where(values > 0, np.float32(1) / roots, most).astype(np.float32)

        return fused_table(self.kind, source, shape, interpolated(function, source, result))

    def wide_kernel(self, request: KernelRequest) -> Kernel:
        """x int16 -> y int16 of the same shape."""
        return table_kernel_16("rsqrt", request)

    @staticmethod
    def _one(value: int, scaling: tuple[int, int], zero_point: int) -> int:
        """1 / sqrt(value) requantized, value > 0."""
        inverse, shift = inverse_square_root(value)
        root = requantize(1, inverse, shift + _ROOT_BITS)
        return int(requantize(root, scaling[0], scaling[1] - _ROOT_BITS)) + zero_point
