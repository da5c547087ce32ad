# SPDX-License-Identifier: Apache-2.0
"""Cases of PAD and PADV2."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from .draw import Draw


def _paddings(draw: Draw, rank: int) -> list[list[int]]:
    limit = {1: 6, 2: 4, 3: 3}.get(rank, 2)
    return [[draw.integer(0, limit) * draw.chance(0.6), draw.integer(0, limit) * draw.chance(0.6)] for _ in range(rank)]


def _pad(draw: Draw, op: str) -> tuple[list[int], list[int]]:
    shape = draw.shape((1, 5), 200)
    paddings = _paddings(draw, len(shape))
    quant = draw.quant()
    x = draw.activation("input", shape, quant)
    output = [dim + before + after for dim, (before, after) in zip(shape, paddings, strict=True)]
    y = draw.activation("output", output, quant)
    inputs = [x, draw.int_constant("paddings", paddings, draw.pick(("int32", "int32", "int32", "int64")))]
    if op == "PADV2":
        inputs.append(draw.constant("value", draw.pick(((), (1,))), quant))
    draw.writer.operator(op, inputs, [y])
    return [x], [y]


def pad(draw: Draw) -> tuple[list[int], list[int]]:
    """PAD of rank 1..5 with the zero point."""
    return _pad(draw, "PAD")


def padv2(draw: Draw) -> tuple[list[int], list[int]]:
    """PADV2 of rank 1..5 with a constant value."""
    return _pad(draw, "PADV2")


GENERATORS = {"PAD": pad, "PADV2": padv2}
