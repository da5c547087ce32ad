# SPDX-License-Identifier: Apache-2.0
"""BATCH_MATMUL of float32 by constant matrices of int8; see :mod:`.hybrid`.

The reference interpreter keeps the scales and zero points of all rows of the left side, and the sums of all columns of
the right side, one behind the other, but finds them with one step for each of the (up to three) leading axes: for the
matrix (i, j, k) it reads those of matrix number i + j + k, an axis of size 1 counting as 0. These are the matrix's own
only where one leading axis is longer than 1. So it is done here.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any, ClassVar

from tvm import tirx

from stm32_emitter.operators.base import KernelRequest, MadeOperator
from stm32_emitter.operators.elementwise import loops, steps_of
from stm32_emitter.operators.hybrid import NUMBERS, Rows, finish_of
from stm32_emitter.tir.builder import Kernel, KernelBuilder, address


class BatchMatmulHybrid(MadeOperator):
    """Inputs: int8 [...,M,K], its numbers [rows, 2], weights [...,N,K], scales [N] or [1], bias [N].

    The result is float32 [...,M,N], whose leading axes are those of both sides, broadcast.
    """

    kind: ClassVar[str] = "BATCH_MATMUL_HYBRID"

    def kernel(self, request: KernelRequest) -> Kernel:
        """Row by row of the left side, four columns of the right side at a time."""
        left, right = request.inputs[0].shape, request.inputs[2].shape
        (*batch, rows, columns), depth = request.output.shape, left[-1]
        with KernelBuilder("batch_matmul", request.output.elements * depth) as k:
            x = k.input("x", (request.inputs[0].elements,), "int8")
            numbers = k.input("scaling", (request.inputs[1].elements,), "float32")
            matrices = request.constant(2).reshape(math.prod(right[:-2]), columns, depth)
            weights = Rows(k, finish_of(k, request), list(matrices), shared=True)
            y = k.output("y", (request.output.elements,), "float32")
            with loops(k, [*batch, rows]) as (*indices, row):
                first, scaled = (_position(indices, steps) for steps in _steps(left[:-2], batch))
                group, summed = (_position(indices, steps) for steps in _steps(right[:-2], batch))
                at = _position(indices, steps_of(tuple(batch), tuple(batch))) * rows + row
                weights.multiply(
                    address(x, (first * rows + row) * depth), address(numbers, (scaled * rows + row) * NUMBERS),
                    y, at * columns, group, summed,
                )  # fmt: skip
        return k.kernel()


def _steps(leading: Sequence[int], batch: Sequence[int]) -> tuple[list[int], list[int]]:
    """For each axis, from an index to the next: matrices, and matrices in the reference's count of their numbers."""
    steps = steps_of(tuple(leading), tuple(batch))
    return steps, [min(step, 1) for step in steps]


def _position(indices: Sequence[Any], steps: Sequence[int]) -> Any:
    return sum((i * step for i, step in zip(indices, steps, strict=True) if step), start=tirx.const(0, "int32"))
