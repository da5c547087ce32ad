# SPDX-License-Identifier: Apache-2.0
"""TRANSPOSE, on elements of any type: output axis i is input axis permutation[i]. No arithmetic."""

from __future__ import annotations

from typing import ClassVar

from tvm import relax

from stm32_emitter.operators.base import Fused, KernelRequest, OperatorDefinition
from stm32_emitter.operators.movement import movable, row_major, strided_copy
from stm32_emitter.operators.scope import Scope, dtype_of, integers, shape_of
from stm32_emitter.tir.builder import Kernel, KernelBuilder


class Transpose(OperatorDefinition):
    """Copies in the order of the output; axes that stay together are copied as one."""

    kind: ClassVar[str] = "TRANSPOSE"
    roots: ClassVar[tuple[str, ...]] = ("permute_dims",)

    def match(self, scope: Scope, root: relax.Call) -> Fused | None:
        """permute_dims(x)."""
        x = root.args[0]
        rank = len(shape_of(x))
        if not rank or not movable(scope, x):
            return None
        order = list(reversed(range(rank))) if root.attrs.axes is None else integers(root.attrs.axes)
        return Fused(self.kind, (x,), shape_of(root), dtype_of(root), {"order": [axis % rank for axis in order]})

    def kernel(self, request: KernelRequest) -> Kernel:
        """x [any shape] -> y [permuted], the same element type."""
        source, result = request.inputs[0], request.output
        strides = row_major(source.shape)
        with KernelBuilder("transpose") as k:
            x = k.input("x", (source.elements,), source.dtype)
            y = k.output("y", (result.elements,), result.dtype)
            strided_copy(k, y, x, 0, result.shape, [strides[axis] for axis in request.integers("order")])
        return k.kernel()
