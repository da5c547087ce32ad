# SPDX-License-Identifier: Apache-2.0
"""RELU, RELU6, RELU_N1_TO_1, RELU_0_TO_1 that stand alone, and LEAKY_RELU.

Arithmetic, established against the reference interpreter: requantize(x - zero point, m) + output zero point with two
roundings, m = input scale / output scale in float32; then clamped to the bounds as a fused activation is. LEAKY_RELU
scales negative values by input scale * alpha / output scale, product and quotient in float32. int16 is the same, one
value at a time; the reference has no RELU_N1_TO_1 of it.
"""

from __future__ import annotations

from typing import ClassVar

import numpy as np
from numpy.typing import NDArray
from tvm import relax

from stm32_emitter.errors import ModelRefused
from stm32_emitter.operators.base import Fused, KernelRequest
from stm32_emitter.operators.fixed_point import activation_range, quantize_multiplier
from stm32_emitter.operators.gemmlowp import Ints, requantize
from stm32_emitter.operators.scope import Quantized, Scope
from stm32_emitter.operators.table import Source, TableOperator
from stm32_emitter.operators.unary_16 import Scaling, fused_rescaling, rescaling_kernel
from stm32_emitter.tir.builder import Kernel


class _Rescaling(TableOperator):
    """What has a kernel for int16."""

    def wide_kernel(self, request: KernelRequest) -> Kernel:
        """x int16 -> y int16 of the same shape."""
        return rescaling_kernel(self.kind.lower(), request)


class _Relu(_Rescaling):
    """quantize(clamp(dequantize(x))) with the bounds of one kind."""

    bounds: ClassVar[tuple[float | None, float | None]]

    def source(self, scope: Scope, result: Quantized) -> relax.Expr | None:  # noqa: ARG002
        """The clamped value itself."""
        return result.value if (result.low, result.high) == self.bounds else None

    def results(self, scope: Scope, source: Source, result: Quantized) -> Ints:  # noqa: ARG002
        """Rescaled and clamped."""
        scaled = requantize(source.centred, *_ratio(source, result))
        return np.clip(scaled + result.zero_point, *_limits(result))

    def reals(self, scope: Scope, source: Source, result: Quantized) -> NDArray[np.float32]:  # noqa: ARG002
        """Clamped."""
        low, high = self.bounds
        return np.clip(
            source.reals, None if low is None else np.float32(low), None if high is None else np.float32(high)
        )

    def wide(self, scope: Scope, source: Source, result: Quantized, shape: tuple[int, ...]) -> Fused | None:  # noqa: ARG002
        """Both sides of zero with the same multiplier."""
        scaling = _ratio(source, result)
        return fused_rescaling(self.kind, source, result, shape, scaling, scaling, _limits(result))


def _ratio(source: Source, result: Quantized) -> Scaling:
    return quantize_multiplier(float(source.scale / np.float32(result.scale)))


def _limits(result: Quantized) -> tuple[int, int]:
    return activation_range(result.dtype, result.scale, result.zero_point, result.low, result.high)


class Relu(_Relu):
    """max(x, 0)."""

    kind: ClassVar[str] = "RELU"
    bounds: ClassVar[tuple[float | None, float | None]] = (0.0, None)


class Relu6(_Relu):
    """min(max(x, 0), 6)."""

    kind: ClassVar[str] = "RELU6"
    bounds: ClassVar[tuple[float | None, float | None]] = (0.0, 6.0)


class ReluN1To1(_Relu):
    """min(max(x, -1), 1)."""

    kind: ClassVar[str] = "RELU_N1_TO_1"
    bounds: ClassVar[tuple[float | None, float | None]] = (-1.0, 1.0)

    def wide(self, scope: Scope, source: Source, result: Quantized, shape: tuple[int, ...]) -> Fused | None:  # noqa: ARG002
        """None: the reference has none."""
        return None


class Relu0To1(_Relu):
    """min(max(x, 0), 1)."""

    kind: ClassVar[str] = "RELU_0_TO_1"
    bounds: ClassVar[tuple[float | None, float | None]] = (0.0, 1.0)

    def wide(self, scope: Scope, source: Source, result: Quantized, shape: tuple[int, ...]) -> Fused | None:  # noqa: ARG002
        """None: the reference has none."""
        return None


class LeakyRelu(_Rescaling):
    """x for x >= 0, alpha * x below; alpha may have any sign."""

    kind: ClassVar[str] = "LEAKY_RELU"

    def source(self, scope: Scope, result: Quantized) -> relax.Expr | None:
        """quantize(leakyrelu(x)) without bounds."""
        call = scope.call(result.value, "nn.leakyrelu") if result.low is result.high is None else None
        return None if call is None else call.args[0]

    def results(self, scope: Scope, source: Source, result: Quantized) -> Ints:
        """Each side of zero with its own multiplier."""
        values = source.centred
        below, above = _slopes(scope, source, result)
        scaled = np.where(values >= 0, requantize(values, *above), requantize(values, *below))
        return scaled + result.zero_point

    def reals(self, scope: Scope, source: Source, result: Quantized) -> NDArray[np.float32] | None:
        """Negative ones times alpha."""
        call = scope.call(result.value, "nn.leakyrelu")
        values = source.reals
        return None if call is None else np.where(values >= 0, values, np.float32(call.attrs.alpha) * values)

    def wide(self, scope: Scope, source: Source, result: Quantized, shape: tuple[int, ...]) -> Fused | None:
        """Each side of zero with its own multiplier."""
        return fused_rescaling(self.kind, source, result, shape, *_slopes(scope, source, result))


def _slopes(scope: Scope, source: Source, result: Quantized) -> tuple[Scaling, Scaling]:
    """(multiplier, shift) below zero and above."""
    call = scope.call(result.value, "nn.leakyrelu")
    if call is None:
        raise ModelRefused("it is no leaky relu")
    scale = np.float32(result.scale)
    below = float(np.float32(source.scale * np.float32(call.attrs.alpha)) / scale)
    multiplier, shift = quantize_multiplier(abs(below))
    return (multiplier if below >= 0 else -multiplier, shift), quantize_multiplier(float(source.scale / scale))
