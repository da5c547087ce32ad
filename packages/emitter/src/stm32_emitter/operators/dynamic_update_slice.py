# SPDX-License-Identifier: Apache-2.0
"""DYNAMIC_UPDATE_SLICE: a tensor with a part of it replaced, at a place that is known at run time; any element type.

As in the reference kernels, a place from which the part would reach outside is moved inside.
"""

from __future__ import annotations

from typing import Any, ClassVar

from tvm import tirx

from stm32_emitter.operators.base import KernelRequest, MadeOperator
from stm32_emitter.operators.gather import inside, operands
from stm32_emitter.operators.movement import copy, row_major
from stm32_emitter.tir.builder import Kernel, KernelBuilder


class DynamicUpdateSlice(MadeOperator):
    """x [any shape], part [as many axes, none longer], start int32 or int64 [axes] -> y of x's shape."""

    kind: ClassVar[str] = "DYNAMIC_UPDATE_SLICE"

    def kernel(self, request: KernelRequest) -> Kernel:
        """All of x, then the rows of the part."""
        whole, part, _ = request.inputs
        steps = row_major(whole.shape)
        with KernelBuilder("dynamic_update_slice") as k:
            x, source, start = operands(k, ("x", "part", "start"), request.inputs)
            y = k.output("y", (whole.elements,), whole.dtype)
            first = k.local("first", "int32")
            copy(k, y, 0, x, 0, whole.elements)
            k.store(first, [0], tirx.const(0, "int32"))
            for axis, (size, taken) in enumerate(zip(whole.shape, part.shape, strict=True)):
                k.store(first, [0], first[0] + inside(start, axis, size - taken + 1) * steps[axis])
            _rows(k, y, source, part.shape, steps, first[0])
        return k.kernel()


def _rows(
    k: KernelBuilder, y: tirx.Buffer, source: tirx.Buffer, shape: tuple[int, ...], steps: list[int], first: Any
) -> None:
    """Copies the rows of the part to y, from ``first`` on."""

    def nest(axis: int, to: Any, at: Any) -> None:
        if axis == len(shape) - 1:
            copy(k, y, to, source, at * shape[axis], shape[axis])
            return
        with k.loop(f"i{axis}", shape[axis]) as i:
            nest(axis + 1, to + i * steps[axis], at * shape[axis] + i)

    nest(0, first, 0)
