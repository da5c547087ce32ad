# SPDX-License-Identifier: Apache-2.0
"""COPY: gives an output memory of its own where it would share an input's, a constant's or another output's."""

from __future__ import annotations

from typing import ClassVar

from stm32_emitter.operators.base import KernelRequest, MadeOperator
from stm32_emitter.tir.builder import Kernel, KernelBuilder


class Copy(MadeOperator):
    """Inserted by :mod:`stm32_emitter.passes.outputs`; never recognised in a model."""

    kind: ClassVar[str] = "COPY"

    def kernel(self, request: KernelRequest) -> Kernel:
        """y[i] = x[i]."""
        source, output = request.inputs[0], request.output
        with KernelBuilder("copy") as k:
            if source.value is None:
                x = k.input("x", (source.elements,), source.dtype)
            else:
                x = k.constant("x", source.value.ravel())
            y = k.output("y", (output.elements,), output.dtype)
            with k.loop("i", output.elements) as i:
                k.store(y, [i], x[i])
        return k.kernel()
