# SPDX-License-Identifier: Apache-2.0
"""RESIZE_NEAREST_NEIGHBOR and RESIZE_BILINEAR."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import tflite
from tvm import relax

from stm32_emitter.errors import ModelRefused
from stm32_emitter.frontends.tflite.converters.common import positive, rank
from stm32_emitter.frontends.tflite.support import EIGHT_BITS, Support, takes

if TYPE_CHECKING:
    from stm32_emitter.frontends.tflite.importer import Converter
    from stm32_emitter.frontends.tflite.reader import Operator


def _mode(options: Any) -> str:
    if options.AlignCorners() and options.HalfPixelCenters():
        raise ModelRefused("align_corners and half_pixel_centers exclude each other")
    if options.AlignCorners():
        return "align_corners"
    return "half_pixel" if options.HalfPixelCenters() else "asymmetric"


def _size(op: Operator) -> tuple[int, int]:
    x = op.input(0)
    rank(x.name, x.shape, 4)
    size = [int(s) for s in op.constant(1).ravel()]
    if len(size) != 2:
        raise ModelRefused(f"its size has {len(size)} elements, height and width are needed")
    positive(output_height=size[0], output_width=size[1])
    return size[0], size[1]


def convert_resize_nearest_neighbor(c: Converter, op: Operator) -> relax.Expr:
    """x [N,H,W,C] -> [N,OH,OW,C], on the elements as they are."""
    mode = _mode(op.options(tflite.ResizeNearestNeighborOptions))
    rounding = "round" if mode in ("align_corners", "half_pixel") else "floor"
    return relax.op.image.resize2d(
        c.raw(op.input(0)), _size(op), layout="NHWC", method="nearest_neighbor",
        coordinate_transformation_mode=mode, rounding_method=rounding,
    )  # fmt: skip


def convert_resize_bilinear(c: Converter, op: Operator) -> relax.Expr:
    """x [N,H,W,C] -> [N,OH,OW,C]."""
    mode, size = _mode(op.options(tflite.ResizeBilinearOptions)), _size(op)
    # With align_corners TVM's float form divides by size - 1: a single row or column is the first of two.
    single = mode == "align_corners" and 1 in size and op.input(0).dtype == "float32"
    computed = (max(size[0], 2), max(size[1], 2)) if single else size
    expr = relax.op.image.resize2d(
        c.real(op.input(0)), computed, layout="NHWC", method="linear", coordinate_transformation_mode=mode
    )
    if single:
        expr = relax.op.strided_slice(c.bb.normalize(expr), [1, 2], [0, 0], list(size))
    return c.result(expr, op.outputs[0])


CONVERTERS = {
    "RESIZE_NEAREST_NEIGHBOR": convert_resize_nearest_neighbor,
    "RESIZE_BILINEAR": convert_resize_bilinear,
}

SUPPORT: dict[str, Support] = {
    "RESIZE_NEAREST_NEIGHBOR": takes(*EIGHT_BITS, "int16", "float32", "int32", "bool", constants={1: "size"}),
    "RESIZE_BILINEAR": takes(*EIGHT_BITS, "int16", "float32", constants={1: "size"}),
}
