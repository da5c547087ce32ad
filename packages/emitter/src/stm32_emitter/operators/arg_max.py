# SPDX-License-Identifier: Apache-2.0
"""ARG_MAX and ARG_MIN along one axis: the first position of the extreme, of elements of any number type."""

from __future__ import annotations

import math
from typing import ClassVar

from tvm import relax, tirx

from stm32_emitter.operators.base import Attribute, Fused, KernelRequest, OperatorDefinition
from stm32_emitter.operators.scope import Scope, dtype_of, shape_of
from stm32_emitter.tir.builder import Kernel, KernelBuilder

_POSITIONS = ("int32", "int64")


class ArgMax(OperatorDefinition):
    """argmax(x, axis), possibly narrowed to int32."""

    kind: ClassVar[str] = "ARG_MAX"
    operator: ClassVar[str] = "argmax"
    roots: ClassVar[tuple[str, ...]] = ("argmax", "astype")
    greatest: ClassVar[bool] = True
    """Whether the greatest element is looked for, or the least."""

    def match(self, scope: Scope, root: relax.Call) -> Fused | None:
        """Positions of type int32 or int64."""
        narrowed = scope.call(root, "astype")
        call = scope.call(root if narrowed is None else narrowed.args[0], self.operator)
        if call is None or dtype_of(root) not in _POSITIONS or call.attrs.axis is None:
            return None
        x = call.args[0]
        if not isinstance(x, relax.Var) or dtype_of(x) == "bool":
            return None
        attributes: dict[str, Attribute] = {"axis": int(call.attrs.axis) % len(shape_of(x))}
        return Fused(self.kind, (x,), shape_of(root), dtype_of(root), attributes)

    def kernel(self, request: KernelRequest) -> Kernel:
        """x [outer, count, inner] -> y [outer, inner]."""
        source, axis = request.inputs[0], request.integer("axis")
        shape, dtype = source.shape, request.output.dtype
        outer, count, inner = math.prod(shape[:axis]), shape[axis], math.prod(shape[axis + 1 :])
        with KernelBuilder(self.kind.lower()) as k:
            x = k.input("x", (source.elements,), source.dtype)
            y = k.output("y", (request.output.elements,), dtype)
            best = k.local("best", "int32")
            with k.loop("n", outer) as n, k.loop("c", inner) as c:
                first = n * (count * inner) + c
                k.store(best, [0], tirx.const(0, "int32"))
                with k.loop("i", count) as i:
                    element, found = x[first + i * inner], x[first + best[0] * inner]
                    with k.when(element > found if self.greatest else element < found):
                        k.store(best, [0], i)
                k.store(y, [n * inner + c], best[0].astype(dtype))
        return k.kernel()


class ArgMin(ArgMax):
    """argmin(x, axis)."""

    kind: ClassVar[str] = "ARG_MIN"
    operator: ClassVar[str] = "argmin"
    roots: ClassVar[tuple[str, ...]] = ("argmin", "astype")
    greatest: ClassVar[bool] = False
