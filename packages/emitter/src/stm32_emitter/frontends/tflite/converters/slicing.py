# SPDX-License-Identifier: Apache-2.0
"""STRIDED_SLICE with all five of TFLite's masks."""

from __future__ import annotations

from typing import TYPE_CHECKING

import tflite
from tvm import relax

from stm32_emitter.errors import ModelRefused
from stm32_emitter.frontends.tflite.support import ANY, Support, takes

if TYPE_CHECKING:
    from stm32_emitter.frontends.tflite.importer import Converter
    from stm32_emitter.frontends.tflite.reader import Operator

Entry = tuple[int, int, int, int]
"""(position in begin, end and strides; begin; end; stride)"""


def convert_strided_slice(c: Converter, op: Operator) -> relax.Expr:
    """x[begin:end:stride] for each axis; axes that are added or dropped come from the declared shape."""
    options = op.options(tflite.StridedSliceOptions)
    x, output = op.input(0), op.outputs[0]
    begin, end, stride = ([int(v) for v in op.constant(i).ravel()] for i in (1, 2, 3))
    if not len(begin) == len(end) == len(stride) or 0 in stride:
        raise ModelRefused("begin, end and strides do not fit each other")
    entries = [(i, *bounds) for i, bounds in enumerate(zip(begin, end, stride, strict=True))]
    axes = _axes(options, entries, len(x.shape))
    bounds = [_bounds(options, entry, x.shape[axis]) for axis, entry in axes]
    numbers = [axis for axis, _ in axes]
    starts, stops, steps = [b[0] for b in bounds], [b[1] for b in bounds], [entry[3] for _, entry in axes]
    expr = relax.op.strided_slice(c.raw(x), numbers, starts, stops, steps) if axes else c.raw(x)
    reshaped = not axes or options.ShrinkAxisMask() or options.NewAxisMask()
    return relax.op.reshape(c.bb.normalize(expr), output.shape) if reshaped else expr


def _axes(options: tflite.StridedSliceOptions, entries: list[Entry], rank: int) -> list[tuple[int, Entry]]:
    """(axis of the input, entry) for each entry that stands for one; the ellipsis fills up to the rank."""
    ellipsis, added = options.EllipsisMask(), options.NewAxisMask()
    positions = [position for position, *_ in entries]
    holes = [p for p in positions if ellipsis >> p & 1]
    kept = [p for p in positions if p not in holes and not added >> p & 1]
    skipped = rank - len(kept)
    if len(holes) > 1 or skipped < len(holes):
        raise ModelRefused(
            f"{len(kept)} bounds and {len(holes)} ellipses do not fit {rank} axes",
            hint="Write the slice with one bound for each axis.",
        )
    shift = {p: skipped if holes and p > holes[0] else 0 for p in kept}
    return [(index + shift[p], entries[p]) for index, p in enumerate(kept)]


def _bounds(options: tflite.StridedSliceOptions, entry: Entry, size: int) -> tuple[int, int]:
    """(start, stop) of one axis; a bound before element 0 is written as -size - 1, which Relax understands."""
    position, first, last, step = entry
    first, last = (bound + size if bound < 0 else bound for bound in (first, last))
    if options.ShrinkAxisMask() >> position & 1:
        start = _clamp(first, 0, size - 1)
        return start, start + 1 if step > 0 else _before(start - 1, size)
    low, high = (0, size) if step > 0 else (-1, size - 1)
    near, far = (low, high) if step > 0 else (high, low)
    start = near if options.BeginMask() >> position & 1 else _clamp(first, low, high)
    stop = far if options.EndMask() >> position & 1 else _clamp(last, low, high)
    return _before(start, size), _before(stop, size)


def _before(bound: int, size: int) -> int:
    return bound if bound >= 0 else -size - 1


def _clamp(value: int, low: int, high: int) -> int:
    return max(low, min(value, high))


CONVERTERS = {"STRIDED_SLICE": convert_strided_slice}

SUPPORT: dict[str, Support] = {"STRIDED_SLICE": takes(*ANY, constants={1: "begin", 2: "end", 3: "strides"})}
