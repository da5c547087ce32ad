# SPDX-License-Identifier: Apache-2.0
"""Shapes of matrix products with leading axes that broadcast: what BATCH_MATMUL of all types shares."""

from __future__ import annotations

import math
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from typing import Any

from tvm import relax, tirx

from stm32_emitter.operators.base import KernelRequest
from stm32_emitter.operators.elementwise import broadcast_axes, nest
from stm32_emitter.operators.scope import Scope, integers, shape_of
from stm32_emitter.tir.builder import KernelBuilder


@dataclass(frozen=True)
class Sizes:
    """[*left, rows, depth] x [*right, depth, columns] = [*batch, rows, columns].

    ``left_steps`` and ``right_steps`` are elements from a row to the next and from a column to the next.
    """

    left: tuple[int, ...]
    right: tuple[int, ...]
    batch: tuple[int, ...]
    rows: int
    depth: int
    columns: int
    left_steps: tuple[int, int]
    right_steps: tuple[int, int]


def swapped(scope: Scope, expr: relax.Expr) -> tuple[relax.Expr, int]:
    """(x, 1) where ``expr`` is x with the last two axes exchanged, else (expr, 0)."""
    call = scope.call(expr, "permute_dims")
    if call is None or call.attrs.axes is None:
        return expr, 0
    rank = len(shape_of(call))
    wanted = [*range(rank - 2), rank - 1, rank - 2]
    return (call.args[0], 1) if [axis % rank for axis in integers(call.attrs.axes)] == wanted else (expr, 0)


def sizes_of(request: KernelRequest) -> Sizes:
    """Sizes from the shapes and the attributes ``left_swapped`` and ``right_swapped`` (as stored, [columns, rows])."""
    a, b = (spec.shape for spec in request.inputs[:2])
    (*batch, rows, columns) = request.output.shape
    depth = a[-2] if request.integer("left_swapped") else a[-1]
    left = (1, rows) if request.integer("left_swapped") else (depth, 1)
    right = (1, depth) if request.integer("right_swapped") else (columns, 1)
    return Sizes(a[:-2], b[:-2], tuple(batch), rows, depth, columns, left, right)


def merged(s: Sizes) -> Sizes:
    """One matrix instead of many, where they lie row by row behind each other and meet the same right side."""
    if math.prod(s.right) > 1 or s.left_steps[1] != 1:
        return s
    return replace(s, left=(), right=(), batch=(), rows=math.prod(s.left) * s.rows)


@contextmanager
def batches(k: KernelBuilder, s: Sizes) -> Iterator[tuple[Any, Any, Any]]:
    """Loops over the leading axes; gives the first elements of the two matrices and of the result."""
    with nest(k, broadcast_axes(s.left, s.right, s.batch)) as (left, right, flat):
        yield left * (s.rows * s.depth), right * (s.depth * s.columns), flat * (s.rows * s.columns)


def operands(k: KernelBuilder, request: KernelRequest) -> list[tirx.Buffer]:
    """The buffers of the first two inputs, of which either may be constant."""
    found: dict[int, tirx.Buffer] = {}
    for position, spec in enumerate(request.inputs[:2]):
        if spec.value is None:
            found[position] = k.input("ab"[position], (spec.elements,), spec.dtype)
    for position, spec in enumerate(request.inputs[:2]):
        if spec.value is not None:
            found[position] = k.constant("ab"[position], spec.value.ravel())
    return [found[0], found[1]]
