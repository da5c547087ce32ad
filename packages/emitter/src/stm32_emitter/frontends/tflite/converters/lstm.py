# SPDX-License-Identifier: Apache-2.0
"""UNIDIRECTIONAL_SEQUENCE_LSTM, made as a fused operator at once; see :mod:`.recurrent`."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any

import numpy as np
import tflite
from numpy.typing import NDArray
from tvm import relax

from stm32_emitter.errors import ModelRefused
from stm32_emitter.frontends.support import NO_KERNEL
from stm32_emitter.frontends.tflite.converters.common import scale_of
from stm32_emitter.frontends.tflite.converters.recurrent import state_of
from stm32_emitter.frontends.tflite.state import tensor_key
from stm32_emitter.frontends.tflite.support import Limit, Support, takes
from stm32_emitter.operators.base import Attribute, Fused, constant
from stm32_emitter.operators.fixed_point import quantize_multiplier
from stm32_emitter.operators.gemmlowp import wrap32
from stm32_emitter.operators.lstm import interleaved

if TYPE_CHECKING:
    from stm32_emitter.frontends.tflite.importer import Converter
    from stm32_emitter.frontends.tflite.reader import Operator, Tensor

_GATES = (0, 1, 3, 2)
"""Input, forget, output, candidate among the file's input, forget, candidate ("cell"), output."""
_OVER_X, _OVER_H, _BIAS, _H, _C = 1, 5, 12, 18, 19
_PLAIN = "Use a plain LSTM layer."
_TANH = Limit("the activation is TANH", hint="Use TANH.")
_FULL = Limit("recurrent weights are no diagonal", _PLAIN)
_UNSUPPORTED = (
    (range(9, 12), Limit("there are no peephole connections", _PLAIN)),
    (range(16, 18), Limit("there is no projection", _PLAIN)),
    (range(20, 24), Limit("there is no layer normalisation", _PLAIN)),
)
_RECURRENT = (
    "its state is quantized again at each step, so that the last bits of the reference interpreter's own exponential "
    "functions decide about whole steps of it"
)
"""Why no result could be promised to be within a bound."""
_ONES = 15
"""Fractional bits of a gate behind its function."""


def convert_lstm(c: Converter, op: Operator) -> relax.Expr:
    """x [B, T, I] or, time major, [T, B, I]; weights [N, I], [N, N], biases [N] of four gates; states h, c [B, N]."""
    options = op.options(tflite.UnidirectionalSequenceLSTMOptions)
    _check_kind(op, options)
    _check_shapes(op, bool(options.TimeMajor()))
    x, h, cell, output = op.input(0), op.input(_H), op.input(_C), op.outputs[0]
    over_x, over_h, biases = (_of_gates(op, first) for first in (_OVER_X, _OVER_H, _BIAS))
    bias = np.stack(biases, axis=1)
    attributes: dict[str, Attribute] = {
        "time_major": int(options.TimeMajor()), "clip": float(options.CellClip()), "coupled": int(_coupled(op)),
    }  # fmt: skip
    if x.dtype == "int8":
        bias = _folded(op, over_x, over_h, bias)
        attributes |= {"scaling": _scaling(c, op, options.CellClip())}
    inputs = (c.raw(x), state_of(c, h), state_of(c, cell), constant(interleaved(over_x, over_h)), constant(bias))
    layer = Fused("LSTM", inputs, output.shape, x.dtype, attributes, ((cell.shape, cell.dtype),))
    both = c.bb.emit(layer.call(), name_hint=f"op{op.index}_both")
    y = c.bb.emit(relax.TupleGetItem(both, 0), name_hint=f"op{op.index}_sequence")
    c.states[tensor_key(cell)] = c.bb.emit(relax.TupleGetItem(both, 1), name_hint=f"op{op.index}_cell")
    c.states[tensor_key(h)] = _last_step(c, op, y, bool(options.TimeMajor()))
    return y


def _coupled(op: Operator) -> bool:
    """Whether the input gate is 1 - the forget gate; then it has neither weights nor bias."""
    return op.inputs[_OVER_X] is None


def _of_gates(op: Operator, first: int) -> list[NDArray[Any]]:
    """Weights or biases of each gate; zeros for a coupled input gate."""
    values = [op.constant(first + gate) for gate in _GATES[1:]]
    return [np.zeros_like(values[0]) if _coupled(op) else op.constant(first), *values]


def _last_step(c: Converter, op: Operator, y: relax.Var, time_major: bool) -> relax.Var:
    """h after the run: the last step of y."""
    axis, shape = (0 if time_major else 1), op.outputs[0].shape
    if shape[axis] > 1:
        last = relax.op.strided_slice(y, [axis], [shape[axis] - 1], [shape[axis]])
        y = c.bb.emit(last, name_hint=f"op{op.index}_last")
    return c.bb.emit(relax.op.reshape(y, op.input(_H).shape), name_hint=f"op{op.index}_hidden")


def _check_kind(op: Operator, options: Any) -> None:
    """Refuses by name what the kernels do not know."""
    for positions, absent in _UNSUPPORTED:
        absent.require(not any(position < len(op.inputs) and op.inputs[position] is not None for position in positions))
    if len({op.inputs[first] is None for first in (_OVER_X, _OVER_H, _BIAS)}) > 1:
        raise ModelRefused("its input gate has only some of its weights and bias", hint="The file is damaged.")
    _TANH.require(options.FusedActivationFunction() == tflite.ActivationFunctionType.TANH)
    _FULL.require(not options.DiagonalRecurrentTensors())
    gates = range(1 if _coupled(op) else 0, len(_GATES))
    weights = [op.input(first + gate).dtype for first in (_OVER_X, _OVER_H) for gate in gates]
    biases = [op.input(_BIAS + gate).dtype for gate in gates]
    types = [op.input(0).dtype, *weights, *biases, op.input(_H).dtype, op.input(_C).dtype, op.outputs[0].dtype]
    quantized = ["int8"] * (1 + len(weights)) + ["int32"] * len(biases) + ["int8", "int16", "int8"]
    if types not in (["float32"] * len(types), quantized):
        raise ModelRefused(
            f"its tensors have the types {', '.join(dict.fromkeys(types))}",
            hint="Use float32 for all, or int8 with a cell state of int16.",
        )


def _check_shapes(op: Operator, time_major: bool) -> None:
    x, h = op.input(0).shape, op.input(_H).shape
    if len(x) != 3 or len(h) != 2 or 0 in x or 0 in h:
        raise ModelRefused(f"its input has the shape {list(x)}, its state {list(h)}; ranks 3 and 2 are needed")
    cells, depth = h[1], x[2]
    wanted: dict[int, tuple[int, ...]] = {_H: (x[1 if time_major else 0], cells), _C: h}
    for gate in range(1 if _coupled(op) else 0, len(_GATES)):
        wanted |= {_OVER_X + gate: (cells, depth), _OVER_H + gate: (cells, cells), _BIAS + gate: (cells,)}
    if any(op.input(p).shape != shape for p, shape in wanted.items()) or op.outputs[0].shape != (*x[:2], cells):
        raise ModelRefused(f"its tensors do not fit {cells} cells and {depth} inputs", hint="The file is damaged.")


def _folded(
    op: Operator, over_x: list[NDArray[Any]], over_h: list[NDArray[Any]], bias: NDArray[Any]
) -> NDArray[np.int32]:
    """[N, 8]: the bias with the zero point of x, and what the zero point of h adds to the sums over it."""
    sums = [np.stack([w.astype(np.int64).sum(axis=1) for w in weights], axis=1) for weights in (over_x, over_h)]
    parts = [bias - scale_of(op.input(0))[1] * sums[0], -scale_of(op.input(_H))[1] * sums[1]]
    return np.asarray(wrap32(np.concatenate(parts, axis=1)), np.int32)


def _scaling(c: Converter, op: Operator, clip: float) -> list[int]:
    """The numbers of ``ai_k_lstm_s8``."""
    pairs: list[int] = []
    for first, source in ((_OVER_X, op.input(0)), (_OVER_H, op.input(_H))):
        pairs += [] if not _coupled(op) else [0, 0]
        for gate in _GATES[1:] if _coupled(op) else _GATES:
            product = np.float32(_weight_scale(op.input(first + gate))) * np.float32(scale_of(source)[0])
            pairs += quantize_multiplier(float(product * np.float32(2**12)))
    scale, zero_point = scale_of(_hidden(c, op))
    pairs += quantize_multiplier(float(np.float32(2.0**-15 / scale * 2.0**-15)))
    return [*pairs, zero_point, *_cell_numbers(op.input(_C), clip), int(_coupled(op))]


def _weight_scale(weights: Tensor) -> float:
    scale, zero_point = scale_of(weights)
    if zero_point:
        raise ModelRefused(f"its weights '{weights.name}' have the zero point {zero_point}, it must be 0")
    return scale


def _cell_numbers(cell: Tensor, clip: float) -> list[int]:
    """[bits by which i * g is shifted, integer bits of c, its clip]."""
    scale, zero_point = scale_of(cell)
    mantissa, exponent = math.frexp(scale)
    power = exponent - 1
    if mantissa != 0.5 or zero_point or not -15 <= power <= -9:
        raise ModelRefused(
            f"its cell state has the scale {scale} and the zero point {zero_point}; "
            "the scale must be a power of two between 2**-15 and 2**-9, the zero point 0"
        )
    limit = min(float(np.float32(clip) / np.float32(scale)), 32767.0) if clip > 0 else 0.0
    return [30 + power, 15 + power, int(limit)]


def _hidden(c: Converter, op: Operator) -> Tensor:
    """The intermediate tensor that holds the scale of h before it is stored."""
    if op.table.IntermediatesLength() < 5:
        raise ModelRefused("it has no intermediate tensor with the scale of its hidden state", hint="Convert it again.")
    index, tensors = int(op.table.Intermediates(4)), c.model_record.tensors
    if not 0 <= index < len(tensors):
        raise ModelRefused(f"it refers to the intermediate tensor {index}, which does not exist")
    return tensors[index]


CONVERTERS = {"UNIDIRECTIONAL_SEQUENCE_LSTM": convert_lstm}
SUPPORT: dict[str, Support] = {
    "UNIDIRECTIONAL_SEQUENCE_LSTM": takes(
        "int8",
        "float32",
        limits=(_TANH, _FULL, *(absent for _, absent in _UNSUPPORTED)),
        note="cell state of int16",
        refused={"int16": NO_KERNEL, "hybrid": _RECURRENT},
    ),
}
