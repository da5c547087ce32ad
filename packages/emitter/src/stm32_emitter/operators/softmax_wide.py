# SPDX-License-Identifier: Apache-2.0
"""SOFTMAX of int8 with results of int16 (scale 2**-16, zero point -32768), over the last axis.

The arithmetic is that of :mod:`.softmax`; the product with the reciprocal of the sum is shifted by 8 bits less.
"""

from __future__ import annotations

import math
from typing import ClassVar

from tvm import relax

from stm32_emitter.errors import ModelRefused
from stm32_emitter.operators.base import Fused, KernelRequest, OperatorDefinition, constant
from stm32_emitter.operators.scope import Scope, shape_of
from stm32_emitter.operators.softmax import exp_table, scaled_by
from stm32_emitter.operators.table import source_of
from stm32_emitter.tir.builder import Kernel, KernelBuilder, address


class SoftmaxWide(OperatorDefinition):
    """exp(beta * x) / sum of exp(beta * x)."""

    kind: ClassVar[str] = "SOFTMAX_WIDE"
    roots: ClassVar[tuple[str, ...]] = ("quantize",)

    def match(self, scope: Scope, root: relax.Call) -> Fused | None:
        """quantize(softmax(beta * dequantize(x))) of int8 to int16; inputs are x and the table of exp."""
        result = scope.quantized(root)
        call = None if result is None or result.dtype != "int16" else scope.call(result.value, "nn.softmax")
        if result is None or call is None or (result.low, result.high) != (None, None):
            return None
        inner, beta = scaled_by(scope, call.args[0])
        source = source_of(scope, inner)
        if source is None or source.dtype != "int8" or int(call.attrs.axis) not in (-1, len(shape_of(root)) - 1):
            return None
        if result.zero_point != -(2**15) or not math.isclose(result.scale, 2.0**-16, rel_tol=1e-3):
            raise ModelRefused(
                f"its output of int16 has scale {result.scale} and zero point {result.zero_point}; "
                f"the reference defines it for 2**-16 and -32768 only",
                hint="Quantize the model again with the TFLite converter, which sets these values.",
            )
        return Fused(self.kind, (source.value, constant(exp_table(beta, source.scale))), shape_of(root), "int16")

    def kernel(self, request: KernelRequest) -> Kernel:
        """x int8 [..., N] -> y int16 [..., N]."""
        x, table = request.inputs[0], request.constant(1)
        depth = x.shape[-1] if x.shape else 1
        with KernelBuilder("softmax_wide") as k:
            source = k.input("x", (x.elements,), "int8") if x.value is None else k.constant("x", x.value.ravel())
            exps = k.constant("exp", table)
            y = k.output("y", (x.elements,), "int16")
            k.call(
                "ai_k_softmax_s8_s16", address(source), address(y, write=True), x.elements // depth, depth,
                address(exps), len(table),
            )  # fmt: skip
        return k.kernel()
