# SPDX-License-Identifier: Apache-2.0
"""REVERSE_SEQUENCE: the first elements along one axis in opposite order, as many as another axis' index says."""

from __future__ import annotations

import math
from typing import ClassVar

from tvm import tirx

from stm32_emitter.operators.base import KernelRequest, MadeOperator
from stm32_emitter.operators.gather import operands
from stm32_emitter.operators.movement import copy
from stm32_emitter.tir.builder import Kernel, KernelBuilder


class ReverseSequence(MadeOperator):
    """Inputs: x, lengths int32 or int64 [x.shape[batch_axis]]; attributes: seq_axis, batch_axis.

    A length beyond the axis counts as the axis' own, as where the reference reads outside of x.
    """

    kind: ClassVar[str] = "REVERSE_SEQUENCE"

    def kernel(self, request: KernelRequest) -> Kernel:
        """y[batch b, step i] = x[batch b, step length[b] - 1 - i] while i < length[b], else x[batch b, step i]."""
        shape, dtype = request.output.shape, request.output.dtype
        seq, batch = request.integer("seq_axis"), request.integer("batch_axis")
        low, high = min(seq, batch), max(seq, batch)
        outer, between = math.prod(shape[:low]), math.prod(shape[low + 1 : high])
        inner, steps = math.prod(shape[high + 1 :]), shape[seq]
        with KernelBuilder("reverse_sequence") as k:
            x, lengths = operands(k, ("x", "lengths"), request.inputs)
            y = k.output("y", (request.output.elements,), dtype)
            with (
                k.loop("o", outer) as o,
                k.loop("p", shape[low]) as p,
                k.loop("m", between) as m,
                k.loop("q", shape[high]) as q,
            ):
                step, row = (p, q) if seq < batch else (q, p)
                length = tirx.min(lengths[row].astype("int32"), tirx.const(steps, "int32"))
                taken = tirx.if_then_else(step < length, length - 1 - step, step)
                first, last = (taken, q) if seq < batch else (p, taken)
                source = ((o * shape[low] + first) * between + m) * shape[high] + last
                target = ((o * shape[low] + p) * between + m) * shape[high] + q
                copy(k, y, target * inner, x, source * inner, inner)
        return k.kernel()
