# SPDX-License-Identifier: Apache-2.0
"""MAX_POOL_2D int8 and int16: the greatest stored value inside the image, clamped (as the reference does)."""

from __future__ import annotations

from typing import ClassVar

import numpy as np
from tvm import relax

from stm32_emitter.operators.base import Fused, KernelRequest, OperatorDefinition
from stm32_emitter.operators.movement import movable
from stm32_emitter.operators.pooling import POOLED, fused_pool, match_pool, pool_kernel, supported
from stm32_emitter.operators.pooling_wide import greatest, reduced_kernel
from stm32_emitter.operators.scope import Scope, dtype_of, op_name
from stm32_emitter.tir.builder import Kernel


class MaxPool2D(OperatorDefinition):
    """Four channels of a window at a time."""

    kind: ClassVar[str] = "MAX_POOL_2D"
    roots: ClassVar[tuple[str, ...]] = ("quantize", "nn.max_pool2d")

    def match(self, scope: Scope, root: relax.Call) -> Fused | None:
        """quantize(act(max_pool2d(dequantize(x)))), or max_pool2d of stored values as they are; NHWC."""
        if op_name(root) == "quantize":
            return match_pool(scope, root, self.kind, "nn.max_pool2d")
        x = root.args[0]
        if dtype_of(x) not in POOLED or not movable(scope, x) or not supported(root):
            return None
        info = np.iinfo(dtype_of(x))
        return fused_pool(self.kind, root, x, int(info.min), int(info.max))

    def kernel(self, request: KernelRequest) -> Kernel:
        """x int8 or int16 [N,H,W,C] -> y [N,OH,OW,C]."""
        if request.output.dtype == "int16":
            return reduced_kernel(request, "max_pool_2d", greatest)
        return pool_kernel(request, "max_pool_2d", "ai_k_max_pool_s8")
