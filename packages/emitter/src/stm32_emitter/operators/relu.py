# SPDX-License-Identifier: Apache-2.0
"""RELU, RELU6, RELU_N1_TO_1 that stand alone, and LEAKY_RELU.

Arithmetic, established against the reference interpreter: requantize(x - zero point, m) + output zero point with two
roundings, m = input scale / output scale in float32; then clamped to the bounds as a fused activation is. LEAKY_RELU
scales negative values by input scale * alpha / output scale, product and quotient in float32; of int16, too.
"""

from __future__ import annotations

from typing import ClassVar

import numpy as np
from numpy.typing import NDArray
from tvm import relax, tirx

from stm32_emitter.errors import ModelRefused
from stm32_emitter.operators.base import Attribute, Fused, KernelRequest
from stm32_emitter.operators.fixed_point import activation_range, quantize_multiplier
from stm32_emitter.operators.gemmlowp import Ints, requantize
from stm32_emitter.operators.scope import Quantized, Scope, shape_of
from stm32_emitter.operators.table import Source, TableOperator, source_of
from stm32_emitter.tir.builder import Kernel, KernelBuilder, expression


class _Relu(TableOperator):
    """quantize(clamp(dequantize(x))) with the bounds of one kind."""

    bounds: ClassVar[tuple[float | None, float | None]]

    def source(self, scope: Scope, result: Quantized) -> relax.Expr | None:  # noqa: ARG002
        """The clamped value itself."""
        return result.value if (result.low, result.high) == self.bounds else None

    def results(self, scope: Scope, source: Source, result: Quantized) -> Ints:  # noqa: ARG002
        """Rescaled and clamped."""
        low, high = activation_range(result.dtype, result.scale, result.zero_point, result.low, result.high)
        scaled = requantize(source.centred, *quantize_multiplier(float(source.scale / np.float32(result.scale))))
        return np.clip(scaled + result.zero_point, low, high)

    def reals(self, scope: Scope, source: Source, result: Quantized) -> NDArray[np.float32]:  # noqa: ARG002
        """Clamped."""
        low, high = self.bounds
        return np.clip(
            source.reals, None if low is None else np.float32(low), None if high is None else np.float32(high)
        )


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


class LeakyRelu(TableOperator):
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

    def match(self, scope: Scope, root: relax.Call) -> Fused | None:
        """Inputs are x and the table; or x of int16 alone, with the parameters as attributes."""
        result = scope.quantized(root)
        if result is None or result.dtype != "int16":
            return super().match(scope, root)
        expr = self.source(scope, result)
        source = None if expr is None else source_of(scope, expr, ("int16",))
        if source is None:
            return None
        below, above = _slopes(scope, source, result)
        attributes: dict[str, Attribute] = {"below": list(below), "above": list(above)}
        return Fused(self.kind, (source.value,), shape_of(root), "int16", attributes)

    def kernel(self, request: KernelRequest) -> Kernel:
        """x -> y of the same shape."""
        if request.output.dtype != "int16":
            return super().kernel(request)
        x, low, high = request.inputs[0], -(1 << 15), (1 << 15) - 1
        with KernelBuilder("leaky_relu") as k:
            source = k.input("x", (x.elements,), "int16")
            y = k.output("y", (x.elements,), "int16")
            with k.loop("i", x.elements) as i:
                value = source[i].astype("int32")
                below, above = (
                    expression("ai_k_requantize", value, *request.integers(name)) for name in ("below", "above")
                )
                scaled = tirx.if_then_else(value >= 0, above, below)
                k.store(y, [i], expression("ai_k_clamp", scaled, low, high).astype("int16"))
        return k.kernel()


def _slopes(scope: Scope, source: Source, result: Quantized) -> tuple[tuple[int, int], tuple[int, int]]:
    """(multiplier, shift) below zero and above."""
    call = scope.call(result.value, "nn.leakyrelu")
    if call is None:
        raise ModelRefused("it is no leaky relu")
    scale = np.float32(result.scale)
    below = float(np.float32(source.scale * np.float32(call.attrs.alpha)) / scale)
    multiplier, shift = quantize_multiplier(abs(below))
    return (multiplier if below >= 0 else -multiplier, shift), quantize_multiplier(float(source.scale / scale))
