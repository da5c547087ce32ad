# SPDX-License-Identifier: Apache-2.0
"""REDUCE_PROD of int8 and int16 over any axes.

Arithmetic, established against the reference interpreter: the product starts with the first element minus its zero
point; it is multiplied by each further one in 64 bits and scaled back by m = input scale / output scale**(1 / n), n the
number of reduced elements, in double; it is scaled once more at the end. The scaling cuts m to 16 bits and rounds once,
halves upwards (``ai_k_requantize_64``); what does not fit 32 bits wraps.
"""

from __future__ import annotations

import math
from typing import Any, ClassVar

import numpy as np
from tvm import relax, tirx

from stm32_emitter.errors import ModelRefused
from stm32_emitter.operators.base import Attribute, Fused, KernelRequest, OperatorDefinition
from stm32_emitter.operators.fixed_point import quantize_multiplier
from stm32_emitter.operators.reduction import grouped, one_by_one
from stm32_emitter.operators.scope import Scope, integers, shape_of
from stm32_emitter.tir.builder import Kernel, KernelBuilder, expression

_TYPES = ("int8", "int16")
_MOST_LEFT = 7
"""Largest shift to the left that the reference's scaling of 64 bits allows."""


class ReduceProd(OperatorDefinition):
    """quantize(prod(dequantize(x), axes))."""

    kind: ClassVar[str] = "REDUCE_PROD"
    roots: ClassVar[tuple[str, ...]] = ("quantize",)

    def match(self, scope: Scope, root: relax.Call) -> Fused | None:
        """Both int8 or both int16."""
        result = scope.quantized(root)
        if result is None or result.dtype not in _TYPES or (result.low, result.high) != (None, None):
            return None
        call = scope.call(result.value, "prod")
        x = None if call is None else scope.dequantized(call.args[0])
        if call is None or x is None or x.dtype != result.dtype or scope.unsigned(root):
            return None
        axes = [axis % len(x.shape) for axis in integers(call.attrs.axis)]
        count = math.prod(x.shape[axis] for axis in axes)
        multiplier, shift = quantize_multiplier(float(x.scale[0]) / math.pow(result.scale, 1.0 / count))
        if shift > _MOST_LEFT:
            raise ModelRefused(
                f"its scales {x.scale[0]} and {result.scale} need a shift by {shift} bits, the reference has "
                f"{_MOST_LEFT} at most",
                hint="Quantize the model with representative data, or leave this operator in float32.",
            )
        attributes: dict[str, Attribute] = {
            "axes": axes, "multiplier": multiplier, "shift": shift, "input_zero_point": int(x.zero_point[0]),
            "output_zero_point": result.zero_point,
        }  # fmt: skip
        return Fused(self.kind, (x.value,), shape_of(root), x.dtype, attributes)

    def kernel(self, request: KernelRequest) -> Kernel:
        """x [any shape] -> y [the axes that are kept], both int8 or both int16."""
        source, result, info = request.inputs[0], request.output, np.iinfo(request.output.dtype)
        names = ("multiplier", "shift", "input_zero_point", "output_zero_point")
        multiplier, shift, zero_point, offset = (request.integer(name) for name in names)
        with KernelBuilder("reduce_prod") as k:
            x = k.input("x", (source.elements,), source.dtype)
            y = k.output("y", (result.elements,), result.dtype)
            total, begins = k.local("total", "int32"), k.local("begins", "int32")

            def scaled(value: Any) -> Any:
                return expression("ai_k_requantize_64", value, multiplier, shift)

            def start(_first: Any) -> None:
                k.store(begins, [0], tirx.const(1, "int32"))

            def add(at: Any) -> None:
                value = x[at].astype("int32") - zero_point
                further = scaled(total[0].astype("int64") * value.astype("int64"))
                k.store(total, [0], tirx.if_then_else(begins[0] > 0, value, further))
                k.store(begins, [0], tirx.const(0, "int32"))

            def finish(at: Any) -> None:
                limited = expression("ai_k_clamp", scaled(total[0]) + offset, int(info.min), int(info.max))
                k.store(y, [at], limited.astype(result.dtype))

            one_by_one(k, grouped(source.shape, request.integers("axes")), start, add, finish)
        return k.kernel()
