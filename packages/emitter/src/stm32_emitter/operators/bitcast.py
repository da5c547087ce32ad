# SPDX-License-Identifier: Apache-2.0
"""BITCAST: the same bytes as elements of another type."""

from __future__ import annotations

from typing import ClassVar

from stm32_emitter.operators.base import KernelRequest, MadeOperator
from stm32_emitter.operators.gather import operands
from stm32_emitter.operators.movement import item_bytes
from stm32_emitter.tir.builder import Kernel, KernelBuilder, address


class Bitcast(MadeOperator):
    """Input: x."""

    kind: ClassVar[str] = "BITCAST"

    def kernel(self, request: KernelRequest) -> Kernel:
        """y has the bytes of x in their order (little-endian, as all targets are)."""
        spec = request.output
        with KernelBuilder("bitcast") as k:
            (x,) = operands(k, ("x",), request.inputs)
            y = k.output("y", (spec.elements,), spec.dtype)
            k.call("memcpy", address(y, 0, write=True), address(x), spec.elements * item_bytes(spec.dtype))
        return k.kernel()
