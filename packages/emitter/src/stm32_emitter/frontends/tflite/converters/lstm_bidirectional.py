# SPDX-License-Identifier: Apache-2.0
"""BIDIRECTIONAL_SEQUENCE_LSTM of float32 or hybrid: each direction is a layer as in UNIDIRECTIONAL_SEQUENCE_LSTM."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

import tflite
from tvm import relax

from stm32_emitter.errors import ModelRefused
from stm32_emitter.frontends.tflite.converters.hybrid import ONE_SCALE
from stm32_emitter.frontends.tflite.converters.lstm import TANH, lstm_layer
from stm32_emitter.frontends.tflite.converters.lstm_tensors import H
from stm32_emitter.frontends.tflite.converters.rnn import SINGLE_INPUT, in_both_directions
from stm32_emitter.frontends.tflite.support import Limit, Support, takes

if TYPE_CHECKING:
    from stm32_emitter.frontends.tflite.importer import Converter
    from stm32_emitter.frontends.tflite.reader import Operator

MERGED = Limit(
    "merged results are time major or of a batch of 1",
    hint="Export the model with a batch of 1; elsewhere the reference kernel reads memory that nobody has written.",
)
_FORWARD, _BACKWARD, _AUXILIARY = 1, 18, 39
"""First weights of each direction; the auxiliary input."""
_STATES = {_FORWARD: 35, _BACKWARD: 37}
"""Position of h, which c is behind."""


def convert_bidirectional_lstm(c: Converter, op: Operator) -> list[relax.Expr]:
    """x [B, T, I] or, time major, [T, B, I] -> h of each direction after each step, or both behind each other."""
    options = op.options(tflite.BidirectionalSequenceLSTMOptions)
    SINGLE_INPUT.require(all(tensor is None for tensor in op.inputs[_AUXILIARY:]))
    merged = bool(options.MergeOutputs()) and not options.TimeMajor()
    MERGED.require(not merged or op.input(0).shape[:1] == (1,), "it merges results of several batch elements")

    def layer(x: relax.Expr, first: int) -> relax.Expr:
        return lstm_layer(c, _direction(op, first), x, options)

    return in_both_directions(c, op, layer, (_FORWARD, _BACKWARD), options)


def _direction(op: Operator, first: int) -> Operator:
    """One direction with its tensors where UNIDIRECTIONAL_SEQUENCE_LSTM has them."""
    states = op.inputs[_STATES[first] : _STATES[first] + 2]
    if len(states) < 2 or states[0] is None or states[1] is None or len(op.input(0).shape) != 3:
        raise ModelRefused("it lacks a state, or its input is no sequence of vectors", hint="The file is damaged.")
    output = replace(op.outputs[0], shape=(*op.input(0).shape[:2], *states[0].shape[1:]))
    return replace(op, inputs=(op.inputs[0], *op.inputs[first : first + H - 1], *states), outputs=(output,))


CONVERTERS = {"BIDIRECTIONAL_SEQUENCE_LSTM": convert_bidirectional_lstm}

SUPPORT: dict[str, Support] = {
    "BIDIRECTIONAL_SEQUENCE_LSTM": takes("float32", "hybrid", limits=(TANH, SINGLE_INPUT, MERGED, ONE_SCALE)),
}
