# SPDX-License-Identifier: Apache-2.0
"""MAX_POOL_2D int8: the greatest stored value inside the image, clamped (as the reference interpreter does)."""

from __future__ import annotations

from typing import ClassVar

from tvm import relax

from stm32_emitter.operators.base import Fused, KernelRequest, OperatorDefinition
from stm32_emitter.operators.movement import movable
from stm32_emitter.operators.pooling import fused_pool, match_pool, pool_kernel, supported
from stm32_emitter.operators.scope import Scope, dtype_of, op_name
from stm32_emitter.tir.builder import Kernel


class MaxPool2D(OperatorDefinition):
    """Four channels of a window at a time."""

    kind: ClassVar[str] = "MAX_POOL_2D"
    roots: ClassVar[tuple[str, ...]] = ("quantize", "nn.max_pool2d")

    def match(self, scope: Scope, root: relax.Call) -> Fused | None:
        """quantize(act(max_pool2d(dequantize(x)))), or max_pool2d of int8 values as they are; NHWC."""
        if op_name(root) == "quantize":
            return match_pool(scope, root, self.kind, "nn.max_pool2d")
        x = root.args[0]
        if dtype_of(x) != "int8" or not movable(scope, x) or not supported(root):
            return None
        return fused_pool(self.kind, root, x, -128, 127)

    def kernel(self, request: KernelRequest) -> Kernel:
        """x int8 [N,H,W,C] -> y int8 [N,OH,OW,C]."""
        return pool_kernel(request, "max_pool_2d", "ai_k_max_pool_s8")
