# SPDX-License-Identifier: Apache-2.0
"""SQUARED_DIFFERENCE on int8 and float32.

Arithmetic on int8, established against the reference interpreter: both operands minus their zero points are shifted
left by 7 bits and scaled (two roundings) to twice the larger of the two scales; the square of their difference is
requantized (two roundings) by (2 * larger scale)**2 / (2**14 * output scale), all factors in double.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, ClassVar

import numpy as np
from tvm import relax

from stm32_emitter.operators.arithmetic_float import FloatBinary
from stm32_emitter.operators.base import Attribute, KernelRequest
from stm32_emitter.operators.elementwise import BinaryOperator
from stm32_emitter.operators.fixed_point import quantize_multiplier
from stm32_emitter.operators.float_group import UNBOUNDED
from stm32_emitter.operators.gemmlowp import requantize
from stm32_emitter.operators.scope import Quantized, Scope
from stm32_emitter.operators.table import Source
from stm32_emitter.tir.builder import expression

_LEFT_SHIFT = 7


def difference_of(scope: Scope, expr: relax.Expr) -> tuple[relax.Expr, relax.Expr] | None:
    """(a, b) of square(a - b), or None."""
    square = scope.call(expr, "square")
    call = None if square is None else scope.call(square.args[0], "subtract")
    return None if call is None else (call.args[0], call.args[1])


class SquaredDifference(BinaryOperator):
    """On int8."""

    kind: ClassVar[str] = "SQUARED_DIFFERENCE"
    operator: ClassVar[str] = "square"

    def pair(self, scope: Scope, expr: relax.Expr) -> tuple[relax.Expr, relax.Expr] | None:
        """a and b."""
        return difference_of(scope, expr)

    def parameters(self, left: Source, right: Source, result: Quantized) -> dict[str, Attribute]:
        """Multiplier and shift of both operands and of the square."""
        twice = 2.0 * float(max(left.scale, right.scale))
        output = twice * twice / ((1 << (2 * _LEFT_SHIFT)) * result.scale)
        factors = {"left": float(left.scale) / twice, "right": float(right.scale) / twice, "output": output}
        return {name: list(quantize_multiplier(real)) for name, real in factors.items()}

    def operands(self, request: KernelRequest) -> tuple[Callable[[Any], Any], Callable[[Any], Any]]:
        """(x - zero point) * 2**7 * factor."""
        return _term(request, "left"), _term(request, "right")

    def combined(self, request: KernelRequest, left: Any, right: Any) -> Any:
        """The requantized square."""
        return expression("ai_k_requantize", expression("ai_k_square", left - right), *request.integers("output"))


class SquaredDifferenceFloat(FloatBinary):
    """On float32."""

    kind: ClassVar[str] = "SQUARED_DIFFERENCE_F32"
    roots: ClassVar[tuple[str, ...]] = ("square",)

    def group(self, scope: Scope, root: relax.Call) -> tuple[tuple[relax.Expr, ...], dict[str, Attribute]] | None:
        """a and b; there is no activation."""
        operands = difference_of(scope, root)
        return None if operands is None else (operands, UNBOUNDED)

    def combined(self, left: Any, right: Any) -> Any:
        """(a - b)**2."""
        return (left - right) * (left - right)


def _term(request: KernelRequest, name: str) -> Callable[[Any], Any]:
    zero_point, scaling = request.integer(f"{name}_zero_point"), request.integers(name)

    def prepare(value: Any) -> Any:
        shifted = (value - zero_point) * (1 << _LEFT_SHIFT)
        if isinstance(value, np.ndarray):
            return requantize(shifted, *scaling)
        return expression("ai_k_requantize", shifted, *scaling)

    return prepare
