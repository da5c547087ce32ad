# SPDX-License-Identifier: Apache-2.0
"""ADD and SUB.

Arithmetic, established against the reference interpreter: both operands minus their zero points are shifted left by 20
bits and scaled (two roundings) to twice the larger of the two scales, added or subtracted, and requantized (two
roundings) by 2 * larger scale / (2**20 * output scale), all factors in double. The operand with the larger scale has
the factor 1/2, which is exact: a shift by 19 bits. Where a linear form of the two bytes gives the same results for all
65536 pairs, it is what is computed (``linear_sum.py``).

int16 is the same with a shift by 15 bits, unless all three scales are powers of two: then each operand is divided by
output scale / its scale, rounded half away from zero, and the sum is saturated to 16 bits. The reference demands that
neither is negative and one is 1. With its option pot_scale_int16 false such scales are like all others (the frontend
makes that operator at once).

ONNX (onnxruntime's QLinearAdd, with fused products): rint(fma(a, fa, fma(b, fb, z - fma(fa, za, fb * zb)))) with fa =
left scale / output scale in float32, fb likewise, za, zb and z the zero points, limited. onnxruntime has no such kernel
for SUB; it is computed alike, which is another byte next to ties.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from typing import Any, ClassVar

import numpy as np
from tvm import tirx

from stm32_emitter.errors import ModelRefused
from stm32_emitter.operators.base import Attribute, KernelRequest
from stm32_emitter.operators.elementwise import BinaryOperator
from stm32_emitter.operators.fixed_point import quantize_multiplier
from stm32_emitter.operators.gemmlowp import Ints, ints, requantize, round_shift
from stm32_emitter.operators.linear_sum import BYTES, LinearSum, linear_schedule, linear_sum
from stm32_emitter.operators.nearest import fused_product, is_nearest, rounding
from stm32_emitter.operators.schedule import Schedule
from stm32_emitter.operators.scope import Quantized
from stm32_emitter.operators.table import Source
from stm32_emitter.tir.builder import expression

_FACTORS = ("left_factor", "right_factor", "constant")
_HALF = (1 << 30, 0)
_LEFT_SHIFT, _LEFT_SHIFT_16 = 20, 15
_INT16 = (-(1 << 15), (1 << 15) - 1)


class Add(BinaryOperator):
    """a + b."""

    kind: ClassVar[str] = "ADD"
    operator: ClassVar[str] = "add"
    dtypes: ClassVar[tuple[str, ...]] = ("int8", "int16")
    sign: ClassVar[int] = 1
    """Of the right operand."""

    def parameters(self, left: Source, right: Source, result: Quantized) -> dict[str, Attribute]:
        """Multiplier and shift of both operands and of the sum; or only the shifts to the right of both operands."""
        if result.dtype == "int16" and all(map(_is_power, (left.scale, right.scale, result.scale))):
            return _powers(left, right, result)
        return self.scaled_parameters(left, right, result)

    @staticmethod
    def scaled_parameters(left: Source, right: Source, result: Quantized) -> dict[str, Attribute]:
        """Multiplier and shift of both operands and of the sum, also of scales that are powers of two."""
        bits = _left_shift(result.dtype)
        twice = 2.0 * float(max(left.scale, right.scale))
        factors = {
            "left": float(left.scale) / twice,
            "right": float(right.scale) / twice,
            "output": twice / ((1 << bits) * result.scale),
        }
        attributes: dict[str, Attribute] = {}
        for name, real in factors.items():
            attributes[f"{name}_multiplier"], attributes[f"{name}_shift"] = quantize_multiplier(real)
        return attributes

    def nearest_parameters(
        self, left: Source, right: Source, result: Quantized, *, unsigned: bool
    ) -> dict[str, Attribute]:
        """Factors of float32 and what is added to the sum; ``offset`` is what bytes of int8 lack."""
        offset, scale = (128 if unsigned else 0), np.float32(result.scale)
        factors = left.scale / scale, np.float32(self.sign) * right.scale / scale
        # fma(left factor, left zero point, right factor * right zero point)
        second = factors[1] * np.float32(right.zero_point + offset)
        zero = fused_product(left.zero_point + offset, factors[0], second)
        constant = np.float32(result.zero_point + offset) - zero
        return {
            "left_factor": float(factors[0]), "right_factor": float(factors[1]), "constant": float(constant),
            "offset": offset, **rounding(nearest=True),
        }  # fmt: skip

    def operands(self, request: KernelRequest) -> tuple[Callable[[Any], Any], Callable[[Any], Any]]:
        """(x - zero point) * 2**20 * factor; of ONNX models the original's byte."""
        if is_nearest(request):
            offset = request.integer("offset")
            return (lambda value: value + offset), (lambda value: value + offset)
        return _term(request, "left"), _term(request, "right")

    def combined(self, request: KernelRequest, left: Any, right: Any) -> Any:
        """The requantized sum or difference."""
        if is_nearest(request):
            factors = [tirx.const(float(request.attributes[name]), "float32") for name in _FACTORS]
            # The zero point is in the constant.
            whole = expression("ai_k_sum_nearest", left, right, *factors)
            return whole - (request.integer("offset") + request.integer("output_zero_point"))
        total = left + right if self.sign > 0 else left - right
        if "left_right" in request.attributes:
            return expression("ai_k_clamp", total, *_INT16)
        return expression("ai_k_requantize", total, *_scaling(request, "output"))

    def schedules(self, request: KernelRequest) -> Sequence[Schedule]:
        """A linear form of both bytes, if there is an exact one, and the reference's own arithmetic."""
        plain = Schedule(
            "plain", lambda: self.kernel(request), "one by one, scaled three times", _PLAIN * request.output.elements
        )
        narrow = request.output.dtype == "int8"
        form = None if not narrow or all(spec.value is not None for spec in request.inputs) else self.form(request)
        if form is None:
            return (plain,)
        return linear_schedule(self.kind.lower(), request, form), plain

    def form(self, request: KernelRequest) -> LinearSum | None:
        """The linear form with the results of the reference, or None."""
        results, bounds = self.results(request), (request.integer("low"), request.integer("high"))
        if is_nearest(request):
            left, right, _ = (float(request.attributes[name]) for name in _FACTORS)
            return linear_sum(results, left, right, bounds)
        scale = np.ldexp(request.integer("output_multiplier"), request.integer("output_shift") - 31 + _LEFT_SHIFT)
        factors = [
            scale * np.ldexp(request.integer(f"{name}_multiplier"), request.integer(f"{name}_shift") - 31)
            for name in ("left", "right")
        ]
        return linear_sum(results, float(factors[0]), float(self.sign * factors[1]), bounds)

    def results(self, request: KernelRequest) -> Ints:
        """What the reference computes for all values of a and b, int64 [256, 256]."""
        low, high = request.integer("low"), request.integer("high")
        if is_nearest(request):
            return np.clip(nearest_sum(request, BYTES[:, None], BYTES[None, :]), low, high)
        left, right = (prepare(BYTES) for prepare in self.operands(request))
        total = left[:, None] + self.sign * right[None, :]
        scaled = requantize(total, *_scaling(request, "output")) + request.integer("output_zero_point")
        return np.clip(scaled, low, high)


def nearest_sum(request: KernelRequest, left: Ints, right: Ints) -> Ints:
    """What ONNX gives for the bytes ``left`` and ``right``, which broadcast; not limited."""
    first, second, constant = (np.float32(request.attributes[name]) for name in _FACTORS)
    offset = request.integer("offset")
    real = fused_product(left + offset, first, fused_product(right + offset, second, constant))
    return ints(np.rint(real)) - offset


class Sub(Add):
    """a - b."""

    kind: ClassVar[str] = "SUB"
    operator: ClassVar[str] = "subtract"
    sign: ClassVar[int] = -1


_PLAIN = 42.0
"""Measured Cortex-M4 cycles of an element that is scaled three times."""


def _scaling(request: KernelRequest, name: str) -> tuple[int, int]:
    return request.integer(f"{name}_multiplier"), request.integer(f"{name}_shift")


def _term(request: KernelRequest, name: str) -> Callable[[Any], Any]:
    if "left_right" in request.attributes:
        return _divided(request.integer(f"{name}_right"))
    zero_point, scaling = request.integer(f"{name}_zero_point"), _scaling(request, name)
    bits = _left_shift(request.output.dtype)

    def prepare(value: Any) -> Any:
        centred = value - zero_point
        if scaling == _HALF:
            return centred * (1 << (bits - 1))
        if isinstance(value, np.ndarray):
            return requantize(centred << bits, *scaling)
        return expression("ai_k_requantize", centred * (1 << bits), *scaling)

    return prepare


def _left_shift(dtype: str) -> int:
    """Bits by which operands are shifted before they are scaled."""
    return _LEFT_SHIFT if dtype == "int8" else _LEFT_SHIFT_16


def _divided(bits: int) -> Callable[[Any], Any]:
    """value / 2**bits, rounded half away from zero."""

    def prepare(value: Any) -> Any:
        if bits == 0:
            return value
        return (
            round_shift(value, bits) if isinstance(value, np.ndarray) else expression("ai_k_round_shift", value, bits)
        )

    return prepare


def _is_power(scale: Any) -> bool:
    """Whether a scale is a power of two."""
    return bool(math.frexp(float(scale))[0] == 0.5)


def _powers(left: Source, right: Source, result: Quantized) -> dict[str, Attribute]:
    """Shifts to the right of both operands.

    Raises:
        ModelRefused: the reference does not take such scales.
    """
    shifts = [round(math.log2(result.scale / float(source.scale))) for source in (left, right)]
    if min(shifts) != 0:
        raise ModelRefused(
            f"its scales are powers of two, {left.scale}, {right.scale} and {result.scale} for the result: for int16 "
            "the result's has to be the larger one of the other two",
            hint="Quantize the model with scales that are no powers of two.",
        )
    return {"left_right": shifts[0], "right_right": shifts[1]}
