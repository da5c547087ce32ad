# SPDX-License-Identifier: Apache-2.0
"""Cases of AVERAGE_POOL_2D, MAX_POOL_2D and MEAN."""

from __future__ import annotations

from typing import TYPE_CHECKING

from .convolution import window
from .draw import ACTIVATIONS, CHANNELS, Draw

if TYPE_CHECKING:
    from collections.abc import Callable

    from stm32_emitter.testing.tflite_writer import Quant


def _pool(op: str) -> Callable[[Draw], tuple[list[int], list[int]]]:
    def generate(draw: Draw) -> tuple[list[int], list[int]]:
        geometry = window(draw, dilated=False, largest_kernel=7)
        batch, channels = draw.pick((1, 1, 2)), draw.pick(CHANNELS)
        quant = draw.quant()
        x = draw.activation("input", (batch, *geometry.size, channels), quant)
        y = draw.activation("output", (batch, *geometry.output, channels), quant)
        draw.writer.operator(
            op,
            [x],
            [y],
            padding=geometry.padding,
            stride_h=geometry.stride[0],
            stride_w=geometry.stride[1],
            filter_height=geometry.kernel[0],
            filter_width=geometry.kernel[1],
            fused_activation_function=draw.pick(ACTIVATIONS),
        )
        return [x], [y]

    return generate


def _axes(draw: Draw, rank: int) -> tuple[list[int], set[int]]:
    chosen = [axis for axis in range(rank) if draw.chance(0.5)] or [draw.integer(0, rank - 1)]
    if rank == 4 and draw.chance(0.4):  # the usual global pooling
        chosen = [1, 2]
    written = [axis - rank if draw.chance(0.3) else axis for axis in chosen]
    draw.rng.shuffle(written)
    return written, set(chosen)


def mean(draw: Draw) -> tuple[list[int], list[int]]:
    """MEAN over any axes of rank 1..4, with and without keep_dims, same or another output quantization."""
    shape = draw.shape((1, 4), 1500, 20)
    written, reduced = _axes(draw, len(shape))
    keep = draw.chance(0.5)
    kept = [1 if axis in reduced else dim for axis, dim in enumerate(shape)]
    output = kept if keep else [dim for axis, dim in enumerate(shape) if axis not in reduced]
    source = draw.quant()
    x = draw.activation("input", shape, source)
    y = draw.activation("output", output, _mean_quant(draw, source))
    draw.writer.operator("MEAN", [x, draw.int_constant("axes", written)], [y], keep_dims=keep)
    return [x], [y]


def _mean_quant(draw: Draw, source: Quant | None) -> Quant | None:
    if source is None or draw.chance(0.4):
        return source
    quant = draw.quant()
    return draw.affine(source.scales[0] * draw.log_uniform(0.05, 4.0), quant.zero_points[0] if quant else 0)


GENERATORS = {"AVERAGE_POOL_2D": _pool("AVERAGE_POOL_2D"), "MAX_POOL_2D": _pool("MAX_POOL_2D"), "MEAN": mean}
