# SPDX-License-Identifier: Apache-2.0
"""CAST from float32 to integers.

Arithmetic, established against the reference interpreter: truncated; beyond the type's range its nearest end, and what
is not a number gives the greatest value. Casts between other types are C's: integers wrap.
"""

from __future__ import annotations

from typing import ClassVar

import numpy as np
from tvm import relax

from stm32_emitter.operators.base import Fused, KernelRequest, OperatorDefinition
from stm32_emitter.operators.scope import Scope, dtype_of, shape_of
from stm32_emitter.tir.builder import Kernel, KernelBuilder, expression

_TARGETS = ("int8", "uint8", "int16", "int32", "int64")


class Cast(OperatorDefinition):
    """astype(x), element by element."""

    kind: ClassVar[str] = "CAST"
    roots: ClassVar[tuple[str, ...]] = ("astype",)

    def match(self, scope: Scope, root: relax.Call) -> Fused | None:
        """float32 that is computed -> an integer type."""
        x = root.args[0]
        if dtype_of(x) != "float32" or dtype_of(root) not in _TARGETS or scope.constant(x) is not None:
            return None
        return Fused(self.kind, (x,), shape_of(root), dtype_of(root))

    def kernel(self, request: KernelRequest) -> Kernel:
        """x float32 -> y of the same shape."""
        count, dtype = request.output.elements, request.output.dtype
        with KernelBuilder("cast") as k:
            x = k.input("x", (count,), "float32")
            y = k.output("y", (count,), dtype)
            with k.loop("i", count) as i:
                if dtype == "int64":
                    k.store(y, [i], expression("ai_k_truncate_64", x[i], dtype="int64"))
                else:
                    range_of = np.iinfo(dtype)
                    value = expression("ai_k_truncate", x[i], int(range_of.min), int(range_of.max))
                    k.store(y, [i], value.astype(dtype))
        return k.kernel()
