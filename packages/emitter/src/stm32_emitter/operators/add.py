# SPDX-License-Identifier: Apache-2.0
"""ADD and SUB.

Arithmetic, established against the reference interpreter: both operands minus their zero points are shifted left by 20
bits and scaled (two roundings) to twice the larger of the two scales, added or subtracted, and requantized (two
roundings) by 2 * larger scale / (2**20 * output scale), all factors in double. The operand with the larger scale has
the factor 1/2, which is exact: a shift by 19 bits.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, ClassVar

import numpy as np

from stm32_emitter.operators.base import Attribute, KernelRequest
from stm32_emitter.operators.elementwise import BinaryOperator
from stm32_emitter.operators.fixed_point import quantize_multiplier
from stm32_emitter.operators.gemmlowp import requantize
from stm32_emitter.operators.scope import Quantized
from stm32_emitter.operators.table import Source
from stm32_emitter.tir.builder import expression

_HALF = (1 << 30, 0)
_LEFT_SHIFT = 20


class Add(BinaryOperator):
    """a + b."""

    kind: ClassVar[str] = "ADD"
    operator: ClassVar[str] = "add"

    def parameters(self, left: Source, right: Source, result: Quantized) -> dict[str, Attribute]:
        """Multiplier and shift of both operands and of the sum."""
        twice = 2.0 * float(max(left.scale, right.scale))
        factors = {
            "left": float(left.scale) / twice,
            "right": float(right.scale) / twice,
            "output": twice / ((1 << _LEFT_SHIFT) * result.scale),
        }
        attributes: dict[str, Attribute] = {}
        for name, real in factors.items():
            attributes[f"{name}_multiplier"], attributes[f"{name}_shift"] = quantize_multiplier(real)
        return attributes

    def operands(self, request: KernelRequest) -> tuple[Callable[[Any], Any], Callable[[Any], Any]]:
        """(x - zero point) * 2**20 * factor."""
        return _term(request, "left"), _term(request, "right")

    def combined(self, request: KernelRequest, left: Any, right: Any) -> Any:
        """The requantized sum."""
        return expression("ai_k_requantize", left + right, *_scaling(request, "output"))


class Sub(Add):
    """a - b."""

    kind: ClassVar[str] = "SUB"
    operator: ClassVar[str] = "subtract"

    def combined(self, request: KernelRequest, left: Any, right: Any) -> Any:
        """The requantized difference."""
        return expression("ai_k_requantize", left - right, *_scaling(request, "output"))


def _scaling(request: KernelRequest, name: str) -> tuple[int, int]:
    return request.integer(f"{name}_multiplier"), request.integer(f"{name}_shift")


def _term(request: KernelRequest, name: str) -> Callable[[Any], Any]:
    zero_point, scaling = request.integer(f"{name}_zero_point"), _scaling(request, name)

    def prepare(value: Any) -> Any:
        centred = value - zero_point
        if scaling == _HALF:
            return centred * (1 << (_LEFT_SHIFT - 1))
        if isinstance(value, np.ndarray):
            return requantize(centred << _LEFT_SHIFT, *scaling)
        return expression("ai_k_requantize", centred * (1 << _LEFT_SHIFT), *scaling)

    return prepare
