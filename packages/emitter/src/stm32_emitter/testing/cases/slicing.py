# SPDX-License-Identifier: Apache-2.0
"""Cases of STRIDED_SLICE."""

from __future__ import annotations

from dataclasses import dataclass, field
from types import EllipsisType
from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from .draw import Draw

Index = int | slice | None | EllipsisType


@dataclass
class _Slice:
    begin: list[int] = field(default_factory=list)
    end: list[int] = field(default_factory=list)
    stride: list[int] = field(default_factory=list)
    masks: dict[str, int] = field(default_factory=dict)
    index: list[Index] = field(default_factory=list)

    def add(self, begin: int, end: int, stride: int, index: Index, masks: tuple[str, ...]) -> None:
        position = len(self.begin)
        self.begin.append(begin)
        self.end.append(end)
        self.stride.append(stride)
        self.index.append(index)
        for mask in masks:
            self.masks[mask] = self.masks.get(mask, 0) | 1 << position


def _range(draw: Draw, dim: int, into: _Slice) -> None:
    stride = draw.pick((1, 1, 2, 3, -1, -2))
    low, high = sorted((draw.integer(0, dim - 1), draw.integer(0, dim - 1)))
    begin, end = (low, high + 1) if stride > 0 else (high, low - 1)
    if draw.chance(0.2):  # beyond the tensor: TFLite clamps
        begin, end = (begin, dim + 3) if stride > 0 else (dim + 2, end)
    if draw.chance(0.3) and begin < dim:
        begin -= dim
    if end < 0:  # -1 would count from the end, so say "before the first element"
        end = -dim - 1
    masks = tuple(mask for mask in ("begin_mask", "end_mask") if draw.chance(0.25))
    taken = slice(None if "begin_mask" in masks else begin, None if "end_mask" in masks else end, stride)
    into.add(begin, end, stride, taken, masks)


def _axis(draw: Draw, dim: int, into: _Slice) -> None:
    if draw.chance(0.15):
        begin = draw.integer(-dim, dim - 1)
        into.add(begin, begin + 1, 1, begin, ("shrink_axis_mask",))
    else:
        _range(draw, dim, into)


def _plan(draw: Draw, shape: tuple[int, ...]) -> _Slice:
    plan = _Slice()
    # LiteRT expands an ellipsis to at least one dimension, so one that stands for none gives another shape.
    hole = draw.integer(0, len(shape) - 1) if draw.chance(0.2) else -1
    skipped = draw.integer(1, len(shape) - hole) if hole >= 0 else 0
    axis = 0
    while axis < len(shape):
        if axis == hole and "ellipsis_mask" not in plan.masks:
            plan.add(0, 0, 1, Ellipsis, ("ellipsis_mask",))
            axis += skipped
            continue
        if len(shape) < 5 and draw.chance(0.07) and "new_axis_mask" not in plan.masks:
            plan.add(0, 0, 1, None, ("new_axis_mask",))
        _axis(draw, shape[axis], plan)
        axis += 1
    return plan


def strided_slice(draw: Draw) -> tuple[list[int], list[int]]:
    """STRIDED_SLICE of rank 1..5: strides of both signs, all five masks, bounds beyond the tensor."""
    shape = draw.shape((1, 5), 400)
    while True:
        plan = _plan(draw, shape)
        output = np.zeros(shape, np.int8)[tuple(plan.index)].shape
        if 0 not in output:
            break
    quant = draw.quant()
    x = draw.activation("input", shape, quant)
    bounds = [draw.int_constant(name, getattr(plan, name)) for name in ("begin", "end", "stride")]
    y = draw.activation("output", output, quant)
    draw.writer.operator("STRIDED_SLICE", [x, *bounds], [y], **plan.masks)
    return [x], [y]


GENERATORS = {"STRIDED_SLICE": strided_slice}
