# SPDX-License-Identifier: Apache-2.0
"""AVERAGE_POOL_2D int8, uint8 and int16.

Arithmetic, established against the reference interpreter: the sum of the stored values of the n elements inside the
image, divided by n, rounded half away from zero (of the stored value, zero point included), clamped. Stored values of
uint8 are not negative, so that as int8 halves go upwards.
"""

from __future__ import annotations

from typing import ClassVar

from tvm import relax

from stm32_emitter.operators.base import Fused, KernelRequest, OperatorDefinition
from stm32_emitter.operators.pooling import match_pool, pool_kernel
from stm32_emitter.operators.pooling_wide import averaged, reduced_kernel
from stm32_emitter.operators.scope import Scope
from stm32_emitter.tir.builder import Kernel


class AveragePool2D(OperatorDefinition):
    """Four channels of a window at a time."""

    kind: ClassVar[str] = "AVERAGE_POOL_2D"
    roots: ClassVar[tuple[str, ...]] = ("quantize",)

    def match(self, scope: Scope, root: relax.Call) -> Fused | None:
        """quantize(act(avg_pool2d(dequantize(x)))), NHWC."""
        return match_pool(scope, root, self.kind, "nn.avg_pool2d")

    def kernel(self, request: KernelRequest) -> Kernel:
        """x int8 or int16 [N,H,W,C] -> y [N,OH,OW,C]."""
        if "unsigned" in request.attributes or request.output.dtype == "int16":
            return reduced_kernel(request, "average_pool_2d", averaged)
        return pool_kernel(request, "average_pool_2d", "ai_k_average_pool_s8")
