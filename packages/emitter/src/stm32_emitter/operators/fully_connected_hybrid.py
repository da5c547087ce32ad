# SPDX-License-Identifier: Apache-2.0
"""FULLY_CONNECTED with weights of int8 and activations of float32; see :mod:`.hybrid`."""

from __future__ import annotations

from typing import ClassVar

from stm32_emitter.operators.base import KernelRequest, MadeOperator
from stm32_emitter.operators.float_group import clamp_output
from stm32_emitter.operators.hybrid import NUMBERS, Rows, finish_of
from stm32_emitter.tir.builder import Kernel, KernelBuilder, address


class FullyConnectedHybrid(MadeOperator):
    """Inputs: int8 [B, K], its numbers [B, 2], weights [N, K], scales [N] or [1], bias [N]; result float32 [B, N]."""

    kind: ClassVar[str] = "FULLY_CONNECTED_HYBRID"

    def kernel(self, request: KernelRequest) -> Kernel:
        """Four outputs at a time."""
        batch = request.inputs[0].shape[0]
        with KernelBuilder("fully_connected", request.constant(2).size * batch) as k:
            x = k.input("x", (request.inputs[0].elements,), "int8")
            numbers = k.input("scaling", (batch * NUMBERS,), "float32")
            rows = Rows(k, finish_of(k, request), [request.constant(2)])
            y = k.output("y", (request.output.elements,), "float32")
            with k.loop("n", batch, backward=request.grows) as n:
                rows.multiply(address(x, n * rows.depth), address(numbers, n * NUMBERS), y, n * rows.outputs)
            clamp_output(k, request, y)
        return k.kernel()
