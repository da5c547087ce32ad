# SPDX-License-Identifier: Apache-2.0
"""What the operators that only move elements share; they work on any element type, on the bytes as stored."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

import numpy as np
from tvm import relax, tirx

from stm32_emitter.operators.scope import Scope
from stm32_emitter.tir.builder import KernelBuilder, address


def movable(scope: Scope, expr: relax.Expr) -> bool:
    """Whether ``expr`` is computed and stored as it is: no constant, and not a step inside a quantized group."""
    return scope.constant(expr) is None and scope.call(expr, "dequantize") is None


def item_bytes(dtype: str) -> int:
    """Bytes of one element."""
    return int(np.dtype(dtype).itemsize)


def copy(k: KernelBuilder, to: tirx.Buffer, at: Any, source: tirx.Buffer, start: Any, elements: int) -> None:
    """Copies ``elements`` neighbouring elements of ``source`` from ``start`` on to ``to[at]``."""
    if elements == 1:
        k.store(to, [at], source[start])
    elif elements > 1:
        size = elements * item_bytes(str(to.dtype))
        k.call("memcpy", address(to, at, write=True), address(source, start), size)


def fill(k: KernelBuilder, to: tirx.Buffer, at: Any, elements: int, value: float) -> None:
    """Sets ``elements`` neighbouring elements from ``to[at]`` on."""
    dtype = str(to.dtype)
    pattern = set(np.asarray(value).astype(dtype).tobytes())
    if elements < 1:
        return
    if len(pattern) == 1:
        k.call("memset", address(to, at, write=True), pattern.pop(), elements * item_bytes(dtype))
        return
    with k.loop("i", elements) as i:
        k.store(to, [at + i], tirx.const(value, dtype))


def strided_copy(
    k: KernelBuilder, y: tirx.Buffer, x: tirx.Buffer, base: int, sizes: Sequence[int], strides: Sequence[int]
) -> None:
    """Fills ``y`` in order: y[i0, i1, ...] of shape ``sizes`` is x[base + i0 * strides[0] + i1 * strides[1] + ...]."""
    axes = collapsed(sizes, strides)
    row = axes.pop()[0] if axes and axes[-1][1] == 1 else 1

    def nest(depth: int, at: Any, start: Any) -> None:
        if depth == len(axes):
            copy(k, y, at, x, start, row)
            return
        size, stride = axes[depth]
        inner = row
        for other, _ in axes[depth + 1 :]:
            inner *= other
        with k.loop(f"i{depth}", size) as i:
            nest(depth + 1, at + i * inner, start + i * stride)

    nest(0, 0, base)


def collapsed(sizes: Sequence[int], strides: Sequence[int]) -> list[tuple[int, int]]:
    """(size, stride) of the fewest axes that visit the same elements in the same order."""
    axes: list[tuple[int, int]] = []
    for size, stride in zip(sizes, strides, strict=True):
        if size == 1:
            continue
        if axes and axes[-1][1] == stride * size:
            axes[-1] = (axes[-1][0] * size, stride)
        else:
            axes.append((size, stride))
    return axes


def row_major(shape: Sequence[int]) -> list[int]:
    """Elements between neighbours along each axis."""
    return [math.prod(shape[axis + 1 :]) for axis in range(len(shape))]
