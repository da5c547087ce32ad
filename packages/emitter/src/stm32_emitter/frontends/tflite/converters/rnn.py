# SPDX-License-Identifier: Apache-2.0
"""RNN, UNIDIRECTIONAL_SEQUENCE_RNN and BIDIRECTIONAL_SEQUENCE_RNN of float32 or hybrid; h is a variable tensor.

The backward half reads the steps in opposite order, and so are its results.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
import tflite
from numpy.typing import NDArray
from tvm import relax

from stm32_emitter.errors import ModelRefused
from stm32_emitter.frontends.tflite.converters.hybrid import (
    ONE_SCALE,
    bias_of,
    bounds,
    is_hybrid,
    quantized_rows,
    weights_of_one_scale,
)
from stm32_emitter.frontends.tflite.converters.recurrent import state_of
from stm32_emitter.frontends.tflite.state import tensor_key
from stm32_emitter.frontends.tflite.support import Limit, Support, takes
from stm32_emitter.operators.base import Attribute, Fused, constant
from stm32_emitter.operators.rnn import TANH

if TYPE_CHECKING:
    from collections.abc import Callable

    from stm32_emitter.frontends.tflite.importer import Converter
    from stm32_emitter.frontends.tflite.reader import Operator

SINGLE_INPUT = Limit("there is no auxiliary input", hint="Join the inputs with a CONCATENATION in front of the layer.")
BATCH_MAJOR = Limit(
    "a hybrid layer of both directions is batch major",
    hint="Export it batch major. The reference kernel goes through a time major sequence as often as it has steps.",
)
ACTIVATIONS = Limit("the activation is NONE, TANH, RELU, RELU6 or RELU_N1_TO_1")
_LIMITED = tuple(getattr(tflite.ActivationFunctionType, name) for name in ("NONE", "RELU", "RELU6", "RELU_N1_TO_1"))
_FORWARD, _BACKWARD, _AUXILIARY = 1, 5, 9
"""First of weights, recurrent weights, bias and h of each direction; the auxiliary input."""


def convert_rnn(c: Converter, op: Operator) -> relax.Expr:
    """x [B, I] -> h after one step."""
    options, x, h = op.options(tflite.RNNOptions), op.input(0), op.input(4)
    steps = c.bb.normalize(relax.op.reshape(c.raw(x), (1, *x.shape)))
    y = _direction(c, op, steps, _FORWARD, options, time_major=True)
    return relax.op.reshape(c.bb.emit(y), h.shape)


def convert_sequence_rnn(c: Converter, op: Operator) -> relax.Expr:
    """x [B, T, I], or [T, B, I] if it is time major -> h after each step."""
    options = op.options(tflite.SequenceRNNOptions)
    return _direction(c, op, c.raw(op.input(0)), _FORWARD, options, time_major=bool(options.TimeMajor()))


def convert_bidirectional_rnn(c: Converter, op: Operator) -> list[relax.Expr]:
    """Both directions: two results, or one of both behind each other."""
    options = op.options(tflite.BidirectionalSequenceRNNOptions)
    SINGLE_INPUT.require(all(tensor is None for tensor in op.inputs[_AUXILIARY:]))
    BATCH_MAJOR.require(not (is_hybrid(op) and options.TimeMajor()))

    def layer(x: relax.Expr, first: int) -> relax.Expr:
        return _direction(c, op, x, first, options, time_major=bool(options.TimeMajor()))

    return in_both_directions(c, op, layer, (_FORWARD, _BACKWARD), options)


def in_both_directions(
    c: Converter, op: Operator, layer: Callable[[relax.Expr, int], relax.Expr], firsts: tuple[int, int], options: Any
) -> list[relax.Expr]:
    """The results of both directions, or one of both behind each other.

    Args:
        c: the converter.
        op: with the input x at 0.
        layer: from x and the position of a direction's first tensor to its results.
        firsts: of the forward and the backward direction.
        options: with TimeMajor and MergeOutputs.
    """
    x, time = c.raw(op.input(0)), 0 if options.TimeMajor() else 1
    forward = c.bb.emit(layer(x, firsts[0]))
    backward = c.bb.emit(layer(c.bb.emit(relax.op.flip(x, time)), firsts[1]))
    results = [forward, c.bb.emit(relax.op.flip(backward, time))]
    return [relax.op.concat(results, -1)] if options.MergeOutputs() else results


def _direction(c: Converter, op: Operator, x: relax.Expr, first: int, options: Any, *, time_major: bool) -> relax.Expr:
    """The results of all steps; h after the last one is kept."""
    weights, recurrent, bias, h = (op.input(first + i) for i in range(4))
    shape = tuple(int(dim) for dim in x.ty.shape)
    if len(shape) != 3 or len(h.shape) != 2 or 0 in (*shape, *h.shape):
        raise ModelRefused(f"its input has the shape {list(op.input(0).shape)}, its state {list(h.shape)}")
    batch, units = h.shape
    steps = shape[0 if time_major else 1]
    wanted = ((units, shape[2]), (units, units), (units,), (shape[1 if time_major else 0], units))
    if (weights.shape, recurrent.shape, bias.shape, h.shape) != wanted:
        raise ModelRefused(f"its tensors do not fit {units} units and {shape[2]} inputs", hint="The file is damaged.")
    attributes = {**_activation(options.FusedActivationFunction()), "time_major": int(time_major)}
    made = _hybrid(c, op, x, first, options) if is_hybrid(op) else _float(c, op, x, first)
    y = c.bb.emit(Fused(made[0], made[1], (*shape[:2], units), "float32", attributes | made[2]).call())
    last = relax.op.strided_slice(y, [0 if time_major else 1], [steps - 1], [steps]) if steps > 1 else y
    c.states[tensor_key(h)] = c.bb.emit(relax.op.reshape(c.bb.normalize(last), (batch, units)))
    return y


Made = tuple[str, tuple[relax.Expr, ...], dict[str, Attribute]]
"""Kind, inputs and attributes of a fused operator."""


def _float(c: Converter, op: Operator, x: relax.Expr, first: int) -> Made:
    constants = [constant(op.constant(first + i)) for i in range(3)]
    return "RNN", (x, state_of(c, op.input(first + 3)), *constants), {}


def _hybrid(c: Converter, op: Operator, x: relax.Expr, first: int, options: Any) -> Made:
    rows, offset = int(x.ty.shape[0]) * int(x.ty.shape[1]), bool(options.AsymmetricQuantizeInputs())
    weights, scale = weights_of_one_scale(op, first)
    recurrent, recurrent_scale = weights_of_one_scale(op, first + 1)
    values, numbers = quantized_rows(c, op, x, rows, offset=offset)
    scales = np.array([scale, recurrent_scale], np.float32)
    constants: list[NDArray[Any]] = [weights, recurrent, scales, bias_of(op, len(weights), first + 2)]
    inputs = (values, state_of(c, op.input(first + 3)), numbers, *map(constant, constants))
    return "RNN_HYBRID", inputs, {"offset": int(offset)}


def _activation(function: int) -> dict[str, Attribute]:
    if function == tflite.ActivationFunctionType.TANH:
        return {"activation": TANH, "low": 0.0, "high": 0.0}
    ACTIVATIONS.require(function in _LIMITED, f"its activation is number {function}")
    low, high = bounds(function)
    return {"activation": "", "low": low, "high": high}


CONVERTERS: dict[str, Callable[[Converter, Operator], Any]] = {
    "BIDIRECTIONAL_SEQUENCE_RNN": convert_bidirectional_rnn,
    "RNN": convert_rnn,
    "UNIDIRECTIONAL_SEQUENCE_RNN": convert_sequence_rnn,
}

_WEIGHTS = {1: "weights", 2: "recurrent weights", 3: "bias"}
_BOTH = {**_WEIGHTS, 5: "backward weights", 6: "backward recurrent weights", 7: "backward bias"}
_LIMITS = (ACTIVATIONS, ONE_SCALE)
SUPPORT: dict[str, Support] = {
    "BIDIRECTIONAL_SEQUENCE_RNN": takes(
        "float32", "hybrid", limits=(*_LIMITS, SINGLE_INPUT, BATCH_MAJOR), constants=_BOTH
    ),
    "RNN": takes("float32", "hybrid", limits=_LIMITS, constants=_WEIGHTS),
    "UNIDIRECTIONAL_SEQUENCE_RNN": takes("float32", "hybrid", limits=_LIMITS, constants=_WEIGHTS),
}
