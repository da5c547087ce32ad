# SPDX-License-Identifier: Apache-2.0
"""PRELU on int8, int16 and float32: x where it is not negative, else alpha * x; alpha has any shape that broadcasts.

Arithmetic on integers, established against the reference interpreter: both minus their zero points; x >= 0 is
requantized (two roundings) by input scale / output scale, else x * alpha by input scale * alpha scale / output scale,
products and quotients in float32. With x of int16 alpha is int8: what else it is, the reference reads it as bytes.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any, ClassVar

import numpy as np
from tvm import relax, tirx

from stm32_emitter.operators.arithmetic_float import FloatBinary
from stm32_emitter.operators.base import Attribute, KernelRequest
from stm32_emitter.operators.elementwise import BinaryOperator
from stm32_emitter.operators.fixed_point import quantize_multiplier
from stm32_emitter.operators.float_group import UNBOUNDED
from stm32_emitter.operators.scope import Quantized, Scope
from stm32_emitter.operators.table import Source
from stm32_emitter.tir.builder import expression


def prelu_operands(scope: Scope, expr: relax.Expr) -> tuple[relax.Expr, relax.Expr] | None:
    """(x, alpha) of max(x, 0) + min(x, 0) * alpha, or None."""
    total = scope.call(expr, "add")
    above = None if total is None else scope.call(total.args[0], "nn.relu")
    product = None if total is None else scope.call(total.args[1], "multiply")
    below = None if product is None else scope.call(product.args[0], "minimum")
    if above is None or product is None or below is None or not below.args[0].same_as(above.args[0]):
        return None
    zero = scope.constant(below.args[1])
    return (above.args[0], product.args[1]) if zero is not None and not zero.any() else None


class Prelu(BinaryOperator):
    """On int8 and int16."""

    kind: ClassVar[str] = "PRELU"
    operator: ClassVar[str] = "add"
    dtypes: ClassVar[tuple[str, ...]] = ("int8", "int16")
    right_dtypes: ClassVar[Mapping[str, str]] = {"int16": "int8"}

    def pair(self, scope: Scope, expr: relax.Expr) -> tuple[relax.Expr, relax.Expr] | None:
        """x and alpha."""
        return prelu_operands(scope, expr)

    def parameters(self, left: Source, right: Source, result: Quantized) -> dict[str, Attribute]:
        """A multiplier and a shift for each side of 0."""
        scale = np.float32(result.scale)
        above = quantize_multiplier(float(left.scale / scale))
        below = quantize_multiplier(float(np.float32(left.scale * right.scale) / scale))
        return {"above": list(above), "below": list(below)}

    def operands(self, request: KernelRequest) -> tuple[Callable[[Any], Any], Callable[[Any], Any]]:
        """Minus the zero points."""
        left, right = request.integer("left_zero_point"), request.integer("right_zero_point")
        return (lambda value: value - left), (lambda value: value - right)

    def combined(self, request: KernelRequest, left: Any, right: Any) -> Any:
        """See the top of this file."""
        above = expression("ai_k_requantize", left, *request.integers("above"))
        below = expression("ai_k_requantize", left * right, *request.integers("below"))
        return tirx.Select(left >= 0, above, below)


class PreluFloat(FloatBinary):
    """On float32."""

    kind: ClassVar[str] = "PRELU_F32"
    roots: ClassVar[tuple[str, ...]] = ("add",)

    def group(self, scope: Scope, root: relax.Call) -> tuple[tuple[relax.Expr, ...], dict[str, Attribute]] | None:
        """x and alpha; there is no activation."""
        operands = prelu_operands(scope, root)
        return None if operands is None else (operands, UNBOUNDED)

    def combined(self, left: Any, right: Any) -> Any:
        """x or x * alpha."""
        return tirx.Select(left >= tirx.const(0.0, "float32"), left, left * right)
