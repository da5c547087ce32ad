# SPDX-License-Identifier: Apache-2.0
"""RESIZE_NEAREST_NEIGHBOR, on elements of any type.

Which input row an output row v takes, established against the reference interpreter, all in float32:
scale = in / out, or (in - 1) / (out - 1) with align_corners and out > 1; p = v * scale, or (v + 0.5) * scale with
half_pixel_centers; floor(p), or p rounded half away from zero with align_corners; limited to 0 .. in - 1.
"""

from __future__ import annotations

from typing import Any, ClassVar

import numpy as np
from tvm import relax

from stm32_emitter.operators.base import Fused, KernelRequest, OperatorDefinition
from stm32_emitter.operators.movement import copy, movable
from stm32_emitter.operators.scope import Scope, dtype_of, shape_of
from stm32_emitter.tir.builder import Kernel, KernelBuilder

_ROUNDING = {"asymmetric": "floor", "half_pixel": "round", "align_corners": "round"}


class ResizeNearestNeighbor(OperatorDefinition):
    """Copies whole pixels; where the indices have no closed form they come from a table."""

    kind: ClassVar[str] = "RESIZE_NEAREST_NEIGHBOR"
    roots: ClassVar[tuple[str, ...]] = ("image.resize2d",)

    def match(self, scope: Scope, root: relax.Call) -> Fused | None:
        """image.resize2d(x, size), method nearest_neighbor, NHWC."""
        attrs, x = root.attrs, root.args[0]
        mode = str(attrs.coordinate_transformation_mode)
        if str(attrs.method) != "nearest_neighbor" or str(attrs.layout) != "NHWC" or not movable(scope, x):
            return None
        if _ROUNDING.get(mode) != str(attrs.rounding_method) or dtype_of(x) != dtype_of(root):
            return None
        return Fused(self.kind, (x,), shape_of(root), dtype_of(root), {"mode": mode})

    def kernel(self, request: KernelRequest) -> Kernel:
        """x [N,H,W,C] -> y [N,OH,OW,C], the same element type."""
        source, result, mode = request.inputs[0], request.output, str(request.attributes["mode"])
        batch, height, width, channels = source.shape
        _, out_height, out_width, _ = result.shape
        with KernelBuilder("resize_nearest_neighbor") as k:
            x = k.input("x", (source.elements,), source.dtype)
            row_of = _index(k, "rows", nearest_indices(height, out_height, mode))
            column_of = _index(k, "columns", nearest_indices(width, out_width, mode))
            y = k.output("y", (result.elements,), result.dtype)
            backward = request.grows
            with (
                k.loop("n", batch, backward=backward) as n,
                k.loop("v", out_height, backward=backward) as v,
                k.loop("u", out_width, backward=backward) as u,
            ):
                at = ((n * out_height + v) * out_width + u) * channels
                copy(k, y, at, x, ((n * height + row_of(v)) * width + column_of(u)) * channels, channels)
        return k.kernel()


def nearest_indices(size: int, out: int, mode: str) -> list[int]:
    """The input index for each output index along one axis."""
    one = np.float32(1)
    align, half = mode == "align_corners", mode == "half_pixel"
    scale = np.float32(size - 1) / np.float32(out - 1) if align and out > 1 else np.float32(size) / np.float32(out)
    places = (np.arange(out).astype(np.float32) + (one / 2 if half else one * 0)) * scale
    # Positions are never negative, so half away from zero is half up; float64 holds place + 0.5 exactly.
    whole = np.floor(places.astype(np.float64) + (0.5 if align else 0.0)).astype(int)
    return [int(index) for index in np.clip(whole, 0, size - 1)]


def _index(k: KernelBuilder, name: str, indices: list[int]) -> Any:
    """A function from an output index to the expression of its input index."""
    step = max(indices.count(0), 1)
    if indices == [v // step for v in range(len(indices))]:
        return lambda v: v // step
    dtype = "uint8" if max(indices) < 256 else "uint16" if max(indices) < 65536 else "int32"
    table = k.constant(name, np.array(indices, dtype))
    return lambda v: table[v].astype("int32")
