# SPDX-License-Identifier: Apache-2.0
"""Reductions over axes, positions of extremes, running sums, and norms of rows and windows."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any

import numpy as np
import tflite
from tvm import relax

from stm32_emitter.errors import ModelRefused
from stm32_emitter.frontends.tflite.converters.common import FUSED, activated
from stm32_emitter.frontends.tflite.converters.pooling import pooled_average
from stm32_emitter.frontends.tflite.support import EIGHT_BITS, WHOLE, Support, takes
from stm32_emitter.operators.base import Attribute, Fused

if TYPE_CHECKING:
    from stm32_emitter.frontends.tflite.importer import Converter
    from stm32_emitter.frontends.tflite.reader import Operator

LEAST_NORM = 1e-6
"""A norm below it counts as this (TFLite: L2_NORMALIZATION)."""
_OUTPUT_DTYPES = ("int32", "int64")


def reduced_axes(op: Operator) -> list[int]:
    """The constant axes of a reduction, each once; they may be negative or repeat."""
    rank = len(op.input(0).shape)
    axes = [int(a) for a in np.atleast_1d(op.constant(1)).ravel()]
    if any(not -rank <= a < rank for a in axes):
        raise ModelRefused(f"it reduces the axes {axes} of a tensor of shape {list(op.input(0).shape)}")
    return sorted({a % rank for a in axes})


def _keeps(op: Operator) -> bool:
    return bool(op.options(tflite.ReducerOptions).KeepDims())


def _of_numbers(
    operation: Callable[..., relax.Expr], logical: Callable[..., relax.Expr]
) -> Callable[[Converter, Operator], relax.Expr]:
    """On real numbers; of truth values, the sum is whether one is true, the product whether all are."""

    def convert(c: Converter, op: Operator) -> relax.Expr:
        if op.input(0).dtype == "bool":
            return _logical(logical)(c, op)
        return c.result(operation(c.real(op.input(0)), reduced_axes(op), keepdims=_keeps(op)), op.outputs[0])

    return convert


def _on_elements(operation: Callable[..., relax.Expr]) -> Callable[[Converter, Operator], relax.Expr]:
    """On the elements themselves, as the reference kernels do; they demand equal scales."""

    def convert(c: Converter, op: Operator) -> relax.Expr:
        if op.input(0).dtype == "bool":
            return _logical(operation)(c, op)
        return operation(c.raw(op.input(0)), reduced_axes(op), keepdims=_keeps(op))

    return convert


def _logical(operation: Callable[..., relax.Expr]) -> Callable[[Converter, Operator], relax.Expr]:
    """On truth values, which are 0 and 1."""

    def convert(c: Converter, op: Operator) -> relax.Expr:
        bits = c.bb.normalize(relax.op.astype(c.raw(op.input(0)), "int8"))
        found = c.bb.normalize(operation(bits, reduced_axes(op), keepdims=_keeps(op)))
        return relax.op.not_equal(found, relax.const(0, "int8"))

    return convert


def _position(operation: Callable[..., relax.Expr]) -> Callable[[Converter, Operator], relax.Expr]:
    """First position of an extreme along one axis."""

    def convert(c: Converter, op: Operator) -> relax.Expr:
        axis, rank = int(op.constant(1).ravel()[0]), len(op.input(0).shape)
        if not -rank <= axis < rank or op.outputs[0].dtype not in _OUTPUT_DTYPES:
            raise ModelRefused(f"axis {axis} of {rank} with positions of type {op.outputs[0].dtype} is not supported")
        x = c.raw(op.input(0))
        if op.input(0).dtype == "bool":
            x = c.bb.emit(relax.op.astype(x, "int8"))
        found = c.bb.normalize(operation(x, axis % rank))
        return found if op.outputs[0].dtype == "int64" else relax.op.astype(found, "int32")

    return convert


def convert_cumsum(c: Converter, op: Operator) -> relax.Expr:
    """Running sum along a constant axis, with or without the element itself, from the start or from the end."""
    options, axis, rank = op.options(tflite.CumsumOptions), int(op.constant(1).ravel()[0]), len(op.input(0).shape)
    if not -rank <= axis < rank or op.input(0).quantization is not None:
        raise ModelRefused(f"a running sum along axis {axis} of {rank} on {op.input(0).dtype} is not supported")
    x = c.raw(op.input(0))
    if options.Reverse():
        x = c.bb.normalize(relax.op.flip(x, axis % rank))
    total = relax.op.cumsum(x, axis % rank, exclusive=bool(options.Exclusive()))
    return relax.op.flip(c.bb.normalize(total), axis % rank) if options.Reverse() else total


def convert_l2_normalization(c: Converter, op: Operator) -> relax.Expr:
    """x / max(sqrt(sum of squares over the last axis), 1e-6)."""
    function = op.options(tflite.L2NormOptions).FusedActivationFunction()
    x = c.bb.normalize(c.real(op.input(0)))
    square = c.bb.normalize(relax.op.square(x))
    total = c.bb.normalize(relax.op.sum(square, [len(op.input(0).shape) - 1], keepdims=True))
    norm = c.bb.normalize(relax.op.maximum(c.bb.normalize(relax.op.sqrt(total)), relax.const(LEAST_NORM, "float32")))
    return c.result(activated(c.bb.normalize(relax.op.divide(x, norm)), function), op.outputs[0])


def convert_l2_pool_2d(c: Converter, op: Operator) -> relax.Expr:
    """Square root of the mean of squares over each window."""
    square = c.bb.normalize(relax.op.square(c.raw(op.input(0))))
    mean = c.bb.normalize(pooled_average(op, square))
    function = op.options(tflite.Pool2DOptions).FusedActivationFunction()
    return activated(c.bb.normalize(relax.op.sqrt(mean)), function)


def convert_local_response(c: Converter, op: Operator) -> relax.Expr:
    """x * (bias + alpha * the squares of c - radius <= channel < c + radius)^-beta."""
    options, x = op.options(tflite.LocalResponseNormalizationOptions), op.input(0)
    if not x.shape or options.Radius() < 0:
        raise ModelRefused(f"radius {options.Radius()} does not fit {list(x.shape)}")
    numbers = {"bias": float(options.Bias()), "alpha": float(options.Alpha()), "beta": float(options.Beta())}
    attributes: dict[str, Attribute] = {"radius": int(options.Radius()), **numbers}
    return Fused("LOCAL_RESPONSE_NORMALIZATION", (c.raw(x),), x.shape, "float32", attributes).call()


CONVERTERS: dict[str, Callable[[Any, Any], relax.Expr]] = {
    "ARG_MAX": _position(relax.op.argmax),
    "ARG_MIN": _position(relax.op.argmin),
    "CUMSUM": convert_cumsum,
    "L2_NORMALIZATION": convert_l2_normalization,
    "LOCAL_RESPONSE_NORMALIZATION": convert_local_response,
    "L2_POOL_2D": convert_l2_pool_2d,
    "REDUCE_ALL": _logical(relax.op.min),
    "REDUCE_ANY": _logical(relax.op.max),
    "REDUCE_MAX": _on_elements(relax.op.max),
    "REDUCE_MIN": _on_elements(relax.op.min),
    "REDUCE_PROD": _of_numbers(relax.op.prod, relax.op.min),
    "SUM": _of_numbers(relax.op.sum, relax.op.max),
}


_AXIS, _AXES = {1: "axis"}, {1: "axes"}
_EXTREME = takes(*EIGHT_BITS, "int16", "float32", *WHOLE, "bool", constants=_AXES)
_FOUND = takes(*EIGHT_BITS, "float32", "int32", "bool", constants=_AXIS)
SUPPORT: dict[str, Support] = {
    "ARG_MAX": _FOUND,
    "ARG_MIN": _FOUND,
    "CUMSUM": takes("float32", *WHOLE, constants=_AXIS),
    "L2_NORMALIZATION": takes(*EIGHT_BITS, "float32", limits=(FUSED,)),
    "LOCAL_RESPONSE_NORMALIZATION": takes("float32"),
    "L2_POOL_2D": takes("float32", limits=(FUSED,)),
    "REDUCE_ALL": takes("bool", constants=_AXES),
    "REDUCE_ANY": takes("bool", constants=_AXES),
    "REDUCE_MAX": _EXTREME,
    "REDUCE_MIN": _EXTREME,
    "REDUCE_PROD": takes("int8", "int16", "float32", *WHOLE, "bool", constants=_AXES),
    "SUM": takes(*EIGHT_BITS, "int16", "float32", *WHOLE, "bool", constants=_AXES),
}
