# SPDX-License-Identifier: Apache-2.0
"""SOFTMAX and LOG_SOFTMAX over the last axis; SOFTMAX of int16 is in ``softmax_16.py``.

Arithmetic, established against the reference interpreter: fixed point throughout. Differences to the row's maximum are
scaled to Q5.26 by beta * input scale (double); exp gives Q0.31, the sum of exp is Q12.19; SOFTMAX multiplies with the
reciprocal of the sum (three Newton steps), LOG_SOFTMAX subtracts its logarithm. exp depends on nothing but the
difference of two int8 values, so it is a table here (``ai_k_softmax.h``); it ends where the difference times the power
of two above beta * scale exceeds 31: from there on the reference takes exp for 0. The reference aborts on a row whose
exponentials sum up to 512 or more; there the results are 0, which is their true value rounded.
"""

from __future__ import annotations

import math
from typing import ClassVar

import numpy as np
from numpy.typing import NDArray
from tvm import relax

from stm32_emitter.errors import ModelRefused
from stm32_emitter.operators.base import Attribute, Fused, KernelRequest, OperatorDefinition, constant
from stm32_emitter.operators.fixed_point import quantize_multiplier
from stm32_emitter.operators.gemmlowp import exp_on_negative, ints, mul_high, requantize, wrap32
from stm32_emitter.operators.scope import Quantized, Scope, shape_of
from stm32_emitter.operators.softmax_16 import MOST_ELEMENTS, scaling, softmax_16_kernel
from stm32_emitter.operators.table import Source, source_of
from stm32_emitter.tir.builder import Kernel, KernelBuilder, address

_DIFFERENCES = 256
"""How many differences two int8 values can have."""


def input_scaling(beta: float, scale: np.float32) -> tuple[int, int, int]:
    """(multiplier, shift, least difference that counts) for differences of int8 values.

    Raises:
        ModelRefused: beta * scale is not above 2**-26.
    """
    real = min(float(np.float32(beta)) * float(scale) * (1 << 26), 2.0**31 - 1.0)
    if real <= 1.0:
        raise ModelRefused(
            f"beta * input scale is {real / (1 << 26)}, it must be above 2**-26",
            hint="Quantize the model with representative data.",
        )
    multiplier, shift = _any_multiplier(real)
    return multiplier, shift, -math.floor(31.0 * (1 << 26) / (1 << shift))


def _any_multiplier(real: float) -> tuple[int, int]:
    """As quantize_multiplier, for multipliers below 2**31."""
    multiplier, shift = quantize_multiplier(real / 2.0)
    return multiplier, shift + 1


class _OverRows(OperatorDefinition):
    """What the two have in common."""

    roots: ClassVar[tuple[str, ...]] = ("quantize",)
    operator: ClassVar[str]
    """The Relax operator."""
    output: ClassVar[tuple[float, int]]
    """The output's scale and zero point, which the arithmetic presumes."""

    def parts(self, scope: Scope, root: relax.Call, dtype: str = "int8") -> tuple[Source, float] | None:
        """(x, beta) of quantize(f(beta * dequantize(x))), or None."""
        result = scope.quantized(root)
        call = None if result is None or result.dtype != dtype else scope.call(result.value, self.operator)
        if result is None or call is None or result.low is not None or result.high is not None:
            return None
        if int(call.attrs.axis) not in (-1, len(shape_of(root)) - 1):
            return None
        inner, beta = scaled_by(scope, call.args[0])
        source = source_of(scope, inner, (dtype,))
        if source is None:
            return None
        self._check(result, self.output if dtype == "int8" else (1 / 32768, 0))
        return source, beta

    def _check(self, result: Quantized, output: tuple[float, int]) -> None:
        scale, zero_point = output
        if result.zero_point != zero_point or not math.isclose(result.scale, scale, rel_tol=1e-3):
            raise ModelRefused(
                f"its output has scale {result.scale} and zero point {result.zero_point}; "
                f"the reference defines it for {scale} and {zero_point} only",
                hint="Quantize the model again with the TFLite converter, which sets these values.",
            )


def scaled_by(scope: Scope, expr: relax.Expr) -> tuple[relax.Expr, float]:
    """(x, beta) of multiply(x, beta)."""
    call = scope.call(expr, "multiply")
    factor = None if call is None else scope.constant(call.args[1])
    if call is None or factor is None or factor.size != 1:
        return expr, 1.0
    return call.args[0], float(factor.ravel()[0])


class Softmax(_OverRows):
    """exp(beta * x) / sum of exp(beta * x)."""

    kind: ClassVar[str] = "SOFTMAX"
    operator: ClassVar[str] = "nn.softmax"
    output: ClassVar[tuple[float, int]] = (1 / 256, -128)

    def match(self, scope: Scope, root: relax.Call) -> Fused | None:
        """Inputs are x and the table of exp; its length is the number of differences that count."""
        wide = self.parts(scope, root, "int16")
        if wide is not None:
            return _fused_16(self.kind, *wide, shape_of(root))
        parts = self.parts(scope, root)
        if parts is None:
            return None
        source, beta = parts
        return Fused(self.kind, (source.value, constant(exp_table(beta, source.scale))), shape_of(root), "int8")

    def kernel(self, request: KernelRequest) -> Kernel:
        """x int8 [..., N] -> y int8 [..., N], or both int16."""
        if request.output.dtype == "int16":
            return softmax_16_kernel(request)
        return _kernel("softmax", "ai_k_softmax_s8", request)


def _fused_16(kind: str, source: Source, beta: float, shape: tuple[int, ...]) -> Fused:
    if shape and shape[-1] > MOST_ELEMENTS:
        raise ModelRefused(f"its rows have {shape[-1]} elements, at most {MOST_ELEMENTS} are possible for int16")
    multiplier, shift = scaling(beta, source.scale)
    return Fused(kind, (source.value,), shape, "int16", {"multiplier": multiplier, "shift": shift})


def exp_table(beta: float, scale: np.float32) -> NDArray[np.int32]:
    """exp(-i * beta * scale) in Q0.31 for i = 0, 1, ... as long as it counts."""
    multiplier, shift, least = input_scaling(beta, scale)
    differences = -np.arange(min(_DIFFERENCES, 1 - least), dtype=np.int64)
    scaled = mul_high(wrap32(ints(differences) << shift), multiplier)
    return exp_on_negative(scaled).astype(np.int32)


class LogSoftmax(_OverRows):
    """x - log(sum of exp(x))."""

    kind: ClassVar[str] = "LOG_SOFTMAX"
    operator: ClassVar[str] = "nn.log_softmax"
    output: ClassVar[tuple[float, int]] = (16 / 256, 127)

    def match(self, scope: Scope, root: relax.Call) -> Fused | None:
        """Inputs are x and the table of exp; attributes are the fixed-point scaling and its inverse."""
        parts = self.parts(scope, root)
        if parts is None:
            return None
        source, beta = parts
        multiplier, shift, least = input_scaling(beta, source.scale)
        differences = -np.arange(min(_DIFFERENCES, 1 - least), dtype=np.int64)
        table = exp_on_negative(requantize(differences, multiplier, shift)).astype(np.int32)
        inverse, inverse_shift = quantize_multiplier(2.0 ** (31 - shift) / multiplier)
        attributes: dict[str, Attribute] = {
            "multiplier": multiplier, "shift": shift, "inverse": inverse, "inverse_shift": inverse_shift,
            "least": least,
        }  # fmt: skip
        return Fused(self.kind, (source.value, constant(table)), shape_of(root), "int8", attributes)

    def kernel(self, request: KernelRequest) -> Kernel:
        """x int8 [..., N] -> y int8 [..., N]."""
        names = ("multiplier", "shift", "inverse", "inverse_shift", "least")
        return _kernel("log_softmax", "ai_k_log_softmax_s8", request, *map(request.integer, names))


def _kernel(name: str, function: str, request: KernelRequest, *parameters: int) -> Kernel:
    x = request.inputs[0]
    depth = x.shape[-1] if x.shape else 1
    table = request.constant(1)
    with KernelBuilder(name) as k:
        source = k.input("x", (x.elements,), "int8") if x.value is None else k.constant("x", x.value.ravel())
        exps = k.constant("exp", table)
        y = k.output("y", (x.elements,), "int8")
        k.call(
            function, address(source), address(y, write=True), x.elements // depth, depth,
            address(exps), len(table), *parameters,
        )  # fmt: skip
    return k.kernel()
