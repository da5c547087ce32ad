# SPDX-License-Identifier: Apache-2.0
"""SCATTER_ND, SPARSE_TO_DENSE, SEGMENT_SUM and UNSORTED_SEGMENT_*: rows are put where indices say."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

import numpy as np
from tvm import relax

from stm32_emitter.errors import ModelRefused
from stm32_emitter.frontends.tflite.converters.rearrangement import kept, moves
from stm32_emitter.frontends.tflite.support import EIGHT_BITS, WHOLE, Support, takes
from stm32_emitter.operators.base import Fused, constant
from stm32_emitter.operators.scatter import REPLACE, identity_of

if TYPE_CHECKING:
    from stm32_emitter.frontends.tflite.importer import Converter
    from stm32_emitter.frontends.tflite.reader import Operator, Tensor

_INDICES = ("int32", "int64")


def _scatter(
    c: Converter, op: Operator, indices: Tensor, rows: Tensor, others: relax.Expr, *, axes: int, combine: str
) -> relax.Expr:
    """The fused operator, once its tensors fit each other."""
    shape = op.outputs[0].shape
    count = math.prod(indices.shape) // max(axes, 1)
    single = combine == REPLACE and math.prod(rows.shape) == 1
    fits = 1 <= axes <= len(shape) and (single or math.prod(rows.shape) == count * math.prod(shape[axes:]))
    if not fits or indices.dtype not in _INDICES or rows.dtype != op.outputs[0].dtype:
        raise ModelRefused(
            f"indices {indices.dtype}{list(indices.shape)} and values {rows.dtype}{list(rows.shape)} do not fit an "
            f"output {op.outputs[0].dtype}{list(shape)}"
        )
    operands = (c.raw(indices), c.raw(rows), others)
    return Fused("SCATTER", operands, shape, rows.dtype, {"axes": axes, "combine": combine}).call()


def convert_scatter_nd(c: Converter, op: Operator) -> relax.Expr:
    """Indices [..., m], updates [..., *inner], shape: updates of one place are added up, other places are raw 0."""
    indices, rows = op.input(0), op.input(1)
    kept(op, rows)
    axes = indices.shape[-1] if indices.shape else 0
    return _scatter(c, op, indices, rows, _zero(rows), axes=axes, combine="sum")


def _zero(like: Tensor) -> relax.Expr:
    return constant(np.zeros((1,), like.dtype))


def convert_sparse_to_dense(c: Converter, op: Operator) -> relax.Expr:
    """Inputs: indices [n, m], [n] or [], shape, values [n] or [], the value of the others.

    Of equal places the last one wins.
    """
    indices, values, others = op.input(0), op.input(2), op.input(3)
    kept(op, values, others)
    axes = indices.shape[1] if len(indices.shape) == 2 else 1
    return _scatter(c, op, indices, values, c.raw(others), axes=axes, combine=REPLACE)


def convert_segment_sum(c: Converter, op: Operator) -> relax.Expr:
    """Rows x [n, ...] of one number are added up; inputs (x, numbers [n] in rising order)."""
    numbers, output = op.constant(1), op.outputs[0]
    steps = np.diff(numbers, prepend=0)
    rising = numbers.shape == op.input(0).shape[:1] and not np.any((steps < 0) | (steps > 1))
    if not rising:
        raise ModelRefused("its segments are not numbered 0, 1, 2 ... in rising order", hint="The file is damaged.")
    if output.shape[:1] != (int(numbers[-1]) + 1,):
        raise ModelRefused(
            f"it gives {int(numbers[-1]) + 1} rows, the file says {list(output.shape)}",
            hint="The converter did not know how many: name the shape with tf.ensure_shape when the model is exported.",
        )
    return _segments(c, op, "sum")


def _unsorted(combine: str) -> Callable[[Converter, Operator], relax.Expr]:
    """Rows x [*numbers, ...] of one number are combined; inputs (x, numbers, how many); rows below 0 are left out."""

    def convert(c: Converter, op: Operator) -> relax.Expr:
        if op.outputs[0].shape[:1] != (int(op.constant(2).ravel()[0]),):
            raise ModelRefused(f"{op.constant(2).ravel()[0]} segments do not fit {list(op.outputs[0].shape)}")
        return _segments(c, op, combine)

    return convert


def _segments(c: Converter, op: Operator, combine: str) -> relax.Expr:
    x = op.input(0)
    first = constant(identity_of(combine, x.dtype).reshape(1))
    return _scatter(c, op, op.input(1), x, first, axes=1, combine=combine)


CONVERTERS: dict[str, Callable[[Converter, Operator], Any]] = {
    "SCATTER_ND": convert_scatter_nd,
    "SEGMENT_SUM": convert_segment_sum,
    "SPARSE_TO_DENSE": convert_sparse_to_dense,
    "UNSORTED_SEGMENT_MAX": _unsorted("max"),
    "UNSORTED_SEGMENT_MIN": _unsorted("min"),
    "UNSORTED_SEGMENT_PROD": _unsorted("prod"),
    "UNSORTED_SEGMENT_SUM": _unsorted("sum"),
}

_COUNTED = takes("float32", "int32", constants={2: "number of segments"})
SUPPORT: dict[str, Support] = {
    "SCATTER_ND": moves(*EIGHT_BITS, "float32", *WHOLE, "bool", constants={2: "shape"}),
    "SEGMENT_SUM": takes("float32", "int32", constants={1: "segments"}),
    "SPARSE_TO_DENSE": moves(*EIGHT_BITS, "float32", *WHOLE, constants={1: "shape"}),
    "UNSORTED_SEGMENT_MAX": _COUNTED,
    "UNSORTED_SEGMENT_MIN": _COUNTED,
    "UNSORTED_SEGMENT_PROD": _COUNTED,
    "UNSORTED_SEGMENT_SUM": _COUNTED,
}
