# SPDX-License-Identifier: Apache-2.0
"""MUL.

Arithmetic, established against the reference interpreter: the product of both operands minus their zero points,
requantized (two roundings) by left scale * right scale / output scale, product and quotient in float32.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, ClassVar

import numpy as np

from stm32_emitter.operators.base import Attribute, KernelRequest
from stm32_emitter.operators.elementwise import BinaryOperator
from stm32_emitter.operators.fixed_point import quantize_multiplier
from stm32_emitter.operators.scope import Quantized
from stm32_emitter.operators.table import Source
from stm32_emitter.tir.builder import expression


class Mul(BinaryOperator):
    """a * b."""

    kind: ClassVar[str] = "MUL"
    operator: ClassVar[str] = "multiply"

    def parameters(self, left: Source, right: Source, result: Quantized) -> dict[str, Attribute]:
        """Multiplier and shift of the product."""
        real = np.float32(left.scale * right.scale) / np.float32(result.scale)
        multiplier, shift = quantize_multiplier(float(real))
        return {"multiplier": multiplier, "shift": shift}

    def operands(self, request: KernelRequest) -> tuple[Callable[[Any], Any], Callable[[Any], Any]]:
        """x - zero point."""
        left, right = request.integer("left_zero_point"), request.integer("right_zero_point")
        return (lambda value: value - left), (lambda value: value - right)

    def combined(self, request: KernelRequest, left: Any, right: Any) -> Any:
        """The requantized product."""
        return expression("ai_k_requantize", left * right, request.integer("multiplier"), request.integer("shift"))
