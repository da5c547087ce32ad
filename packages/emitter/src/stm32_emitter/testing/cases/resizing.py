# SPDX-License-Identifier: Apache-2.0
"""Cases of RESIZE_NEAREST_NEIGHBOR and RESIZE_BILINEAR (NHWC)."""

from __future__ import annotations

from typing import TYPE_CHECKING

from .draw import CHANNELS, Draw

if TYPE_CHECKING:
    from collections.abc import Callable

# (align_corners, half_pixel_centers); both at once is refused by the kernels.
_MODES = ((False, False), (False, True), (True, False))


def _resize(op: str) -> Callable[[Draw], tuple[list[int], list[int]]]:
    def generate(draw: Draw) -> tuple[list[int], list[int]]:
        batch, channels = draw.pick((1, 1, 2)), draw.pick(CHANNELS[:11])
        height, width = draw.integer(1, 9), draw.integer(1, 9)
        size = [draw.integer(1, 16), draw.integer(1, 16)]
        if draw.chance(0.4):
            size = [height * 2, width * 2]
        quant = draw.quant()
        x = draw.activation("input", (batch, height, width, channels), quant)
        y = draw.activation("output", (batch, *size, channels), quant)
        align, half = draw.pick(_MODES)
        target = draw.int_constant("size", size)
        draw.writer.operator(op, [x, target], [y], align_corners=align, half_pixel_centers=half)
        return [x], [y]

    return generate


GENERATORS = {op: _resize(op) for op in ("RESIZE_NEAREST_NEIGHBOR", "RESIZE_BILINEAR")}
