# SPDX-License-Identifier: Apache-2.0
"""Operators that map each 8-bit value to one 8-bit value: computed for all 256 at compile time.

An operator says what its group looks like and how the 256 results are computed; the kernel is a look-up, a clamp or a
copy, whichever the results allow. For int16 an operator gives the fused operator and its kernel itself
(``unary_16.py``).
"""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, ClassVar

import numpy as np
from numpy.typing import NDArray
from tvm import relax

from stm32_emitter.operators.base import Fused, KernelRequest, OperatorDefinition, constant
from stm32_emitter.operators.gemmlowp import Ints, ints
from stm32_emitter.operators.scope import Quantized, Scope, shape_of
from stm32_emitter.tir.builder import Kernel, KernelBuilder, address, expression

EIGHT_BITS = ("int8", "uint8")
"""Element types that a table can serve."""


@dataclass(frozen=True)
class Source:
    """The quantized tensor that is mapped."""

    value: relax.Expr
    dtype: str
    scale: np.float32
    zero_point: int

    @property
    def centred(self) -> Ints:
        """All values of its type in order of the type, minus the zero point."""
        info = np.iinfo(self.dtype)
        return np.arange(int(info.min), int(info.max) + 1, dtype=np.int64) - self.zero_point

    @property
    def reals(self) -> NDArray[np.float32]:
        """The numbers that all its values stand for."""
        return (self.scale * self.centred.astype(np.float32)).astype(np.float32)


def source_of(scope: Scope, expr: relax.Expr, dtypes: Sequence[str] = EIGHT_BITS) -> Source | None:
    """``expr`` as dequantize(x) with one scale and x of one of these types, or None."""
    found = scope.dequantized(expr)
    if found is None or found.dtype not in dtypes or found.scale.size != 1:
        return None
    return Source(found.value, found.dtype, found.scale[0], int(found.zero_point[0]))


class TableOperator(OperatorDefinition):
    """Base of these operators: a subclass gives ``kind``, ``source`` and ``results``."""

    roots: ClassVar[tuple[str, ...]] = ("quantize",)
    dtypes: ClassVar[tuple[str, ...]] = ("int8",)
    """Element types of input and output."""

    @abstractmethod
    def source(self, scope: Scope, result: Quantized) -> relax.Expr | None:
        """What is mapped (a dequantize) if ``result`` is this operator, or None."""

    @abstractmethod
    def results(self, scope: Scope, source: Source, result: Quantized) -> Ints:
        """The result for each value of the source's type, in order, not clamped to the result's type."""

    def wide(self, scope: Scope, source: Source, result: Quantized, shape: tuple[int, ...]) -> Fused | None:  # noqa: ARG002
        """The operator from int16 to int16, or None where there is no kernel for it."""
        return None

    def wide_kernel(self, request: KernelRequest) -> Kernel:
        """The kernel of what :meth:`wide` gives."""
        raise NotImplementedError

    def reals(self, scope: Scope, source: Source, result: Quantized) -> NDArray[np.float32] | None:  # noqa: ARG002
        """The same as real numbers, for models whose results are rounded once; None: they take ``results``, too."""
        return None

    def match(self, scope: Scope, root: relax.Call) -> Fused | None:
        """quantize(f(dequantize(x))); inputs are x and the table, or what :meth:`wide` says."""
        result = scope.quantized(root)
        if result is None or result.dtype not in (*self.dtypes, "int16"):
            return None
        expr = self.source(scope, result)
        if result.dtype == "int16":
            wide = None if expr is None else source_of(scope, expr, ("int16",))
            return None if wide is None else self.wide(scope, wide, result, shape_of(root))
        source = None if expr is None else source_of(scope, expr)
        if source is None or source.dtype not in self.dtypes:
            return None
        info = np.iinfo(result.dtype)
        reals = self.reals(scope, source, result) if scope.nearest else None
        results = self.results(scope, source, result) if reals is None else _nearest(reals, result)
        table = np.clip(results, info.min, info.max).astype(result.dtype)
        return Fused(self.kind, (source.value, constant(table)), shape_of(root), result.dtype)

    def kernel(self, request: KernelRequest) -> Kernel:
        """x -> y of the same shape."""
        if request.output.dtype == "int16":
            return self.wide_kernel(request)
        return table_kernel(self.kind.lower(), request)


def _nearest(reals: NDArray[np.float32], result: Quantized) -> Ints:
    """Quotients in float32, rounded to the nearest, ties to even."""
    return ints(np.rint(reals / np.float32(result.scale))) + result.zero_point


def table_kernel(name: str, request: KernelRequest) -> Kernel:
    """The kernel of a table: inputs x and table [256], which is indexed by x minus the least value of its type."""
    x, table = request.inputs[0], request.constant(1)
    first = int(np.iinfo(x.dtype).min)
    if x.value is not None:
        return constant_kernel(name, table[x.value.astype(np.int64) - first])
    bounds, inverts = _clamp_bounds(table, x.dtype), _inverts(table, x.dtype)
    with KernelBuilder(name) as k:
        source = k.input("x", (x.elements,), x.dtype)
        entries = k.constant("table", by_byte(table, x.dtype)) if bounds is None and not inverts else None
        y = k.output("y", (x.elements,), request.output.dtype)
        if bounds == _limits(x.dtype):
            k.call("memcpy", address(y, write=True), address(source), x.elements)
        elif inverts:
            k.call("ai_k_invert_8", address(source), address(y, write=True), x.elements)
        elif entries is not None:
            k.call("ai_k_table_8", address(source), address(entries), address(y, write=True), x.elements)
        else:
            with k.loop("i", x.elements) as i:
                limited = expression("ai_k_clamp", source[i].astype("int32"), *(bounds or ()))
                k.store(y, [i], limited.astype(request.output.dtype))
    return k.kernel()


def by_byte(table: NDArray[Any], dtype: str) -> NDArray[Any]:
    """The table [256] in the order of ``dtype``'s values, rearranged to the order of their bytes read as uint8."""
    return np.roll(table, int(np.iinfo(dtype).min))


def constant_kernel(name: str, value: NDArray[Any]) -> Kernel:
    """A kernel without inputs, for an operator on constants only."""
    with KernelBuilder(name) as k:
        source = k.constant("value", value.ravel())
        y = k.output("y", (value.size,), str(value.dtype))
        k.call("memcpy", address(y, write=True), address(source), value.nbytes)
    return k.kernel()


def _inverts(table: NDArray[Any], dtype: str) -> bool:
    """Whether the table is uint8 as int8 of the same numbers, or back."""
    return bool(np.array_equal(by_byte(table, dtype).view(np.uint8), np.arange(256) ^ 128))


def _limits(dtype: str) -> tuple[int, int]:
    info = np.iinfo(dtype)
    return int(info.min), int(info.max)


def _clamp_bounds(table: NDArray[Any], dtype: str) -> tuple[int, int] | None:
    """(low, high) if the table only clamps values of its own type, or None."""
    low, high = int(table.min()), int(table.max())
    least, greatest = _limits(dtype)
    plain = np.clip(np.arange(least, greatest + 1), low, high)
    return (low, high) if str(table.dtype) == dtype and np.array_equal(table, plain) else None
