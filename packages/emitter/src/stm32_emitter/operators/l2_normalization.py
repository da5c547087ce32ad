# SPDX-License-Identifier: Apache-2.0
"""L2_NORMALIZATION int8 over the last axis.

Arithmetic, established against the reference interpreter: the sum of squares of x - zero point in 32 bits, its inverse
square root in fixed point (five Newton steps), each element requantized by it times 128 (two roundings), clamped; of
uint8 that is kept as int8 the elements times 128 are requantized by the inverse. The output's scale is 1/128 and its
zero point 0 (uint8: 128), as the reference demands.
"""

from __future__ import annotations

from typing import ClassVar

from tvm import relax

from stm32_emitter.errors import ModelRefused
from stm32_emitter.operators.base import Attribute, Fused, KernelRequest, OperatorDefinition
from stm32_emitter.operators.scope import Scope, shape_of
from stm32_emitter.operators.table import source_of
from stm32_emitter.tir.builder import Kernel, KernelBuilder, address

_DEEPEST = (2**31 - 1) // 255**2
"""Elements whose squares surely fit 32 bits."""


class L2Normalization(OperatorDefinition):
    """quantize(x / max(sqrt(sum(square(x))), 1e-6))."""

    kind: ClassVar[str] = "L2_NORMALIZATION"
    roots: ClassVar[tuple[str, ...]] = ("quantize",)

    def match(self, scope: Scope, root: relax.Call) -> Fused | None:
        """x int8, normalized along its last axis."""
        result = scope.quantized(root)
        quotient = None if result is None or result.dtype != "int8" else scope.call(result.value, "divide")
        norm = None if quotient is None else scope.call(quotient.args[1], "maximum")
        square_root = None if norm is None else scope.call(norm.args[0], "sqrt")
        total = None if square_root is None else scope.call(square_root.args[0], "sum")
        square = None if total is None else scope.call(total.args[0], "square")
        if result is None or quotient is None or square is None:
            return None
        source = source_of(scope, quotient.args[0])
        if source is None or source.dtype != "int8" or not square.args[0].same_as(quotient.args[0]):
            return None
        depth = shape_of(source.value)[-1]
        if (result.scale, result.zero_point, result.low, result.high) != (1 / 128, 0, None, None) or depth > _DEEPEST:
            raise ModelRefused(
                f"its output has scale {result.scale} and zero point {result.zero_point}, its rows {depth} elements; "
                f"the reference has 1/128, 0, no activation and sums that fit 32 bits (up to {_DEEPEST} elements)"
            )
        attributes: dict[str, Attribute] = {"zero_point": source.zero_point, "ahead": 7 if scope.unsigned(root) else 0}
        return Fused(self.kind, (source.value,), shape_of(root), "int8", attributes)

    def kernel(self, request: KernelRequest) -> Kernel:
        """x int8 [..., depth] -> y int8 of the same shape."""
        elements, depth = request.output.elements, request.output.shape[-1]
        with KernelBuilder("l2_normalization") as k:
            x = k.input("x", (elements,), "int8")
            y = k.output("y", (elements,), "int8")
            k.call(
                "ai_k_l2_normalize_s8", address(x), address(y, write=True), elements // depth, depth,
                request.integer("zero_point"), request.integer("ahead"),
            )  # fmt: skip
        return k.kernel()
