# SPDX-License-Identifier: Apache-2.0
"""AVERAGE_POOL_2D int8.

Arithmetic, established against the reference interpreter: the sum of the stored values of the n elements inside the
image, divided by n, rounded half away from zero (of the stored value, zero point included), clamped.
"""

from __future__ import annotations

from typing import ClassVar

from tvm import relax

from stm32_emitter.operators.base import Fused, KernelRequest, OperatorDefinition
from stm32_emitter.operators.pooling import match_pool, pool_kernel
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
        """x int8 [N,H,W,C] -> y int8 [N,OH,OW,C]."""
        return pool_kernel(request, "average_pool_2d", "ai_k_average_pool_s8")
