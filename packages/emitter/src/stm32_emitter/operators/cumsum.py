# SPDX-License-Identifier: Apache-2.0
"""CUMSUM: the running sum along one axis, of float32 and integers that are not quantized."""

from __future__ import annotations

import math
from typing import ClassVar

from tvm import relax, tirx

from stm32_emitter.operators.base import Fused, KernelRequest, OperatorDefinition
from stm32_emitter.operators.scope import Scope, dtype_of, shape_of
from stm32_emitter.tir.builder import Kernel, KernelBuilder

_DTYPES = ("float32", "int32", "int64")


class Cumsum(OperatorDefinition):
    """y[i] = x[0] + ... + x[i], or up to x[i - 1] where it is exclusive."""

    kind: ClassVar[str] = "CUMSUM"
    roots: ClassVar[tuple[str, ...]] = ("cumsum",)

    def match(self, scope: Scope, root: relax.Call) -> Fused | None:  # noqa: ARG002
        """cumsum(x, axis) that keeps the element type."""
        x = root.args[0]
        if root.attrs.axis is None or dtype_of(root) not in _DTYPES or dtype_of(x) != dtype_of(root):
            return None
        if not isinstance(x, relax.Var):
            return None
        axis = int(root.attrs.axis) % len(shape_of(x))
        attributes = {"axis": axis, "exclusive": int(bool(root.attrs.exclusive))}
        return Fused(self.kind, (x,), shape_of(root), dtype_of(root), {**attributes})

    def kernel(self, request: KernelRequest) -> Kernel:
        """x [outer, count, inner] -> y of the same shape."""
        shape, dtype, axis = request.output.shape, request.output.dtype, request.integer("axis")
        outer, count, inner = math.prod(shape[:axis]), shape[axis], math.prod(shape[axis + 1 :])
        with KernelBuilder("cumsum") as k:
            x = k.input("x", (request.output.elements,), dtype)
            y = k.output("y", (request.output.elements,), dtype)
            total = k.local("total", dtype)
            with k.loop("n", outer) as n, k.loop("c", inner) as c:
                k.store(total, [0], tirx.const(0, dtype))
                with k.loop("i", count) as i:
                    at = (n * count + i) * inner + c
                    if request.integer("exclusive"):
                        before = k.local("before", dtype)
                        k.store(before, [0], total[0])
                        k.store(total, [0], total[0] + x[at])
                        k.store(y, [at], before[0])
                    else:
                        k.store(total, [0], total[0] + x[at])
                        k.store(y, [at], total[0])
        return k.kernel()
