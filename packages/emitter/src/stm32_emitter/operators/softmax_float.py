# SPDX-License-Identifier: Apache-2.0
"""SOFTMAX and LOG_SOFTMAX over the last axis in float32: expf of beta times the differences to the row's maximum.

The operations and their order are the reference interpreter's; results differ where the C library's expf and logf do.
"""

from __future__ import annotations

from typing import ClassVar

import numpy as np
from tvm import relax

from stm32_emitter.operators.base import Fused, KernelRequest, OperatorDefinition
from stm32_emitter.operators.scope import Scope, dtype_of, shape_of
from stm32_emitter.operators.softmax import scaled_by
from stm32_emitter.tir.builder import Kernel, KernelBuilder, address


class SoftmaxFloat(OperatorDefinition):
    """exp(beta * x) / sum of exp(beta * x)."""

    kind: ClassVar[str] = "SOFTMAX_F32"
    roots: ClassVar[tuple[str, ...]] = ("nn.softmax",)
    function: ClassVar[str] = "softmax"
    """Part of the names of the kernel and of the C function."""

    def match(self, scope: Scope, root: relax.Call) -> Fused | None:
        """f(beta * x) with beta > 0; beta is 1 where there is no factor."""
        shape = shape_of(root)
        if dtype_of(root) != "float32" or not shape or int(root.attrs.axis) not in (-1, len(shape) - 1):
            return None
        x, beta = scaled_by(scope, root.args[0])
        if beta <= 0.0 or shape_of(x) != shape:
            x, beta = root.args[0], 1.0
        return Fused(self.kind, (x,), shape, "float32", {"beta": beta})

    def kernel(self, request: KernelRequest) -> Kernel:
        """x float32 [..., N] -> y float32 [..., N]."""
        x = request.inputs[0]
        depth = x.shape[-1]
        with KernelBuilder(self.function) as k:
            source = k.input("x", (x.elements,), "float32") if x.value is None else k.constant("x", x.value.ravel())
            beta = k.constant("beta", np.array([request.attributes["beta"]], np.float32))
            y = k.output("y", (x.elements,), "float32")
            k.call(
                f"ai_k_{self.function}_f32",
                address(source),
                address(y, write=True),
                x.elements // depth,
                depth,
                beta[0],
            )
        return k.kernel()


class LogSoftmaxFloat(SoftmaxFloat):
    """beta * x - log(sum of exp(beta * x))."""

    kind: ClassVar[str] = "LOG_SOFTMAX_F32"
    roots: ClassVar[tuple[str, ...]] = ("nn.log_softmax",)
    function: ClassVar[str] = "log_softmax"
