# SPDX-License-Identifier: Apache-2.0
"""MEAN in float32 over any axes."""

from __future__ import annotations

from typing import ClassVar

from tvm import relax

from stm32_emitter.operators.base import Fused, KernelRequest, OperatorDefinition
from stm32_emitter.operators.float_group import LARGEST, float_group, number
from stm32_emitter.operators.reduction import Group, grouped
from stm32_emitter.operators.scope import Scope, integers, shape_of
from stm32_emitter.tir.builder import Kernel, KernelBuilder, address


class MeanFloat(OperatorDefinition):
    """Neighbouring axes are one; at most three alternate, e.g. images, pixels, channels."""

    kind: ClassVar[str] = "MEAN_F32"
    roots: ClassVar[tuple[str, ...]] = ("mean",)

    def match(self, scope: Scope, root: relax.Call) -> Fused | None:
        """mean(x, axes) whose axes do not alternate further."""
        group = float_group(scope, root, "mean")
        x = None if group is None else group.call.args[0]
        if group is None or not shape_of(x):
            return None
        rank, given = len(shape_of(x)), group.call.attrs.axis
        axes = list(range(rank)) if given is None else [axis % rank for axis in integers(given)]
        if pooled(grouped(shape_of(x), axes)) is None:
            return None
        return Fused(self.kind, (x,), shape_of(root), "float32", {"axes": axes})

    def kernel(self, request: KernelRequest) -> Kernel:
        """x float32 [outer, count, channels] -> y float32 [outer, channels]."""
        source, result = request.inputs[0], request.output
        sizes = pooled(grouped(source.shape, request.integers("axes")))
        if sizes is None:
            raise ValueError(f"{self.kind}: its axes alternate")
        outer, count, channels = sizes
        with KernelBuilder("mean") as k:
            x = k.input("x", (source.elements,), "float32")
            y = k.output("y", (result.elements,), "float32")
            with k.loop("n", outer) as n:
                k.call(
                    "ai_k_average_pool_f32", address(x, n * (count * channels)), address(y, n * channels, write=True),
                    1, count, 0, channels, number(-LARGEST), number(LARGEST),
                )  # fmt: skip
        return k.kernel()


def pooled(groups: list[Group]) -> tuple[int, int, int] | None:
    """(outer, count, channels) with the axis ``count`` reduced; None if more than one piece is reduced."""
    reduced = [position for position, (_, is_reduced) in enumerate(groups) if is_reduced]
    if len(reduced) > 1:
        return None
    at = reduced[0] if reduced else len(groups)
    before = [size for size, _ in groups[:at]]
    after = [size for size, _ in groups[at + 1 :]]
    return before[0] if before else 1, groups[at][0] if reduced else 1, after[0] if after else 1
