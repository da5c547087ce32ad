# SPDX-License-Identifier: Apache-2.0
"""STRIDED_SLICE, on elements of any type: x[begin:end:stride] for each axis, strides of either sign. No arithmetic."""

from __future__ import annotations

from typing import Any, ClassVar

from tvm import relax

from stm32_emitter.operators.base import Attribute, Fused, KernelRequest, OperatorDefinition
from stm32_emitter.operators.movement import movable, row_major, strided_copy
from stm32_emitter.operators.scope import Scope, dtype_of, prim_value, shape_of
from stm32_emitter.tir.builder import Kernel, KernelBuilder


class StridedSlice(OperatorDefinition):
    """Copies in the order of the output; axes that are taken whole are copied as one."""

    kind: ClassVar[str] = "STRIDED_SLICE"
    roots: ClassVar[tuple[str, ...]] = ("strided_slice",)

    def match(self, scope: Scope, root: relax.Call) -> Fused | None:
        """strided_slice(x, axes, begin, end, strides) with constant bounds, counted as Python's slices are."""
        x, shape = root.args[0], shape_of(root)
        if not shape or 0 in shape or not movable(scope, x):
            return None
        ranges = [range(size) for size in shape_of(x)]
        axes, begins, ends = (_numbers(argument) for argument in root.args[1:4])
        steps = _numbers(root.args[4]) if len(root.args) > 4 else [1] * len(axes)
        for axis, begin, end, step in zip(axes, begins, ends, steps, strict=True):
            ranges[axis] = ranges[axis][slice(begin, end, step)]
        if tuple(len(r) for r in ranges) != shape:
            return None
        attributes: dict[str, Attribute] = {"first": [r.start for r in ranges], "step": [r.step for r in ranges]}
        return Fused(self.kind, (x,), shape, dtype_of(root), attributes)

    def kernel(self, request: KernelRequest) -> Kernel:
        """x [any shape] -> y [slice], the same element type."""
        source, result = request.inputs[0], request.output
        strides, first, step = row_major(source.shape), request.integers("first"), request.integers("step")
        base = sum(start * stride for start, stride in zip(first, strides, strict=True))
        with KernelBuilder("strided_slice") as k:
            x = k.input("x", (source.elements,), source.dtype)
            y = k.output("y", (result.elements,), result.dtype)
            strided_copy(k, y, x, base, result.shape, [a * b for a, b in zip(step, strides, strict=True)])
        return k.kernel()


def _numbers(argument: Any) -> list[int]:
    return [int(prim_value(value)) for value in getattr(argument, "fields", argument)]
