# SPDX-License-Identifier: Apache-2.0
"""DIV on int8 and float32.

Arithmetic on int8, established against the reference interpreter: both operands minus their zero points, a negative
divisor made positive with the dividend's sign turned. The dividend, shifted left as far as 32 bits allow, is multiplied
by the divisor's reciprocal (Newton's method) and by left scale / (right scale * output scale) in float32, both products
rounded, and shifted right with rounding. Shifts beyond 31 bits are not defined there: a layer with such scales is
refused. The reference stops with an error at a divisor of 0; the result is the dividend's, scaled, here.
"""

from __future__ import annotations

from typing import Any, ClassVar

import numpy as np
from numpy.typing import NDArray
from tvm import relax, tirx

from stm32_emitter.errors import ModelRefused
from stm32_emitter.operators.arithmetic_float import FloatBinary
from stm32_emitter.operators.base import Attribute, Fused, KernelRequest
from stm32_emitter.operators.elementwise import BinaryOperator, broadcast_axes, nest
from stm32_emitter.operators.fixed_point import quantize_multiplier
from stm32_emitter.operators.float_group import LARGEST, number
from stm32_emitter.operators.gemmlowp import reciprocal
from stm32_emitter.operators.scope import Quantized, Scope
from stm32_emitter.operators.table import Source
from stm32_emitter.tir.builder import Kernel, KernelBuilder, expression


class Div(BinaryOperator):
    """On int8."""

    kind: ClassVar[str] = "DIV"
    operator: ClassVar[str] = "divide"

    def match(self, scope: Scope, root: relax.Call) -> Fused | None:
        """quantize(act(dequantize(a) / dequantize(b))), if no shift goes beyond 31 bits."""
        fused = super().match(scope, root)
        if fused is None:
            return None
        zero_point, value = int(str(fused.attributes["right_zero_point"])), scope.constant(fused.inputs[1])
        divisors = np.arange(-128, 128) if value is None else value.astype(np.int64).ravel()
        most = int(np.abs(divisors - zero_point).max())
        if max(most, 1).bit_length() - 1 > int(str(fused.attributes["shift"])):
            raise ModelRefused(
                f"its divisor (up to {most} steps) is too large for its output scale; "
                "the reference kernel shifts by more than 31 bits, which has no defined result",
                hint="Divide in float32, or multiply by the reciprocal.",
            )
        return fused

    def parameters(self, left: Source, right: Source, result: Quantized) -> dict[str, Attribute]:
        """Multiplier and shift of the quotient."""
        real = left.scale / np.float32(right.scale * np.float32(result.scale))
        multiplier, shift = quantize_multiplier(float(real))
        return {"multiplier": multiplier, "shift": shift}

    def kernel(self, request: KernelRequest) -> Kernel:
        """a int8, b int8, broadcast -> y int8; the reciprocals of all divisors are constants."""
        first, second = request.inputs
        names = ("left_zero_point", "output_zero_point", "multiplier", "shift", "low", "high")
        zero, offset, multiplier, shift, low, high = (request.integer(name) for name in names)
        inverses, bits = _reciprocals(request.integer("right_zero_point"))
        with KernelBuilder("div") as k:
            specs = {"a": first, "b": second}
            given = {n: k.input(n, (s.elements,), "int8") for n, s in specs.items() if s.value is None}
            given |= {n: k.constant(n, s.value.ravel()) for n, s in specs.items() if s.value is not None}
            inverse, shifts = k.constant("inverse", inverses), k.constant("bits", bits)
            y = k.output("y", (request.output.elements,), "int8")
            with nest(k, broadcast_axes(first.shape, second.shape, request.output.shape)) as (left, right, flat):
                at = given["b"][right].astype("int32") + 128
                value = given["a"][left].astype("int32") - zero
                value = tirx.Select(
                    given["b"][right].astype("int32") < request.integer("right_zero_point"), -value, value
                )
                quotient = expression(
                    "ai_k_divide", value, inverse[at], shifts[at].astype("int32"), multiplier, shift
                )  # fmt: skip
                k.store(y, [flat], expression("ai_k_clamp", quotient + offset, low, high).astype("int8"))
        return k.kernel()


class DivFloat(FloatBinary):
    """On float32."""

    kind: ClassVar[str] = "DIV_F32"
    operator: ClassVar[str] = "divide"
    roots: ClassVar[tuple[str, ...]] = ("divide", "nn.relu", "clip")

    def combined(self, left: Any, right: Any) -> Any:
        """The result in front of the activation."""
        return tirx.div(left, right)

    def limited(self, value: Any, low: float, high: float) -> Any:
        """Limited to finite numbers where there is no activation, too; 0 / 0 stays what it is, as in the reference."""
        least, greatest = number(max(low, -LARGEST)), number(min(high, LARGEST))
        return tirx.Select(value < least, least, tirx.Select(value > greatest, greatest, value))


def _reciprocals(zero_point: int) -> tuple[NDArray[np.int32], NDArray[np.int8]]:
    """(inverse int32[256], bits int8[256]) of |b - zero point|, -128 <= b < 128; of 1 in the place of 0."""
    pairs = [reciprocal(max(abs(b - zero_point), 1)) for b in range(-128, 128)]
    return np.array([inverse for inverse, _ in pairs], np.int32), np.array([bits for _, bits in pairs], np.int8)
