# SPDX-License-Identifier: Apache-2.0
"""PAD and PADV2, on elements of any type: a border of one value (the zero point for PAD). No arithmetic."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any, ClassVar

from tvm import relax, tirx

from stm32_emitter.operators.base import Attribute, Fused, KernelRequest, OperatorDefinition
from stm32_emitter.operators.movement import copy, fill, movable
from stm32_emitter.operators.scope import Scope, dtype_of, integers, shape_of
from stm32_emitter.tir.builder import Kernel, KernelBuilder

Axis = tuple[int, int, int]
"""(elements before, elements of the input, elements after)"""


class Pad(OperatorDefinition):
    """Writes the output from its last element to its first: border, row, border, so that it may overlap the input."""

    kind: ClassVar[str] = "PAD"
    roots: ClassVar[tuple[str, ...]] = ("nn.pad",)

    def match(self, scope: Scope, root: relax.Call) -> Fused | None:
        """nn.pad(x, widths, "constant", value) with widths >= 0."""
        x, widths = root.args[0], integers(root.attrs.pad_width)
        if not widths or min(widths) < 0 or str(root.attrs.pad_mode) != "constant" or not movable(scope, x):
            return None
        attributes: dict[str, Attribute] = {"widths": widths, "value": float(root.attrs.pad_value)}
        return Fused(self.kind, (x,), shape_of(root), dtype_of(root), attributes)

    def kernel(self, request: KernelRequest) -> Kernel:
        """x [d0, d1, ...] -> y [before + d0 + after, ...], the same element type."""
        source, result = request.inputs[0], request.output
        widths = request.integers("widths")
        axes = merged_axes(source.shape, list(zip(widths[::2], widths[1::2], strict=True)))
        with KernelBuilder("pad") as k:
            x = k.input("x", (source.elements,), source.dtype)
            y = k.output("y", (result.elements,), result.dtype)
            _Border(k, x, y, axes, float(request.attributes["value"])).emit(0, 0, 0)
        return k.kernel()


def merged_axes(shape: Sequence[int], widths: Sequence[tuple[int, int]]) -> list[Axis]:
    """The fewest axes: one without a border joins the axis in front of it."""
    axes: list[Axis] = []
    for size, (before, after) in zip(shape, widths, strict=True):
        if axes and not before and not after:
            axes[-1] = (axes[-1][0] * size, axes[-1][1] * size, axes[-1][2] * size)
        else:
            axes.append((before, size, after))
    return axes


class _Border:
    """The loop nest over the axes."""

    def __init__(self, k: KernelBuilder, x: tirx.Buffer, y: tirx.Buffer, axes: list[Axis], value: float) -> None:
        self.k, self.x, self.y, self.axes, self.value = k, x, y, axes, value

    def emit(self, depth: int, at: Any, start: Any) -> None:
        """Everything below one index of the outer axes; ``at`` and ``start`` are positions in y and x."""
        before, size, after = self.axes[depth]
        inner_x = math.prod(axis[1] for axis in self.axes[depth + 1 :])
        inner_y = math.prod(sum(axis) for axis in self.axes[depth + 1 :])
        first = at + before * inner_y
        fill(self.k, self.y, first + size * inner_y, after * inner_y, self.value)
        if depth + 1 == len(self.axes):
            copy(self.k, self.y, first, self.x, start, size)
        else:
            with self.k.loop(f"i{depth}", size, backward=True) as i:
                self.emit(depth + 1, first + i * inner_y, start + i * inner_x)
        fill(self.k, self.y, at, before * inner_y, self.value)
