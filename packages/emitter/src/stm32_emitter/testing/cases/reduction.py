# SPDX-License-Identifier: Apache-2.0
"""Cases of reductions, ARG_MAX, CUMSUM, L2_NORMALIZATION and L2_POOL_2D."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from .draw import ACTIVATIONS

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from .draw import Draw

Wiring = tuple[list[int], list[int]]


def _axes(draw: Draw, shape: Sequence[int]) -> tuple[list[int], bool, list[int]]:
    """(axes as written, keep_dims, shape of the result)."""
    rank = len(shape)
    count = draw.integer(1, rank)
    axes = [int(a) for a in draw.rng.permutation(rank)[:count]]
    keep = draw.chance(0.5)
    kept = [1 if i in axes else dim for i, dim in enumerate(shape) if keep or i not in axes]
    return [a - rank if draw.chance(0.3) else a for a in axes], keep, kept


def reduce_prod(draw: Draw) -> Wiring:
    """REDUCE_PROD of a few elements, whose product is of the order of the result's range."""
    if not draw.quantized:
        return _reduction("REDUCE_PROD")(draw)
    shape = draw.shape((1, 4), 120, 6)
    axes, keep, kept = _axes(draw, shape)
    count = int(np.prod([shape[a] for a in axes]))
    source = draw.quant(2.0**-7, 2.0**-5)
    spread = (source.scales[0] if source else 1.0) * 128 * draw.steps
    exponent = float(np.clip(count * np.log2(max(spread, 0.5)), -20.0, 20.0))
    target = draw.activations(2.0**exponent / 128 * draw.log_uniform(0.1, 2.0), draw.integer(-128, 127))
    x, y = draw.activation("input", shape, source), draw.activation("output", kept, target)
    draw.writer.operator("REDUCE_PROD", [x, draw.int_constant("axes", axes)], [y], keep_dims=keep)
    return [x], [y]


def _reduction(op: str) -> Callable[[Draw], Wiring]:
    def generate(draw: Draw) -> Wiring:
        shape = draw.shape((1, 5), 400)
        axes, keep, kept = _axes(draw, shape)
        quant = draw.quant()
        target = quant
        if op == "SUM" and quant and draw.chance(0.9):
            zero_point = draw.integer(-128, 127)
            target = draw.activations(quant.scales[0] * draw.steps * draw.log_uniform(0.5, 40.0), zero_point)
        x, y = draw.activation("input", shape, quant), draw.activation("output", kept, target)
        draw.writer.operator(op, [x, draw.int_constant("axes", axes)], [y], keep_dims=keep)
        return [x], [y]

    return generate


def _position(op: str) -> Callable[[Draw], Wiring]:
    def generate(draw: Draw) -> Wiring:
        shape = draw.shape((1, 4), 300)
        axis = draw.integer(0, len(shape) - 1)
        dtype = draw.pick(("int32", "int64"))
        x = draw.activation("input", shape, draw.quant())
        y = draw.activation("output", [*shape[:axis], *shape[axis + 1 :]], None, dtype)
        where = draw.int_constant("axis", [axis - len(shape) if draw.chance(0.3) else axis])
        draw.writer.operator(op, [x, where], [y], output_type=2 if dtype == "int32" else 4)  # as TensorType counts
        return [x], [y]

    return generate


def cumsum(draw: Draw) -> Wiring:
    """CUMSUM in all four ways."""
    shape = draw.shape((1, 4), 200)
    axis, quant = draw.integer(0, len(shape) - 1), draw.quant()
    x, y = draw.activation("input", shape, quant), draw.activation("output", shape, quant)
    given = x
    if draw.dtype in ("int32", "int64"):  # small numbers, so that no sum overflows
        given = draw.activation("small", shape, None)
        draw.writer.operator("FLOOR_MOD", [x, draw.int_constant("most", [1000], draw.dtype)], [given])
    where = draw.int_constant("axis", [axis - len(shape) if draw.chance(0.3) else axis])
    draw.writer.operator("CUMSUM", [given, where], [y], exclusive=draw.chance(0.5), reverse=draw.chance(0.5))
    return [x], [y]


def l2_normalization(draw: Draw) -> Wiring:
    """L2_NORMALIZATION of rows."""
    shape = draw.shape((2, 4), 400, 40)
    x = draw.activation("input", shape, draw.quant())
    y = draw.activation("output", shape, draw.fixed(1 / 128, 0))
    draw.writer.operator("L2_NORMALIZATION", [x], [y], fused_activation_function="NONE")
    return [x], [y]


def l2_pool_2d(draw: Draw) -> Wiring:
    """L2_POOL_2D with any window and stride, with and without padding."""
    n, h, w, c = draw.integer(1, 2), draw.integer(1, 9), draw.integer(1, 9), draw.integer(1, 6)
    rows, columns, down, right = draw.integer(1, h), draw.integer(1, w), draw.integer(1, 3), draw.integer(1, 3)
    padding = draw.pick(("SAME", "VALID"))
    spare = (0, 0) if padding == "SAME" else (rows - 1, columns - 1)
    size = (-(-(h - spare[0]) // down), -(-(w - spare[1]) // right))
    quant = draw.quant()
    x, y = draw.activation("input", (n, h, w, c), quant), draw.activation("output", (n, *size, c), quant)
    draw.writer.operator(
        "L2_POOL_2D", [x], [y], padding=padding, stride_h=down, stride_w=right, filter_height=rows,
        filter_width=columns, fused_activation_function=draw.pick(ACTIVATIONS),
    )  # fmt: skip
    return [x], [y]


GENERATORS = {
    "ARG_MAX": _position("ARG_MAX"),
    "ARG_MIN": _position("ARG_MIN"),
    "CUMSUM": cumsum,
    "L2_NORMALIZATION": l2_normalization,
    "L2_POOL_2D": l2_pool_2d,
    **{op: _reduction(op) for op in ("REDUCE_ALL", "REDUCE_ANY", "REDUCE_MAX", "REDUCE_MIN", "SUM")},
    "REDUCE_PROD": reduce_prod,
}
