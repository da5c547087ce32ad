# SPDX-License-Identifier: Apache-2.0
"""Cases of operators that choose elements by index or by size, and of tensors of one value.

Indices at run time are made by FLOOR_MOD of an input of any value, so that they stay inside.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from collections.abc import Sequence

    from .draw import Draw

Wiring = tuple[list[int], list[int]]


def indices(
    draw: Draw, shape: Sequence[int], limits: int | Sequence[int], dtypes: Sequence[str] = ("int32", "int64")
) -> tuple[list[int], int]:
    """(inputs, indices of ``shape`` below ``limits``): constant, or an input of int32 modulo the limits."""
    if draw.chance(0.4):
        values = np.asarray(draw.rng.integers(0, limits, shape), draw.pick(dtypes))
        return [], draw.writer.constant("indices", values)
    given = draw.activation("given", shape, None, "int32")
    indices = draw.activation("indices", shape, None, "int32")
    draw.writer.operator("FLOOR_MOD", [given, draw.int_constant("limits", np.asarray(limits).tolist())], [indices])
    return [given], indices


def gather(draw: Draw) -> Wiring:
    """GATHER at indices of rank 0..2, in any order and repeated, with 0..2 batch dimensions."""
    shape = list(draw.shape((1, 4), 150))
    axis = draw.integer(0, len(shape) - 1)
    shared = draw.integer(0, min(axis, 2)) if draw.chance(0.5) else 0
    form = [draw.integer(1, 4) for _ in range(draw.integer(0, 2))]
    given, where = indices(draw, [*shape[:shared], *form], shape[axis])
    quant = draw.quant()
    x = draw.activation("input", shape, quant)
    y = draw.activation("output", [*shape[:axis], *form, *shape[axis + 1 :]], quant)
    signed = axis - len(shape) if draw.chance(0.4) else axis
    draw.writer.operator("GATHER", [x, where], [y], axis=signed, batch_dims=shared, version=7)
    return [x, *given], [y]


def gather_nd(draw: Draw) -> Wiring:
    """GATHER_ND at indices of the first 1..4 axes."""
    shape = draw.shape((1, 4), 150)
    axes = draw.integer(1, len(shape))
    form = [draw.integer(1, 4) for _ in range(draw.integer(0, 2))]
    given, where = indices(draw, [*form, axes], shape[:axes])
    quant = draw.quant()
    x, y = draw.activation("input", shape, quant), draw.activation("output", [*form, *shape[axes:]], quant)
    draw.writer.operator("GATHER_ND", [x, where], [y])
    return [x, *given], [y]


def embedding_lookup(draw: Draw) -> Wiring:
    """EMBEDDING_LOOKUP in a constant table; a hybrid one is of bytes or int4, with a scale for each row or for all."""
    shape = (draw.integer(1, 12), *draw.shape((1, 2), 24))
    if draw.weights == "int4":  # the reference takes each row to begin with a byte, as the file has it not
        shape = (*shape[:-1], 2 * shape[-1])
    given = draw.activation("given", (draw.integer(1, 5),), None, "int32")
    ids = draw.activation("ids", draw.writer.tensors[given].shape, None, "int32")
    draw.writer.operator("FLOOR_MOD", [given, draw.int_constant("limit", shape[0])], [ids])
    quant = draw.quant()
    table = _hybrid_table(draw, shape) if draw.weights else draw.constant("table", shape, quant)
    y = draw.activation("output", (*draw.writer.tensors[ids].shape, *shape[1:]), quant)
    draw.writer.operator("EMBEDDING_LOOKUP", [ids, table], [y])
    return [given], [y]


def _hybrid_table(draw: Draw, shape: tuple[int, ...]) -> int:
    """Bytes of uint8 count as int8."""
    least, dtype = (-8, "int4") if draw.weights == "int4" else (-128, draw.pick(("int8", "int8", "uint8")))
    values = draw.rng.integers(least, -least, shape).astype(np.int8)
    scales = [draw.log_uniform(2.0**-8, 1.0) for _ in range(draw.pick((1, shape[0])))]
    stored = values.view(np.uint8) if dtype == "uint8" else values
    return draw.writer.constant("table", stored, quant=draw.affine(scales, 0), dtype=dtype)


def one_hot(draw: Draw) -> Wiring:
    """ONE_HOT along any axis, with indices that are outside now and then."""
    shape, depth = list(draw.shape((0, 3), 30, 5)), draw.integer(1, 5)
    axis = draw.integer(0, len(shape))
    given, where = indices(draw, shape, depth + 2)
    quant = draw.quant()
    y = draw.activation("output", [*shape[:axis], depth, *shape[axis:]], quant)
    other = draw.quant() if draw.chance(0.3) else quant
    on, off = draw.activation("on", (), quant), draw.constant("off", (), other)
    signed = -1 if axis == len(shape) and draw.chance(0.5) else axis
    draw.writer.operator("ONE_HOT", [where, draw.int_constant("depth", depth), on, off], [y], axis=signed)
    return [on, *given], [y]


def top_k(draw: Draw) -> Wiring:
    """TOPK_V2 of rows with equal elements."""
    shape = draw.shape((1, 3), 200, 40)
    count = draw.integer(1, shape[-1])
    quant = draw.quant()
    x = draw.activation("input", shape, quant)
    values = draw.activation("values", (*shape[:-1], count), quant)
    positions = draw.activation("positions", (*shape[:-1], count), None, "int32")
    draw.writer.operator("TOPK_V2", [x, draw.int_constant("k", count)], [values, positions])
    return [x], [values, positions]


def dynamic_update_slice(draw: Draw) -> Wiring:
    """DYNAMIC_UPDATE_SLICE at a place that is given and often outside."""
    shape, quant = draw.shape((1, 4), 200), draw.quant()
    part = [draw.integer(1, dim) for dim in shape]
    x, z, y = (draw.activation(n, s, quant) for n, s in (("input", shape), ("part", part), ("output", shape)))
    given, start = (draw.activation(name, (len(shape),), None, "int32") for name in ("given", "start"))
    draw.writer.operator("FLOOR_MOD", [given, draw.int_constant("limits", [2 * dim for dim in shape])], [start])
    draw.writer.operator("DYNAMIC_UPDATE_SLICE", [x, z, start], [y])
    return [x, z, given], [y]


def fill(draw: Draw) -> Wiring:
    """FILL with a value that is given."""
    shape, quant = draw.shape((1, 4), 200), draw.quant()
    value, y = draw.activation("value", (), quant), draw.activation("output", shape, quant)
    draw.writer.operator("FILL", [draw.int_constant("shape", shape), value], [y])
    return [value], [y]


def zeros_like(draw: Draw) -> Wiring:
    """ZEROS_LIKE, and the sum with it."""
    shape = draw.shape((1, 4), 200)
    x, zeros, y = (draw.activation(name, shape, None) for name in ("input", "zeros", "output"))
    draw.writer.operator("ZEROS_LIKE", [x], [zeros])
    draw.writer.operator("MAXIMUM", [x, zeros], [y])
    return [x], [y, zeros]


GENERATORS = {
    "DYNAMIC_UPDATE_SLICE": dynamic_update_slice,
    "EMBEDDING_LOOKUP": embedding_lookup,
    "FILL": fill,
    "GATHER": gather,
    "GATHER_ND": gather_nd,
    "ONE_HOT": one_hot,
    "TOPK_V2": top_k,
    "ZEROS_LIKE": zeros_like,
}
