# SPDX-License-Identifier: Apache-2.0
"""MUL.

Arithmetic, established against the reference interpreter: the product of both operands minus their zero points,
requantized (two roundings) by left scale * right scale / output scale, product and quotient in float32. Where one
multiplication and a shift give the same results for all 65536 pairs of bytes, they are what is computed
(``scaled_product.py``); with a constant scalar, the linear form of ``linear_sum.py``.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any, ClassVar

import numpy as np

from stm32_emitter.operators.base import Attribute, KernelRequest
from stm32_emitter.operators.elementwise import BinaryOperator
from stm32_emitter.operators.fixed_point import quantize_multiplier
from stm32_emitter.operators.gemmlowp import Ints, requantize
from stm32_emitter.operators.linear_sum import BYTES, linear_schedule, linear_sum
from stm32_emitter.operators.scaled_product import product_schedule, scaled_product
from stm32_emitter.operators.schedule import Schedule
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

    def schedules(self, request: KernelRequest) -> Sequence[Schedule]:
        """One multiplication and a shift, if they are exact, and the reference's own arithmetic."""
        cycles = _PLAIN * request.output.elements
        plain = Schedule("plain", lambda: self.kernel(request), "one by one, rounded twice", cycles)
        constant = [spec.value is not None for spec in request.inputs]
        if all(constant):
            return (plain,)
        scalars = [i for i, spec in enumerate(request.inputs) if constant[i] and spec.elements == 1]
        fast = self._by_scalar(request, scalars[0]) if scalars else self._product(request)
        return (plain,) if fast is None else (fast, plain)

    def _product(self, request: KernelRequest) -> Schedule | None:
        real = float(np.ldexp(request.integer("multiplier"), request.integer("shift") - 31))
        bounds = request.integer("low"), request.integer("high")
        zero_points = request.integer("left_zero_point"), request.integer("right_zero_point")
        form = scaled_product(self.results(request), real, zero_points, bounds)
        return None if form is None else product_schedule(request, form)

    def _by_scalar(self, request: KernelRequest, position: int) -> Schedule | None:
        """The product with one constant, which is linear in the other operand."""
        value = int(request.constant(position).ravel()[0])
        name = ("left_zero_point", "right_zero_point")[position]
        real = np.ldexp(request.integer("multiplier"), request.integer("shift") - 31)
        factors = [0.0, 0.0]
        factors[1 - position] = float(real) * (value - request.integer(name))
        results = self.results(request)
        row = np.take(results, [value + 128], axis=position)
        bounds = request.integer("low"), request.integer("high")
        form = linear_sum(np.broadcast_to(row, results.shape), factors[0], factors[1], bounds)
        return None if form is None else linear_schedule("mul", request, form)

    def results(self, request: KernelRequest) -> Ints:
        """What the reference computes for all values of a and b, int64 [256, 256]."""
        left, right = (prepare(BYTES) for prepare in self.operands(request))
        scaling = request.integer("multiplier"), request.integer("shift")
        scaled = requantize(left[:, None] * right[None, :], *scaling) + request.integer("output_zero_point")
        return np.clip(scaled, request.integer("low"), request.integer("high"))


_PLAIN = 25.0
"""Measured Cortex-M4 cycles of an element that is rounded twice."""
