# SPDX-License-Identifier: Apache-2.0
"""UNIDIRECTIONAL_SEQUENCE_LSTM, made as a fused operator at once; see :mod:`.recurrent`."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
import tflite
from numpy.typing import NDArray
from tvm import relax

from stm32_emitter.errors import ModelRefused
from stm32_emitter.frontends.tflite.converters.common import scale_of
from stm32_emitter.frontends.tflite.converters.hybrid import ONE_SCALE
from stm32_emitter.frontends.tflite.converters.lstm_general import general_parts, has_parts
from stm32_emitter.frontends.tflite.converters.lstm_hybrid import hybrid_layer, is_hybrid_layer
from stm32_emitter.frontends.tflite.converters.lstm_tensors import (
    BIAS,
    GATES,
    HIDDEN,
    NORMS,
    OVER_H,
    OVER_X,
    PEEPHOLES,
    PROJECTION,
    PROJECTION_BIAS,
    C,
    H,
    cell_numbers,
    coupled,
    folded_bias,
    gate_scaling,
    given_gates,
    has,
    hidden_scaling,
    intermediate,
    of_gates,
)
from stm32_emitter.frontends.tflite.converters.recurrent import state_of
from stm32_emitter.frontends.tflite.state import tensor_key
from stm32_emitter.frontends.tflite.support import Limit, Support, takes
from stm32_emitter.operators.base import Attribute, Fused, constant
from stm32_emitter.operators.lstm import interleaved

if TYPE_CHECKING:
    from stm32_emitter.frontends.tflite.importer import Converter
    from stm32_emitter.frontends.tflite.reader import Operator

Shape = tuple[int, ...]
_PLAIN = "Use a plain LSTM layer."
TANH = Limit("the activation is TANH", hint="Use TANH.")
_FULL = Limit("recurrent weights are no diagonal", _PLAIN)


def convert_lstm(c: Converter, op: Operator) -> relax.Expr:
    """x [B, T, I] or, time major, [T, B, I]; weights [N, I], [N, O] and biases [N] of gates; states h [B, O], c [B, N].

    O is N, or the rows of a projection [O, N].
    """
    options = op.options(tflite.UnidirectionalSequenceLSTMOptions)
    _FULL.require(not options.DiagonalRecurrentTensors())
    return lstm_layer(c, op, c.raw(op.input(0)), options)


def lstm_layer(c: Converter, op: Operator, x: relax.Expr, options: Any) -> relax.Expr:
    """The steps of an operator with the tensors of UNIDIRECTIONAL_SEQUENCE_LSTM over ``x``, its input or the like."""
    _check_kind(op, options)
    _check_shapes(op, bool(options.TimeMajor()))
    layer = (hybrid_layer if is_hybrid_layer(op) else _layer)(c, op, x, options)
    both = c.bb.emit(layer.call(), name_hint=f"op{op.index}_both")
    c.states[tensor_key(op.input(C))] = c.bb.emit(relax.TupleGetItem(both, 1), name_hint=f"op{op.index}_cell")
    c.states[tensor_key(op.input(H))] = _last_step(c, op, both, bool(options.TimeMajor()))
    return relax.TupleGetItem(both, 0)  # a binding of its own, which the importer names after the operator


def _layer(c: Converter, op: Operator, x: relax.Expr, options: Any) -> Fused:
    """The fused operator LSTM or LSTM_GENERAL over ``x``."""
    cell, general = op.input(C), has_parts(op)
    made, attributes = (general_parts if general else _plain_parts)(c, op, options)
    weights = interleaved(of_gates(op, OVER_X), of_gates(op, OVER_H))
    inputs = (x, state_of(c, op.input(H)), state_of(c, cell), *map(constant, [weights, *made]))
    attributes = {"time_major": int(options.TimeMajor()), **attributes}
    kind, results = "LSTM_GENERAL" if general else "LSTM", ((cell.shape, cell.dtype),)
    return Fused(kind, inputs, op.outputs[0].shape, op.input(0).dtype, attributes, results)


def _plain_parts(c: Converter, op: Operator, options: Any) -> tuple[list[NDArray[Any]], dict[str, Attribute]]:
    """(constants behind the weights, attributes) of the fused operator LSTM."""
    attributes: dict[str, Attribute] = {"clip": float(options.CellClip()), "coupled": int(coupled(op))}
    bias = np.stack(of_gates(op, BIAS), axis=1)
    if op.input(0).dtype == "float32":
        return [bias], attributes
    scale, zero_point = scale_of(intermediate(c, op, HIDDEN))
    numbers = [*gate_scaling(op, [2.0**-12] * len(GATES)), *hidden_scaling(scale), zero_point]
    numbers += [*cell_numbers(op.input(C), options.CellClip()), int(coupled(op))]
    return [folded_bias(op, bias)], attributes | {"scaling": numbers}


def _last_step(c: Converter, op: Operator, both: relax.Var, time_major: bool) -> relax.Var:
    """h after the run: the last step of y, the first of the two results."""
    axis, shape = (0 if time_major else 1), op.outputs[0].shape
    y = c.bb.emit(relax.TupleGetItem(both, 0), name_hint=f"op{op.index}_sequence")
    if shape[axis] > 1:
        last = relax.op.strided_slice(y, [axis], [shape[axis] - 1], [shape[axis]])
        y = c.bb.emit(last, name_hint=f"op{op.index}_last")
    return c.bb.emit(relax.op.reshape(y, op.input(H).shape), name_hint=f"op{op.index}_hidden")


def _check_kind(op: Operator, options: Any) -> None:
    """Refuses by name what the kernels do not know."""
    if len({has(op, first) for first in (OVER_X, OVER_H, BIAS)}) > 1:
        raise ModelRefused("its input gate has only some of its weights and bias", hint="The file is damaged.")
    for first, gates, what in ((PEEPHOLES, 3, "peephole connections"), (NORMS, 4, "layer normalisation")):
        wanted = [not coupled(op)] + [True] * (gates - 1)
        found = [has(op, first + gate) for gate in range(gates)]
        if any(found) and found != wanted:
            raise ModelRefused(f"only some of its gates have {what}", hint="The file is damaged.")
    if has(op, PROJECTION_BIAS) and not has(op, PROJECTION):
        raise ModelRefused("it has the bias of a projection without its weights", hint="The file is damaged.")
    TANH.require(options.FusedActivationFunction() == tflite.ActivationFunctionType.TANH)
    _check_types(op)


_TYPES = (
    (range(OVER_X, PEEPHOLES), "int8"), (range(PEEPHOLES, BIAS), "int16"), (range(BIAS, PROJECTION), "int32"),
    (range(PROJECTION, PROJECTION + 1), "int8"), (range(PROJECTION_BIAS, H), "int32"), (range(H, C), "int8"),
    (range(C, NORMS), "int16"), (range(NORMS, NORMS + 4), "int16"), (range(1), "int8"),
)  # fmt: skip
"""Element types of the inputs of a quantized layer."""


_HYBRID = (*range(OVER_X, BIAS), PROJECTION)
"""Inputs of a hybrid layer that are weights of int8."""


def _check_types(op: Operator) -> None:
    quantized = {position: dtype for positions, dtype in _TYPES for position in positions if has(op, position)}
    found = {position: op.input(position).dtype for position in quantized}
    plain = dict.fromkeys([*quantized, -1], "float32")
    hybrid = {p: op.input(OVER_X + 1).dtype if p in _HYBRID else dtype for p, dtype in plain.items()}
    allowed = [{**quantized, -1: "int8"}, plain, *([hybrid] if is_hybrid_layer(op) else [])]
    if {**found, -1: op.outputs[0].dtype} not in allowed:
        raise ModelRefused(
            f"its tensors have the types {', '.join(dict.fromkeys(found.values()))}",
            hint="Use float32 for all or all but the weights, or int8 with a cell state of int16.",
        )


def _check_shapes(op: Operator, time_major: bool) -> None:
    x, h, cell = op.input(0).shape, op.input(H).shape, op.input(C).shape
    if len(x) != 3 or len(h) != 2 or len(cell) != 2 or 0 in (*x, *h, *cell):
        raise ModelRefused(f"its input has the shape {list(x)}, its state {list(h)}; ranks 3 and 2 are needed")
    (batch, outputs), cells, depth = h, cell[1], x[2]
    wanted: dict[int, Shape] = {H: (x[1 if time_major else 0], outputs), C: (batch, cells)}
    for gate in given_gates(op):
        wanted |= {OVER_X + gate: (cells, depth), OVER_H + gate: (cells, outputs), BIAS + gate: (cells,)}
    wanted |= dict.fromkeys((*range(PEEPHOLES, BIAS), *range(NORMS, NORMS + 4)), (cells,))
    wanted |= {PROJECTION: (outputs, cells), PROJECTION_BIAS: (outputs,)}
    present = {position: shape for position, shape in wanted.items() if has(op, position)}
    fits = all(op.input(p).shape == shape for p, shape in present.items()) and op.outputs[0].shape == (*x[:2], outputs)
    if not fits or (outputs != cells and not has(op, PROJECTION)):
        raise ModelRefused(f"its tensors do not fit {cells} cells and {depth} inputs", hint="The file is damaged.")


CONVERTERS = {"UNIDIRECTIONAL_SEQUENCE_LSTM": convert_lstm}
SUPPORT: dict[str, Support] = {
    "UNIDIRECTIONAL_SEQUENCE_LSTM": takes(
        "int8",
        "float32",
        "hybrid",
        limits=(TANH, _FULL, ONE_SCALE),
        note="cell state of int16 beside int8",
    ),
}
