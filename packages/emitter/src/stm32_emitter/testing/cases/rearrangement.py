# SPDX-License-Identifier: Apache-2.0
"""Cases of operators that cut, join, repeat and reorder blocks: SPLIT, PACK, SPACE_TO_BATCH_ND, ..."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from collections.abc import Sequence

    from .draw import Draw

Wiring = tuple[list[int], list[int]]


def _signed(draw: Draw, axis: int, rank: int) -> int:
    return axis - rank if draw.chance(0.4) else axis


def split(draw: Draw) -> Wiring:
    """SPLIT into 1..4 equal pieces."""
    shape, pieces = list(draw.shape((1, 4), 150)), draw.integer(1, 4)
    axis = draw.integer(0, len(shape) - 1)
    length = shape[axis]
    shape[axis] *= pieces
    quant = draw.quant()
    x = draw.activation("input", shape, quant)
    part = [*shape[:axis], length, *shape[axis + 1 :]]
    outputs = [draw.activation(f"output_{i}", part, quant) for i in range(pieces)]
    where = draw.int_constant("axis", [_signed(draw, axis, len(shape))])
    draw.writer.operator("SPLIT", [where, x], outputs, num_splits=pieces)
    return [x], outputs


def split_v(draw: Draw) -> Wiring:
    """SPLIT_V into pieces of any length, one of which may be written as -1."""
    shape = list(draw.shape((1, 4), 150))
    axis = draw.integer(0, len(shape) - 1)
    lengths = [draw.integer(1, 5) for _ in range(draw.integer(1, 4))]
    shape[axis] = sum(lengths)
    quant = draw.quant()
    x = draw.activation("input", shape, quant)
    outputs = [
        draw.activation(f"output_{i}", [*shape[:axis], n, *shape[axis + 1 :]], quant) for i, n in enumerate(lengths)
    ]
    written = list(lengths)
    if draw.chance(0.3):
        written[draw.integer(0, len(written) - 1)] = -1
    constants = [draw.int_constant("lengths", written), draw.int_constant("axis", [_signed(draw, axis, len(shape))])]
    draw.writer.operator("SPLIT_V", [x, *constants], outputs, num_splits=len(lengths))
    return [x], outputs


def unpack(draw: Draw) -> Wiring:
    """UNPACK along any axis."""
    shape = list(draw.shape((1, 4), 120, 6))
    axis = draw.integer(0, len(shape) - 1)
    quant = draw.quant()
    x = draw.activation("input", shape, quant)
    part = shape[:axis] + shape[axis + 1 :]
    outputs = [draw.activation(f"output_{i}", part, quant) for i in range(shape[axis])]
    draw.writer.operator("UNPACK", [x], outputs, num=shape[axis], axis=_signed(draw, axis, len(shape)))
    return [x], outputs


def pack(draw: Draw) -> Wiring:
    """PACK of 1..4 tensors along any axis, one of them possibly constant."""
    shape, count = list(draw.shape((0, 4), 80)), draw.integer(1, 4)
    axis = draw.integer(0, len(shape))
    quant = draw.quant()
    inputs = [draw.activation(f"input_{i}", shape, quant) for i in range(count)]
    operands = list(inputs)
    if draw.chance(0.3):
        operands.append(draw.constant("constant", shape, quant))
    target = [*shape[:axis], len(operands), *shape[axis:]]
    y = draw.activation("output", target, quant)
    axis = _signed(draw, axis, len(target))
    draw.writer.operator("PACK", operands, [y], values_count=len(operands), axis=axis)
    return inputs, [y]


def slice_(draw: Draw) -> Wiring:
    """SLICE of rank 1..5, sizes possibly -1."""
    shape = draw.shape((1, 5), 400)
    begin = [draw.integer(0, dim - 1) for dim in shape]
    size = [draw.integer(1, dim - b) for dim, b in zip(shape, begin, strict=True)]
    written = [-1 if b + s == dim and draw.chance(0.5) else s for b, s, dim in zip(begin, size, shape, strict=True)]
    quant = draw.quant()
    x = draw.activation("input", shape, quant)
    y = draw.activation("output", size, quant)
    bounds = [draw.int_constant("begin", begin), draw.int_constant("size", written)]
    draw.writer.operator("SLICE", [x, *bounds], [y])
    return [x], [y]


def reverse(draw: Draw) -> Wiring:
    """REVERSE_V2 along one axis."""
    shape = draw.shape((1, 4), 300)
    axis = draw.integer(0, len(shape) - 1)
    quant = draw.quant()
    x, y = draw.activation("input", shape, quant), draw.activation("output", shape, quant)
    draw.writer.operator("REVERSE_V2", [x, draw.int_constant("axis", [axis])], [y])
    return [x], [y]


def tile(draw: Draw) -> Wiring:
    """TILE of rank 1..4."""
    shape = draw.shape((1, 4), 60)
    repeats = [draw.integer(1, 3) for _ in shape]
    quant = draw.quant()
    x = draw.activation("input", shape, quant)
    y = draw.activation("output", [dim * n for dim, n in zip(shape, repeats, strict=True)], quant)
    draw.writer.operator("TILE", [x, draw.int_constant("multiples", repeats)], [y])
    return [x], [y]


def broadcast_to(draw: Draw) -> Wiring:
    """BROADCAST_TO of more axes and longer ones."""
    target = draw.shape((1, 5), 300)
    shape = [1 if draw.chance(0.4) else dim for dim in target][draw.integer(0, len(target) - 1) :]
    quant = draw.quant()
    x, y = draw.activation("input", shape, quant), draw.activation("output", target, quant)
    draw.writer.operator("BROADCAST_TO", [x, draw.int_constant("shape", target)], [y])
    return [x], [y]


def mirror_pad(draw: Draw) -> Wiring:
    """MIRROR_PAD, with and without the edge."""
    shape, mode = draw.shape((1, 4), 80), draw.integer(0, 1)  # REFLECT is 0
    most = [dim - 1 + mode for dim in shape]
    widths = [[draw.integer(0, limit), draw.integer(0, limit)] for limit in most]
    quant = draw.quant()
    x = draw.activation("input", shape, quant)
    y = draw.activation("output", [dim + sum(width) for dim, width in zip(shape, widths, strict=True)], quant)
    draw.writer.operator("MIRROR_PAD", [x, draw.int_constant("paddings", widths)], [y], mode=mode)
    return [x], [y]


def _image(draw: Draw, elements: int) -> tuple[int, int, int, int]:
    n, h, w, c = draw.shape((4, 4), elements, 6)
    return n, h, w, c


def depth_to_space(draw: Draw) -> Wiring:
    """DEPTH_TO_SPACE with blocks of 1..3."""
    (n, h, w, c), b = _image(draw, 80), draw.integer(1, 3)
    quant = draw.quant()
    x = draw.activation("input", (n, h, w, c * b * b), quant)
    y = draw.activation("output", (n, h * b, w * b, c), quant)
    draw.writer.operator("DEPTH_TO_SPACE", [x], [y], block_size=b)
    return [x], [y]


def space_to_depth(draw: Draw) -> Wiring:
    """SPACE_TO_DEPTH with blocks of 1..3."""
    (n, h, w, c), b = _image(draw, 80), draw.integer(1, 3)
    quant = draw.quant()
    x = draw.activation("input", (n, h * b, w * b, c), quant)
    y = draw.activation("output", (n, h, w, c * b * b), quant)
    draw.writer.operator("SPACE_TO_DEPTH", [x], [y], block_size=b)
    return [x], [y]


def _blocks(draw: Draw) -> tuple[list[int], list[list[int]], Sequence[int]]:
    """Blocks, paddings or crops, and the sizes of the small space."""
    count = draw.integer(1, 2)
    return (
        [draw.integer(1, 3) for _ in range(count)],
        [[draw.integer(0, 2), draw.integer(0, 2)] for _ in range(count)],
        [draw.integer(2, 4) for _ in range(count)],
    )


def space_to_batch(draw: Draw) -> Wiring:
    """SPACE_TO_BATCH_ND of one or two axes, padded."""
    (blocks, paddings, outer), n, c = _blocks(draw), draw.integer(1, 2), draw.integer(1, 4)
    full = [block * size for block, size in zip(blocks, outer, strict=True)]
    paddings = [p if sum(p) < dim else [0, 0] for p, dim in zip(paddings, full, strict=True)]
    inner = [dim - sum(p) for dim, p in zip(full, paddings, strict=True)]
    quant = draw.quant()
    x = draw.activation("input", [n, *inner, c], quant)
    y = draw.activation("output", [n * int(np.prod(blocks)), *outer, c], quant)
    constants = [draw.int_constant("block_shape", blocks), draw.int_constant("paddings", paddings)]
    draw.writer.operator("SPACE_TO_BATCH_ND", [x, *constants], [y])
    return [x], [y]


def batch_to_space(draw: Draw) -> Wiring:
    """BATCH_TO_SPACE_ND of one or two axes, cropped."""
    (blocks, crops, space), n, c = _blocks(draw), draw.integer(1, 2), draw.integer(1, 4)
    full = [block * size for block, size in zip(blocks, space, strict=True)]
    crops = [crop if sum(crop) < dim else [0, 0] for crop, dim in zip(crops, full, strict=True)]
    quant = draw.quant()
    x = draw.activation("input", [n * int(np.prod(blocks)), *space, c], quant)
    y = draw.activation("output", [n, *(dim - sum(crop) for dim, crop in zip(full, crops, strict=True)), c], quant)
    constants = [draw.int_constant("block_shape", blocks), draw.int_constant("crops", crops)]
    draw.writer.operator("BATCH_TO_SPACE_ND", [x, *constants], [y])
    return [x], [y]


GENERATORS = {
    "BATCH_TO_SPACE_ND": batch_to_space,
    "BROADCAST_TO": broadcast_to,
    "DEPTH_TO_SPACE": depth_to_space,
    "MIRROR_PAD": mirror_pad,
    "PACK": pack,
    "REVERSE_V2": reverse,
    "SLICE": slice_,
    "SPACE_TO_BATCH_ND": space_to_batch,
    "SPACE_TO_DEPTH": space_to_depth,
    "SPLIT": split,
    "SPLIT_V": split_v,
    "TILE": tile,
    "UNPACK": unpack,
}
