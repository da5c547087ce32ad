# SPDX-License-Identifier: Apache-2.0
"""What a tensor of a graph is while the graph is imported: a constant, or an expression with a layout.

Layouts are lazy. A value is stored with its axes in any order; a Transpose node only changes what the order is called,
and a permute_dims is emitted where a user needs another order than the one that is there.
"""

from __future__ import annotations

import math
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray
from tvm import relax

from stm32_emitter.errors import ModelRefused
from stm32_emitter.operators.scope import dtype_of, shape_of

Perm = tuple[int, ...]


@dataclass(frozen=True)
class Quantization:
    """real = scale * (integer - zero_point); per tensor (one element each) or per index of ``axis``."""

    scale: NDArray[np.float32]
    zero_point: NDArray[np.int32]
    axis: int = 0

    @property
    def per_tensor(self) -> bool:
        """Whether one scale serves all elements."""
        return self.scale.size == 1

    def same(self, other: Quantization) -> bool:
        """Whether both are per tensor and equal."""
        equal = np.array_equal(self.scale, other.scale) and np.array_equal(self.zero_point, other.zero_point)
        return self.per_tensor and other.per_tensor and equal


@dataclass(frozen=True)
class Known:
    """A constant in the graph's order of axes; with ``quant`` it stands for the real numbers of these integers."""

    array: NDArray[Any]
    quant: Quantization | None = None

    @property
    def shape(self) -> tuple[int, ...]:
        """In the graph's order."""
        return tuple(self.array.shape)

    def real(self) -> NDArray[Any]:
        """The numbers that it stands for."""
        if self.quant is None:
            return self.array
        shape = [1] * self.array.ndim
        if not self.quant.per_tensor:
            shape[self.quant.axis] = -1
        centred = self.array.astype(np.int64) - self.quant.zero_point.astype(np.int64).reshape(shape or [1])
        return np.asarray(centred.astype(np.float32) * self.quant.scale.reshape(shape or [1]), np.float32)


@dataclass(frozen=True)
class Value:
    """A tensor that is computed at run time.

    Attributes:
        expr: its stored form, whose axis i is axis ``perm[i]`` in the graph's order.
        perm: see there.
        quant: if not None, ``expr`` holds integers and the tensor is what they stand for (a DequantizeLinear that is
            not carried out yet).
        made: the quantization of integers that a QuantizeLinear gave.
        dtype: what the graph calls the element type; uint8 of the graph is kept as int8, less 128.
        source: the name that a dequantized form gets.
        reshaped: if not None, the tensor is this value with its elements, in the graph's order, in another shape.
        natural: the shape, where ``reshaped`` is set.
    """

    expr: relax.Expr
    perm: Perm
    quant: Quantization | None = None
    made: Quantization | None = None
    dtype: str = "float32"
    source: str = ""
    reshaped: Value | None = None
    natural: tuple[int, ...] = ()

    @property
    def shape(self) -> tuple[int, ...]:
        """In the graph's order."""
        if self.reshaped is not None:
            return self.natural
        shape = [0] * len(self.perm)
        for axis, size in zip(self.perm, shape_of(self.expr), strict=True):
            shape[axis] = size
        return tuple(shape)

    @property
    def stored_dtype(self) -> str:
        """Element type of the stored form."""
        return dtype_of(self.expr)

    def transposed(self, order: Perm) -> Value:
        """The same bytes called by other axes: axis i of the result is axis ``order[i]``."""
        inverse = tuple(int(i) for i in np.argsort(order))
        return replace(self, perm=tuple(inverse[axis] for axis in self.perm), natural=())


def identity(rank: int) -> Perm:
    """The graph's own order."""
    return tuple(range(rank))


def channels_last(rank: int) -> Perm:
    """Batch, space, channels."""
    return (0, *range(2, rank), 1)


def same_bytes(shape: tuple[int, ...], left: Perm, right: Perm) -> bool:
    """Whether two orders of axes are one order of elements: they differ in axes of size 1 only."""
    return [a for a in left if shape[a] != 1] == [a for a in right if shape[a] != 1]


def permuted(shape: tuple[int, ...], perm: Perm) -> tuple[int, ...]:
    """The stored shape."""
    return tuple(shape[axis] for axis in perm)


def broadcast_rank(array: NDArray[Any], rank: int) -> NDArray[Any]:
    """With axes of size 1 in front."""
    if array.ndim > rank:
        raise ModelRefused(f"a constant of shape {list(array.shape)} has more axes than what it is combined with")
    return array.reshape((1,) * (rank - array.ndim) + array.shape)


def elements(shape: tuple[int, ...]) -> int:
    """How many there are."""
    return math.prod(shape)
