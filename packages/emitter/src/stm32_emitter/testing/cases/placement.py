# SPDX-License-Identifier: Apache-2.0
"""Cases of operators that put rows where indices say, turn sequences round, fill diagonals, and look at bits."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from .arithmetic import broadcast_shapes
from .draw import values
from .selection import indices

if TYPE_CHECKING:
    from collections.abc import Callable

    from .draw import Draw

Wiring = tuple[list[int], list[int]]
_EXTREMES = {"UNSORTED_SEGMENT_MAX": "MAXIMUM", "UNSORTED_SEGMENT_MIN": "MINIMUM"}


def scatter_nd(draw: Draw) -> Wiring:
    """SCATTER_ND at places that may be equal."""
    shape = draw.shape((1, 4), 150)
    axes = draw.integer(1, len(shape))
    form = [draw.integer(1, 5) for _ in range(draw.integer(1, 2))]
    given, where = indices(draw, [*form, axes], shape[:axes], ("int32",))
    quant = draw.quant()
    x = draw.activation("updates", [*form, *shape[axes:]], quant)
    y = draw.activation("output", shape, quant)
    draw.writer.operator("SCATTER_ND", [where, x, draw.int_constant("shape", shape)], [y])
    return [x, *given], [y]


def sparse_to_dense(draw: Draw) -> Wiring:
    """SPARSE_TO_DENSE of one value or several, of rank 1 to 4."""
    shape = draw.shape((1, 4), 150)
    count = draw.integer(1, 6)
    form = [count, len(shape)] if len(shape) > 1 or draw.chance(0.3) else [[count], []][draw.integer(0, 1)]
    given, where = indices(draw, form, shape if len(form) > 1 else shape[0])
    kind = draw.writer.tensors[where].dtype
    quant = draw.quant()
    x = draw.activation("values", form[:1] if form and draw.chance(0.6) else (), quant)
    others = draw.activation("others", (), quant)
    y = draw.activation("output", shape, quant)
    size = draw.int_constant("shape", shape, kind)
    draw.writer.operator("SPARSE_TO_DENSE", [where, size, x, others], [y])
    return [x, others, *given], [y]


def segment_sum(draw: Draw) -> Wiring:
    """SEGMENT_SUM of rows of any rank."""
    shape = draw.shape((1, 4), 150)
    numbers = np.concatenate([[0], np.cumsum(draw.rng.integers(0, 2, shape[0] - 1))]).astype(np.int32)
    dtype = draw.dtype
    x = draw.activation("input", shape, None, dtype)
    y = draw.activation("output", (int(numbers[-1]) + 1, *shape[1:]), None, dtype)
    draw.writer.operator("SEGMENT_SUM", [x, draw.writer.constant("segments", numbers)], [y])
    return [x], [y]


def _unsorted(op: str) -> Callable[[Draw], Wiring]:
    """Numbers of one or two axes, computed or constant."""

    def generate(draw: Draw) -> Wiring:
        shape, count = draw.shape((1, 4), 150), draw.integer(1, 6)
        form = shape[: draw.integer(1, min(2, len(shape)))]
        given, where = indices(draw, form, count, ("int32",))
        x = draw.activation("input", shape, None)
        full = (count, *shape[len(form) :])
        y = draw.activation("output", full, None)
        draw.writer.operator(op, [x, where, draw.int_constant("segments", count)], [y])
        if draw.dtype == "float32" and op in _EXTREMES:
            y = _limited(draw, _EXTREMES[op], y)
        return [x, *given], [y]

    return generate


def _limited(draw: Draw, op: str, x: int) -> int:
    """``x`` without the extremes of float32 that stand for no row at all, beside which every error is small."""
    y = draw.activation("limited", draw.writer.tensors[x].shape, None)
    bound = draw.writer.constant("bound", np.array(-100.0 if op == "MAXIMUM" else 100.0, np.float32))
    draw.writer.operator(op, [x, bound], [y], version=1)
    return y


def reverse_sequence(draw: Draw) -> Wiring:
    """REVERSE_SEQUENCE along any pair of axes."""
    shape = draw.shape((2, 5), 200)
    seq, batch = (int(axis) for axis in draw.rng.permutation(len(shape))[:2])
    given, lengths = indices(draw, [shape[batch]], shape[seq] + 1)
    quant = draw.quant()
    x, y = draw.activation("input", shape, quant), draw.activation("output", shape, quant)
    draw.writer.operator("REVERSE_SEQUENCE", [x, lengths], [y], seq_dim=seq, batch_dim=batch)
    return [x, *given], [y]


def matrix_diag(draw: Draw) -> Wiring:
    """MATRIX_DIAG of rank 1 to 3."""
    shape, quant = draw.shape((1, 3), 40, 6), draw.quant()
    x, y = draw.activation("input", shape, quant), draw.activation("output", (*shape, shape[-1]), quant)
    draw.writer.operator("MATRIX_DIAG", [x], [y])
    return [x], [y]


def matrix_set_diag(draw: Draw) -> Wiring:
    """MATRIX_SET_DIAG of tall and wide matrices."""
    shape, quant = draw.shape((2, 4), 150, 8), draw.quant()
    x, y = draw.activation("input", shape, quant), draw.activation("output", shape, quant)
    z = draw.activation("diagonal", (*shape[:-2], min(shape[-2:])), quant)
    draw.writer.operator("MATRIX_SET_DIAG", [x, z], [y])
    return [x, z], [y]


_SIZES = {"bool": 1, "int8": 1, "uint8": 1, "int16": 2, "int32": 4, "int64": 8, "float32": 4}


def bitcast(draw: Draw) -> Wiring:
    """BITCAST to a type of any size; never to float32 or bool, in which not every pattern of bits can be compared."""
    shape, source = draw.shape((1, 3), 100), draw.dtype
    target = draw.pick([dtype for dtype in _SIZES if dtype not in ("float32", "bool")])
    ratio = _SIZES[target] // _SIZES[source]
    full = (*shape, ratio) if ratio > 1 else shape
    wide = (*shape, _SIZES[source] // _SIZES[target]) if not ratio else shape
    x, y = draw.activation("input", full, None), draw.activation("output", wide, None, target)
    draw.writer.operator("BITCAST", [x], [y])
    return [x], [y]


def _bits(op: str) -> Callable[[Draw], Wiring]:
    """Of integers without scale; shifts are constant, and now and then by more bits than there are."""

    def generate(draw: Draw) -> Wiring:
        dtype = draw.dtype
        left, right, output = broadcast_shapes(draw, 4)
        x, y = draw.activation("left", left, None, dtype), draw.activation("output", output, None, dtype)
        inputs = [x]
        if op == "RIGHT_SHIFT":
            z = draw.writer.constant("right", draw.rng.integers(0, 40, right).astype(dtype))
        elif draw.chance(0.4):
            z = draw.writer.constant("right", values(draw.rng, right, dtype, "uniform"))
        else:
            z = draw.activation("right", right, None, dtype)
            inputs.append(z)
        draw.writer.operator(op, [x, z], [y])
        return inputs, [y]

    return generate


_SEGMENTS = tuple(f"UNSORTED_SEGMENT_{name}" for name in ("MAX", "MIN", "PROD", "SUM"))
GENERATORS = {
    **{op: _unsorted(op) for op in _SEGMENTS},
    **{op: _bits(op) for op in ("BITWISE_XOR", "RIGHT_SHIFT")},
    "BITCAST": bitcast,
    "MATRIX_DIAG": matrix_diag,
    "MATRIX_SET_DIAG": matrix_set_diag,
    "REVERSE_SEQUENCE": reverse_sequence,
    "SCATTER_ND": scatter_nd,
    "SEGMENT_SUM": segment_sum,
    "SPARSE_TO_DENSE": sparse_to_dense,
}
