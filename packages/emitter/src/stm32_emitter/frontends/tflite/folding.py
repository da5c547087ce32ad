# SPDX-License-Identifier: Apache-2.0
"""Shape arithmetic and other operators on constants are computed while a model is imported.

Only on integers, on float16 weights that are widened, on quantized weights that are dequantized, and on tensors of one
value: all are exact, whoever computes them (a product of two numbers of float32 is rounded once).
"""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

import numpy as np
import tflite
from numpy.typing import NDArray

from stm32_emitter.errors import ModelRefused
from stm32_emitter.frontends.tflite.reader import Operator

Value = NDArray[Any]


def fold(operator: Operator) -> list[Value] | None:
    """The outputs of an operator whose inputs are all constant; None if it is left to run time.

    Raises:
        ModelRefused: the outputs are not of the shapes that the file declares.
    """
    if operator.kind == "SHAPE":
        values = [np.array(operator.input(0).shape)]
    elif operator.kind == "ZEROS_LIKE":
        values = [np.zeros(operator.input(0).shape)]
    elif operator.kind in FOLDED and _is_constant(operator):
        inputs = [t.data for t in operator.inputs if t is not None and t.data is not None]
        result = FOLDED[operator.kind](operator, inputs)
        values = result if isinstance(result, list) else [result]
    else:
        return None
    return [_declared(value, i, operator) for i, value in enumerate(values)]


def _is_constant(operator: Operator) -> bool:
    tensors = [tensor for tensor in operator.inputs if tensor is not None]
    if not tensors or not operator.outputs or any(t.data is None for t in tensors):
        return False
    quantized = tensors[0].quantization is not None and tensors[0].dtype in ("int8", "uint8", "int16")
    widened = operator.kind == "DEQUANTIZE" and (quantized or tensors[0].dtype == "float16")
    exact = all(t.dtype in ("int32", "int64", "bool") and t.quantization is None for t in (*tensors, *operator.outputs))
    return widened or exact or operator.kind in _OF_ANY_TYPE


_OF_ANY_TYPE = ("FILL", "RANGE")
"""Operators that need no arithmetic, or give the reference's bits of float32."""


def _declared(value: Value, position: int, operator: Operator) -> Value:
    tensor = operator.outputs[position]
    if value.shape != tensor.shape:
        raise ModelRefused(
            f"the file declares {list(tensor.shape)} for its output '{tensor.name}', "
            f"the operator computes {list(value.shape)}"
        )
    return value.astype(tensor.dtype)


def _strided_slice(operator: Operator, inputs: list[Value]) -> Value:
    options = operator.options(tflite.StridedSliceOptions)
    x, begin, end, stride = inputs
    index: list[Any] = []
    for position, (first, last, step) in enumerate(zip(begin.ravel(), end.ravel(), stride.ravel(), strict=True)):
        bit = 1 << position
        if options.EllipsisMask() & bit:
            index.append(Ellipsis)
        elif options.NewAxisMask() & bit:
            index.append(None)
        elif options.ShrinkAxisMask() & bit:
            index.append(int(first))
        else:
            start = None if options.BeginMask() & bit else int(first)
            index.append(slice(start, None if options.EndMask() & bit else int(last), int(step)))
    return np.asarray(x[tuple(index)])


def _slice(_: Operator, inputs: list[Value]) -> Value:
    x, begin, size = inputs
    bounds = zip(begin.ravel(), size.ravel(), strict=True)
    return x[tuple(slice(int(b), None if s < 0 else int(b + s)) for b, s in bounds)]


def _concatenation(operator: Operator, inputs: list[Value]) -> Value:
    return np.concatenate(inputs, operator.options(tflite.ConcatenationOptions).Axis())


def _pack(operator: Operator, inputs: list[Value]) -> Value:
    return np.stack(inputs, operator.options(tflite.PackOptions).Axis())


def _unpack(operator: Operator, inputs: list[Value]) -> list[Value]:
    axis = operator.options(tflite.UnpackOptions).Axis()
    return [np.take(inputs[0], i, axis) for i in range(inputs[0].shape[axis])]


def _gather(operator: Operator, inputs: list[Value]) -> Value:
    options = operator.options(tflite.GatherOptions)
    if options.BatchDims():
        raise ModelRefused("it gathers by batch from constants")
    return np.take(inputs[0], inputs[1], options.Axis())


def _reshaped(operator: Operator, inputs: list[Value]) -> Value:
    return inputs[0].reshape(operator.outputs[0].shape)


def _product(operator: Operator, inputs: list[Value]) -> Value:
    keep = bool(operator.options(tflite.ReducerOptions).KeepDims())
    return np.asarray(np.prod(inputs[0], axis=tuple(int(a) for a in inputs[1].ravel()), keepdims=keep))


def _divided(_: Operator, inputs: list[Value]) -> Value:
    """C's division, which truncates."""
    quotient = np.abs(inputs[0]) // np.abs(inputs[1])
    return np.where((inputs[0] < 0) != (inputs[1] < 0), -quotient, quotient)


def _dequantized(operator: Operator, inputs: list[Value]) -> Value:
    """scale * (x - zero point), for each channel its own; float16 as it is."""
    x, parameters = inputs[0], operator.input(0).quantization
    if parameters is None or x.dtype == np.float16:
        return x
    along = [1] * x.ndim
    if not parameters.per_tensor:
        along[parameters.axis] = len(parameters.scale)
    centred = x.astype(np.float32) - parameters.zero_point.reshape(along).astype(np.float32)
    return np.asarray(parameters.scale.reshape(along) * centred).reshape(x.shape)


def _range(_: Operator, inputs: list[Value]) -> Value:
    """first, first + delta, ... up to limit; each of float32 is the one before it plus delta, rounded."""
    first, limit, delta = (value.ravel()[0] for value in inputs)
    if first.dtype != np.float32:
        return np.arange(first, limit, delta)
    count = max(math.ceil((float(limit) - float(first)) / float(delta)), 0)
    return np.add.accumulate(np.array([first, *[delta] * (count - 1)], np.float32))[:count]


FOLDED: dict[str, Callable[[Operator, list[Value]], Value | list[Value]]] = {
    "ADD": lambda _, v: v[0] + v[1],
    "SUB": lambda _, v: v[0] - v[1],
    "MUL": lambda _, v: v[0] * v[1],
    "DIV": _divided,
    "FLOOR_DIV": lambda _, v: v[0] // v[1],
    "FLOOR_MOD": lambda _, v: v[0] % v[1],
    "MAXIMUM": lambda _, v: np.maximum(v[0], v[1]),
    "MINIMUM": lambda _, v: np.minimum(v[0], v[1]),
    "BROADCAST_ARGS": lambda _, v: np.array(np.broadcast_shapes(*(tuple(shape.ravel()) for shape in v))),
    "CAST": lambda _, v: v[0],
    "DEQUANTIZE": _dequantized,
    "CONCATENATION": _concatenation,
    "EXPAND_DIMS": _reshaped,
    "FILL": lambda _, v: np.full(v[0], v[1].ravel()[0]),
    "EQUAL": lambda _, v: v[0] == v[1],
    "GATHER": _gather,
    "GREATER": lambda _, v: v[0] > v[1],
    "GREATER_EQUAL": lambda _, v: v[0] >= v[1],
    "LESS": lambda _, v: v[0] < v[1],
    "LESS_EQUAL": lambda _, v: v[0] <= v[1],
    "LOGICAL_AND": lambda _, v: v[0] & v[1],
    "LOGICAL_NOT": lambda _, v: ~v[0],
    "LOGICAL_OR": lambda _, v: v[0] | v[1],
    "NOT_EQUAL": lambda _, v: v[0] != v[1],
    "PACK": _pack,
    "RANGE": _range,
    "RANK": lambda _, v: np.array(v[0].ndim),
    "REDUCE_PROD": _product,
    "RESHAPE": _reshaped,
    "SLICE": _slice,
    "SQUEEZE": _reshaped,
    "STRIDED_SLICE": _strided_slice,
    "TRANSPOSE": lambda _, v: np.transpose(v[0], v[1].ravel()),
    "UNPACK": _unpack,
}
