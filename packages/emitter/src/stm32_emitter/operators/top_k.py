# SPDX-License-Identifier: Apache-2.0
"""TOPK_V2: the k greatest elements of each row in falling order, and their positions; of equal ones the first.

A float that is not a number has no place in this order; the reference's result is then not defined either.
"""

from __future__ import annotations

from typing import ClassVar

from tvm import tirx

from stm32_emitter.operators.base import KernelRequest, MadeOperator
from stm32_emitter.tir.builder import Kernel, KernelBuilder


class TopK(MadeOperator):
    """x [..., n] -> values [..., k] of x's type and positions int32 [..., k], by insertion."""

    kind: ClassVar[str] = "TOPK_V2"

    def kernel(self, request: KernelRequest) -> Kernel:
        """The results of a row are its first elements in order, in which each further one takes its place."""
        source, count = request.inputs[0], request.output.shape[-1]
        length = source.shape[-1]
        with KernelBuilder("top_k") as k:
            x = k.input("x", (source.elements,), source.dtype)
            values = k.output("values", (request.output.elements,), source.dtype)
            positions = k.output("positions", (request.output.elements,), "int32")
            place = k.local("place", "int32")
            with k.loop("n", source.elements // length) as n, k.loop("i", length) as i:
                element, first = x[n * length + i], n * count
                k.store(place, [0], tirx.min(i, tirx.const(count, "int32")))
                with k.loop("j", count) as j:
                    # From the last one forward: those that are smaller make room.
                    at = count - 1 - j
                    with k.when(tirx.all(at < i, values[first + at] < element)):
                        with k.when(at + 1 < count):
                            k.store(values, [first + at + 1], values[first + at])
                            k.store(positions, [first + at + 1], positions[first + at])
                        k.store(place, [0], at)
                with k.when(place[0] < count):
                    k.store(values, [first + place[0]], element)
                    k.store(positions, [first + place[0]], i)
        return k.kernel()
