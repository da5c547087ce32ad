# SPDX-License-Identifier: Apache-2.0
"""HARD_SWISH: x * relu6(x + 3) / 6.

Arithmetic, established against the reference interpreter: 16-bit fixed point. x - zero point is scaled by 128
("hires"). One product with hires scale / output scale; one with hires scale / (3 / 32768), which saturates and is the
gate in Q0.15; their product is truncated and shifted with rounding. Multipliers are float32 quotients cut to 16 bits.
"""

from __future__ import annotations

from typing import ClassVar

import numpy as np
from numpy.typing import NDArray
from tvm import relax

from stm32_emitter.errors import ModelRefused
from stm32_emitter.operators.fixed_point import quantize_multiplier
from stm32_emitter.operators.gemmlowp import Ints, ints
from stm32_emitter.operators.scope import Quantized, Scope
from stm32_emitter.operators.table import Source, TableOperator

_INT16_MAX = 2**15 - 1
_INT16_MIN = -(2**15)


class HardSwish(TableOperator):
    """quantize(x * (clip(x + 3, 0, 6) / 6))."""

    kind: ClassVar[str] = "HARD_SWISH"

    def source(self, scope: Scope, result: Quantized) -> relax.Expr | None:
        """x, if the constants are those of the function and both x are the same."""
        product = scope.call(result.value, "multiply") if result.low is result.high is None else None
        operands = None if product is None else gated(scope, product)
        return operands[0] if operands is not None and _same(scope, *operands) else None

    def results(self, scope: Scope, source: Source, result: Quantized) -> Ints:  # noqa: ARG002
        """See the top of this file."""
        hires_scale = np.float32(1 / 128) * source.scale
        output, output_shift = _multiplier16(hires_scale / np.float32(result.scale))
        gate_multiplier, gate_shift = _multiplier16(hires_scale / (np.float32(3) / np.float32(32768)))
        if output_shift > 0:
            raise ModelRefused(
                "its output scale is less than 1/128 of its input scale, which the reference refuses, too",
                hint="Quantize the model with representative data.",
            )
        hires = source.centred * 128
        gate = _gate(hires, gate_multiplier, gate_shift)
        product = gate * _mul_high16(hires, output)
        truncated = np.where(product >= 0, product >> 15, -(-product >> 15))
        return _wrap16(_round_shift16(truncated, -output_shift) + result.zero_point)

    def reals(self, scope: Scope, source: Source, result: Quantized) -> NDArray[np.float32]:  # noqa: ARG002
        """In float32."""
        values = source.reals
        gate = np.clip(values + np.float32(3), np.float32(0), np.float32(6)) / np.float32(6)
        return np.asarray(values * gate, np.float32)


def gated(scope: Scope, product: relax.Call) -> tuple[relax.Expr, relax.Expr] | None:
    """(a, b) of a * (clip(b + 3, 0, 6) / 6), or None."""
    quotient = scope.call(product.args[1], "divide")
    if quotient is None or not _is_scalar(scope, quotient.args[1], 6.0):
        return None
    value, low, high = scope.clamped(quotient.args[0])
    total = scope.call(value, "add")
    if total is None or (low, high) != (0.0, 6.0) or not _is_scalar(scope, total.args[1], 3.0):
        return None
    return product.args[0], total.args[0]


def _gate(hires: Ints, multiplier: int, shift: int) -> Ints:
    """relu6(x + 3) / 6 in Q0.15: (clip(x / 3, -1, 1) + 1) / 2, saturated between the two halves of a left shift."""
    value = ints(hires)
    if shift > 0:
        value = np.clip(value << (shift - 1), _INT16_MIN, _INT16_MAX)
    value = _mul_high16(value, multiplier)
    if shift > 0:
        value = np.clip(value << 1, _INT16_MIN, _INT16_MAX)
    if shift < 0:
        value = _round_shift16(value, -shift)
    return _wrap16((value + (1 << 15)) >> 1)


def _multiplier16(real: np.float32) -> tuple[int, int]:
    """(multiplier of 16 bits, shift)."""
    multiplier, shift = quantize_multiplier(float(real))
    return min((multiplier + (1 << 15)) >> 16, _INT16_MAX), shift


def _mul_high16(a: Ints, b: int) -> Ints:
    """round(a * b / 2**15), saturating."""
    return ints(np.minimum((a * b + (1 << 14)) >> 15, _INT16_MAX))


def _round_shift16(values: Ints, bits: int) -> Ints:
    """round(value / 2**bits), halves away from zero; the reference's mask of 16 bits makes it 1 or -1 above 15 bits."""
    mask = int(_wrap16(ints((1 << bits) - 1)))
    return ints((values >> bits) + ((values & mask) > (mask >> 1) + (values < 0)))


def _wrap16(values: Ints) -> Ints:
    return (values - _INT16_MIN) % 2**16 + _INT16_MIN


def _same(scope: Scope, first: relax.Expr, second: relax.Expr) -> bool:
    """Whether both are a dequantize of the same tensor."""
    a, b = scope.dequantized(first), scope.dequantized(second)
    return a is not None and b is not None and bool(scope.resolve(a.value).same_as(scope.resolve(b.value)))


def _is_scalar(scope: Scope, expr: relax.Expr, wanted: float) -> bool:
    value = scope.constant(expr)
    return value is not None and value.size == 1 and float(value.ravel()[0]) == wanted
