# SPDX-License-Identifier: Apache-2.0
"""SCATTER_ND, SPARSE_TO_DENSE, SEGMENT_SUM and UNSORTED_SEGMENT_*: rows go to places that indices name.

y is filled with one value; then row after row is combined with what stands at its place: it replaces it, is added,
multiplied, or the greater or smaller one stays. Sums of integers wrap. The reference interpreter stops with an error at
an index outside of y; a kernel cannot stop: it drops the row.
"""

from __future__ import annotations

import math
import operator
from typing import Any, ClassVar

import numpy as np
from tvm import tirx

from stm32_emitter.operators.base import KernelRequest, MadeOperator
from stm32_emitter.operators.gather import operands
from stm32_emitter.operators.movement import copy, fill, row_major
from stm32_emitter.tir.builder import Kernel, KernelBuilder

REPLACE = "replace"


class Scatter(MadeOperator):
    """Inputs: indices int32 or int64 [..., axes], rows [..., *inner] or one value for all, the value of the others.

    Attributes: combine, one of sum, prod, max, min and ``REPLACE``; axes, how many the indices name.
    """

    kind: ClassVar[str] = "SCATTER"

    def kernel(self, request: KernelRequest) -> Kernel:
        """y [*named, *inner] of the rows' type."""
        indices, rows, _ = request.inputs
        shape, axes = request.output.shape, request.integer("axes")
        inner, count = math.prod(shape[axes:]), indices.elements // axes
        with KernelBuilder("scatter") as k:
            at, source, others = operands(k, ("indices", "rows", "others"), request.inputs)
            y = k.output("y", (request.output.elements,), request.output.dtype)
            place, valid = k.local("place", "int32"), k.local("valid", "int32")
            _fill(k, y, others, request)
            with k.loop("i", count) as i:
                _find(k, (place, valid), at, i * axes, shape[:axes])
                with k.when(valid[0] > 0):
                    first = 0 if rows.elements < count * inner else i * inner
                    _put(k, str(request.attributes["combine"]), (y, place[0]), (source, first), inner)
        return k.kernel()


def _fill(k: KernelBuilder, y: tirx.Buffer, others: tirx.Buffer, request: KernelRequest) -> None:
    """All of y with the value of ``others``."""
    value = request.inputs[2].value
    if value is not None:
        fill(k, y, 0, request.output.elements, value.ravel()[0])
        return
    with k.loop("e", request.output.elements) as e:
        k.store(y, [e], others[0])


def _find(k: KernelBuilder, to: tuple[Any, Any], indices: tirx.Buffer, first: Any, shape: tuple[int, ...]) -> None:
    """Counts the place in rows of y, and tells whether all indices are inside."""
    place, valid = to
    k.store(place, [0], tirx.const(0, "int32"))
    k.store(valid, [0], tirx.const(1, "int32"))
    for axis, (size, step) in enumerate(zip(shape, row_major(shape), strict=True)):
        index, zero = indices[first + axis], tirx.const(0, str(indices.dtype))
        with k.when(tirx.any(index < zero, index >= tirx.const(size, str(indices.dtype)))):
            k.store(valid, [0], tirx.const(0, "int32"))
        with k.when(valid[0] > 0):
            k.store(place, [0], place[0] + index.astype("int32") * step)


def _put(k: KernelBuilder, combine: str, to: tuple[Any, Any], source: tuple[Any, Any], inner: int) -> None:
    """Combines ``inner`` elements with a row of y."""
    (y, place), (rows, first) = to, source
    if combine == REPLACE:
        copy(k, y, place * inner, rows, first, inner)
        return
    with k.loop("c", inner) as c:
        at = place * inner + c
        k.store(y, [at], _combined(combine, str(y.dtype), y[at], rows[first + c]))


def _combined(combine: str, dtype: str, a: Any, b: Any) -> Any:
    """Integers in unsigned arithmetic, as signed overflow has no defined result in C; a sum of truth values is "or"."""
    if combine in ("max", "min"):
        return (tirx.max if combine == "max" else tirx.min)(a, b)
    if dtype == "bool":
        return tirx.any(a, b)
    operation = operator.mul if combine == "prod" else operator.add
    if dtype == "float32":
        return operation(a, b)
    wide = "uint64" if dtype == "int64" else "uint32"
    return operation(a.astype(wide), b.astype(wide)).astype(dtype)


def identity_of(combine: str, dtype: str) -> np.ndarray[Any, Any]:
    """What a row is combined with first: a scalar of ``dtype``, float32 or an integer type."""
    info = np.finfo(dtype) if dtype == "float32" else np.iinfo(dtype)
    values = {"sum": 0, "prod": 1, "max": info.min, "min": info.max}
    return np.array(values[combine], dtype)
