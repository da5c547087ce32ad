# SPDX-License-Identifier: Apache-2.0
"""Broadcasting of two operands as one small loop nest: neighbouring axes that behave alike become one."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any, ClassVar

import numpy as np
from tvm import relax, tirx

from stm32_emitter.operators.base import (
    Attribute,
    Fused,
    KernelRequest,
    OperatorDefinition,
    TensorSpec,
)
from stm32_emitter.operators.fixed_point import activation_range
from stm32_emitter.operators.scope import Quantized, Scope, shape_of
from stm32_emitter.operators.table import Source, source_of
from stm32_emitter.tir.builder import Kernel, KernelBuilder, expression

Shape = tuple[int, ...]


@dataclass(frozen=True)
class Axis:
    """One loop: ``size`` steps; an operand's step in elements is 0 where it is repeated."""

    size: int
    left: int
    right: int


def broadcast_axes(left: Shape, right: Shape, output: Shape) -> list[Axis]:
    """The loops over ``output``, outermost first; none for one element.

    Args:
        left: shape of the first operand, which can have fewer axes (missing ones come first) and axes of size 1.
        right: shape of the second.
        output: the broadcast shape.
    """
    steps = zip(output, steps_of(left, output), steps_of(right, output), strict=True)
    axes: list[Axis] = []
    for size, a, b in reversed([s for s in steps if s[0] != 1]):
        inner = axes[-1] if axes else None
        if inner is not None and (a, b) == (inner.left * inner.size, inner.right * inner.size):
            axes[-1] = Axis(inner.size * size, inner.left, inner.right)
        else:
            axes.append(Axis(size, a, b))
    return axes[::-1]


def steps_of(shape: Shape, output: Shape) -> list[int]:
    """Elements from an index of each axis of ``output`` to the next in an operand of ``shape``; 0: it is repeated."""
    padded = (1,) * (len(output) - len(shape)) + tuple(shape)
    return [0 if dim == 1 else math.prod(padded[i + 1 :]) for i, dim in enumerate(padded)]


@contextmanager
def nest(k: KernelBuilder, axes: Sequence[Axis]) -> Iterator[tuple[Any, Any, Any]]:
    """The loops; gives the flat indices of first operand, second operand and result."""
    if not axes:
        yield 0, 0, 0
        return
    sizes = [axis.size for axis in axes]
    with loops(k, sizes) as indices:
        left = sum((i * a.left for i, a in zip(indices, axes, strict=True) if a.left), start=tirx.const(0, "int32"))
        right = sum((i * a.right for i, a in zip(indices, axes, strict=True) if a.right), start=tirx.const(0, "int32"))
        flat: Any = indices[0]
        for i, size in zip(indices[1:], sizes[1:], strict=True):
            flat = flat * size + i
        yield left, right, flat


@contextmanager
def loops(k: KernelBuilder, sizes: Sequence[int]) -> Iterator[list[Any]]:
    """Nested loops, outermost first; gives their indices. There must be one at least."""
    with k.loop(f"i{len(sizes)}", sizes[0]) as index:
        if len(sizes) == 1:
            yield [index]
            return
        with loops(k, sizes[1:]) as inner:
            yield [index, *inner]


class BinaryOperator(OperatorDefinition):
    """Base of ADD, MUL and others on integers: recognition, broadcasting, clamping."""

    roots: ClassVar[tuple[str, ...]] = ("quantize",)
    operator: ClassVar[str]
    """The Relax operator."""

    dtypes: ClassVar[tuple[str, ...]] = ("int8",)
    """Element types that its kernels compute."""

    right_dtypes: ClassVar[Mapping[str, str]] = {}
    """Element type of the result -> that of the right operand, where it is another."""

    def pair(self, scope: Scope, expr: relax.Expr) -> tuple[relax.Expr, relax.Expr] | None:
        """Both operands (real numbers) if ``expr`` is this operator, or None."""
        call = scope.call(expr, self.operator)
        return None if call is None else (call.args[0], call.args[1])

    def parameters(self, left: Source, right: Source, result: Quantized) -> dict[str, Attribute]:
        """The fixed-point parameters of the operator."""
        raise NotImplementedError

    def nearest_parameters(
        self, left: Source, right: Source, result: Quantized, *, unsigned: bool  # noqa: ARG002
    ) -> dict[str, Attribute] | None:  # fmt: skip
        """The same of ONNX models (``nearest.py``); None: there they are no others.

        Args:
            left: int8.
            right: int8.
            result: int8.
            unsigned: all of them are uint8 in the original model, 128 more.
        """
        return None

    def operands(self, request: KernelRequest) -> tuple[Callable[[Any], Any], Callable[[Any], Any]]:
        """What is done to each operand's element (int32, int or array of int64) before they meet."""
        raise NotImplementedError

    def combined(self, request: KernelRequest, left: Any, right: Any) -> Any:
        """The result before the output's zero point is added."""
        raise NotImplementedError

    def match(self, scope: Scope, root: relax.Call) -> Fused | None:
        """quantize(act(op(dequantize(a), dequantize(b)))), all int8 or all int16."""
        result = scope.quantized(root)
        operands = None if result is None or result.dtype not in self.dtypes else self.pair(scope, result.value)
        if result is None or operands is None:
            return None
        left = source_of(scope, operands[0], (result.dtype,))
        right = source_of(scope, operands[1], (self.right_dtypes.get(result.dtype, result.dtype),))
        if left is None or right is None:
            return None
        parameters = None
        if scope.nearest and result.dtype == "int8":
            parameters = self.nearest_parameters(left, right, result, unsigned=scope.unsigned(root))
        if parameters is None:
            parameters = self.parameters(left, right, result)
        return self.fused(left, right, result, shape_of(root), parameters)

    def fused(
        self, left: Source, right: Source, result: Quantized, shape: Shape, parameters: dict[str, Attribute]
    ) -> Fused:
        """The operator with its fixed-point parameters, and the zero points and bounds that all of these have."""
        low, high = activation_range(result.dtype, result.scale, result.zero_point, result.low, result.high)
        attributes: dict[str, Attribute] = {
            "left_zero_point": left.zero_point, "right_zero_point": right.zero_point,
            "output_zero_point": result.zero_point, "low": low, "high": high, **parameters,
        }  # fmt: skip
        return Fused(self.kind, (left.value, right.value), shape, result.dtype, attributes)

    def kernel(self, request: KernelRequest) -> Kernel:
        """a, b, broadcast -> y, all int8 or all int16."""
        first, second = request.inputs
        axes = broadcast_axes(first.shape, second.shape, request.output.shape)
        prepare = self.operands(request)
        with KernelBuilder(self.kind.lower()) as k:
            names = ("a", "b")
            variable = {n: _input(k, n, s) for n, s in zip(names, request.inputs, strict=True) if s.value is None}
            reads = [
                _reader(k, name, spec, variable.get(name), function)
                for name, spec, function in zip(names, request.inputs, prepare, strict=True)
            ]
            y = k.output("y", (request.output.elements,), request.output.dtype)
            with nest(k, axes) as (left, right, flat):
                total = self.combined(request, reads[0](left), reads[1](right)) + request.integer("output_zero_point")
                clamped = expression("ai_k_clamp", total, request.integer("low"), request.integer("high"))
                k.store(y, [flat], clamped.astype(request.output.dtype))
        return k.kernel()


def _input(k: KernelBuilder, name: str, spec: TensorSpec) -> tirx.Buffer:
    return k.input(name, (spec.elements,), spec.dtype)


_FOLDED_ELEMENTS = 256
"""Constant operands up to this size are stored prepared, with 4 bytes an element; larger ones as they are."""


def _reader(
    k: KernelBuilder, name: str, spec: TensorSpec, buffer: tirx.Buffer | None, prepare: Callable[[Any], Any]
) -> Callable[[Any], Any]:
    """A function from an element's index to its prepared value."""
    if spec.value is None or buffer is not None:
        return lambda index: prepare(buffer[index].astype("int32"))  # type: ignore[index]
    if spec.elements > _FOLDED_ELEMENTS:
        stored = k.constant(name, spec.value.ravel())
        return lambda index: prepare(stored[index].astype("int32"))
    folded = np.asarray(prepare(spec.value.ravel().astype(np.int64)), np.int64).astype(np.int32)
    if spec.elements == 1:
        return lambda _index: tirx.const(int(folded[0]), "int32")
    array = k.constant(name, folded)
    return lambda index: array[index]
