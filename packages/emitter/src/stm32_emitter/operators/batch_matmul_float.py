# SPDX-License-Identifier: Apache-2.0
"""BATCH_MATMUL in float32, where the right side or both are computed at run time."""

from __future__ import annotations

from collections.abc import Sequence
from typing import ClassVar

import numpy as np
from tvm import relax

from stm32_emitter.operators.base import Attribute, Fused, KernelRequest, OperatorDefinition
from stm32_emitter.operators.matrices import batches, merged, operands, sizes_of, swapped
from stm32_emitter.operators.schedule import Schedule
from stm32_emitter.operators.scope import Scope, dtype_of, shape_of
from stm32_emitter.tir.builder import Kernel, KernelBuilder, address


class BatchMatmulFloat(OperatorDefinition):
    """2 rows x 4 columns at a time; matrices are read where they lie, exchanged axes or not."""

    kind: ClassVar[str] = "BATCH_MATMUL_F32"
    roots: ClassVar[tuple[str, ...]] = ("matmul",)

    def match(self, scope: Scope, root: relax.Call) -> Fused | None:
        """matmul(a, b) of float32 and of rank 2 at least, either with its last two axes exchanged."""
        if {dtype_of(root), *map(dtype_of, root.args)} != {"float32"} or min(len(shape_of(a)) for a in root.args) < 2:
            return None
        (a, left), (b, right) = (swapped(scope, argument) for argument in root.args)
        attributes: dict[str, Attribute] = {"left_swapped": left, "right_swapped": right}
        return Fused(self.kind, (a, b), shape_of(root), "float32", attributes)

    def schedules(self, request: KernelRequest) -> Sequence[Schedule]:
        """One."""
        cycles = request.output.elements * (sizes_of(request).depth * 4.0 + 20.0)
        text = "float32, 2 rows x 4 columns in registers, read in place"
        return (Schedule("f32-2x4", lambda: self.kernel(request), text, cycles),)

    def kernel(self, request: KernelRequest) -> Kernel:
        """a, b float32 -> y float32."""
        s = merged(sizes_of(request))
        words = (s.rows, s.columns, s.depth, *s.left_steps, *s.right_steps)
        with KernelBuilder("batch_matmul", request.output.elements * s.depth) as k:
            a, b = operands(k, request)
            layer = k.constant("layer", np.array(words, np.int32))
            y = k.output("y", (request.output.elements,), "float32")
            with batches(k, s) as (left, right, at):
                k.call(
                    "ai_k_matmul_f32", address(a, left), address(b, right), address(y, at, write=True), address(layer)
                )
        return k.kernel()
