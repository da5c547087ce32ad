# SPDX-License-Identifier: Apache-2.0
"""SVDF, an operator that keeps a state in a variable tensor.

No arithmetic of Relax says what it computes without losing the integer parameters, so it is made as fused operators at
once.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
import tflite
from numpy.typing import NDArray
from tvm import relax

from stm32_emitter.errors import ModelRefused
from stm32_emitter.frontends.tflite.converters.common import FUSED, rank, scale_of
from stm32_emitter.frontends.tflite.converters.hybrid import bounds, dense_rows, hybrid_weights, is_hybrid
from stm32_emitter.frontends.tflite.state import tensor_key
from stm32_emitter.frontends.tflite.support import Limit, Support, takes
from stm32_emitter.operators.base import Attribute, Fused, constant
from stm32_emitter.operators.fixed_point import quantize_multiplier

if TYPE_CHECKING:
    from stm32_emitter.frontends.tflite.importer import Converter
    from stm32_emitter.frontends.tflite.reader import Operator, Tensor

ONLY_RELU = Limit(
    "the fused activation of integers is RELU, as the reference asks",
    hint="Use RELU; the zero point of the output decides what is cut off.",
)


def convert_svdf(c: Converter, op: Operator) -> relax.Expr:
    """x [B, I], feature weights [F, I], time weights [F, M], bias [U] or none, state [B, F*M] -> [B, U]."""
    options = op.options(tflite.SVDFOptions)
    x, state, output = op.input(0), op.input(4), op.outputs[0]
    feature, time = op.constant(1), op.constant(2)
    bias = np.zeros(output.shape[-1:], _sum_type(x)) if op.inputs[3] is None else op.constant(3)
    _check_types([x.dtype, str(feature.dtype), str(time.dtype), str(bias.dtype), state.dtype, output.dtype])
    _check_shapes(op, feature, time, bias, options.Rank())
    before, after = _svdf_numbers(op, options.FusedActivationFunction())
    inputs: tuple[relax.Expr, ...] = (state_of(c, state), c.raw(x), constant(feature))
    if is_hybrid(op):
        inputs = (inputs[0], _hybrid_results(c, op, bool(options.AsymmetricQuantizeInputs())))
        time = (time * np.float32(scale_of(op.input(2))[0])).astype(np.float32)
    moved = Fused("SVDF_STATE", inputs, state.shape, state.dtype, before)
    kept = c.bb.emit(moved.call(), name_hint=f"op{op.index}_state")
    c.states[tensor_key(state)] = kept
    return Fused("SVDF", (kept, constant(time), constant(bias)), output.shape, output.dtype, after).call()


def _hybrid_results(c: Converter, op: Operator, offset: bool) -> relax.Expr:
    """float32 [B, F]: what the filters of int8 give for x of float32."""
    for position in (1, 2):
        if scale_of(op.input(position))[1]:
            raise ModelRefused(f"its weights '{op.input(position).name}' have a zero point other than 0")
    weights, scales = hybrid_weights(op)
    results = dense_rows(
        c, op, c.raw(op.input(0)), (weights, scales, np.zeros(len(weights), np.float32)), offset=offset
    )
    return c.bb.emit(results, name_hint=f"op{op.index}_results")


def state_of(c: Converter, tensor: Tensor) -> relax.Expr:
    """The value before the run of a variable tensor.

    Raises:
        ModelRefused: it is none.
    """
    if not tensor.is_variable:
        raise ModelRefused(f"its state '{tensor.name}' is no variable tensor", hint="The file is damaged.")
    return c.raw(tensor)


def _sum_type(x: Tensor) -> str:
    return "float32" if x.dtype == "float32" else "int32"


_SVDF_TYPES = (
    ["float32"] * 6,
    ["float32", "int8", "int8", "float32", "float32", "float32"],
    ["int8", "int8", "int16", "int32", "int16", "int8"],
    ["int8", "int8", "int8", "int32", "int8", "int8"],
)


def _check_types(types: list[str]) -> None:
    if types not in _SVDF_TYPES:
        raise ModelRefused(
            f"its input, feature weights, time weights, bias, state and output are of {', '.join(types)}",
            hint="Use float32 for all or all but the weights, or int8 with time weights and state of int16 or int8.",
        )


def _check_shapes(op: Operator, feature: NDArray[Any], time: NDArray[Any], bias: NDArray[Any], ranks: int) -> None:
    x, state, output = op.input(0), op.input(4), op.outputs[0]
    rank(x.name, x.shape, 2)
    rank(state.name, state.shape, 2)
    if feature.ndim != 2 or time.ndim != 2 or ranks < 1:
        raise ModelRefused(f"its weights have {feature.ndim} and {time.ndim} axes, its rank is {ranks}")
    filters, units = len(feature), len(feature) // ranks
    shapes = (x.shape[1], len(time), bias.shape, state.shape, output.shape)
    wanted = (feature.shape[1], filters, (units,), (x.shape[0], time.size), (x.shape[0], units))
    if shapes != wanted or filters % ranks:
        raise ModelRefused(f"its tensors do not fit {filters} filters of rank {ranks}", hint="The file is damaged.")


def _svdf_numbers(op: Operator, function: int) -> tuple[dict[str, Attribute], dict[str, Attribute]]:
    """Attributes of SVDF_STATE and of SVDF."""
    if op.input(0).dtype == "float32":
        low, high = bounds(function)
        return {}, {"low": low, "high": high}
    ONLY_RELU.require(
        function == tflite.ActivationFunctionType.RELU, f"its fused activation is number {function}, not RELU"
    )
    source, source_zero = scale_of(op.input(0))
    state, state_zero = scale_of(op.input(4))
    output, output_zero = scale_of(op.outputs[0])
    for position in (1, 2):
        if scale_of(op.input(position))[1] or (op.input(4).dtype == "int16" and state_zero):
            raise ModelRefused("its weights, or its state of int16, have a zero point other than 0")
    first = quantize_multiplier(source * scale_of(op.input(1))[0] / state)
    second = quantize_multiplier(state * scale_of(op.input(2))[0] / output)
    before = {"multiplier": first[0], "shift": first[1], "zero_point": state_zero, "input_zero_point": source_zero}
    after = {"multiplier": second[0], "shift": second[1], "zero_point": output_zero, "state_zero_point": state_zero}
    return dict(before), dict(after)


CONVERTERS = {"SVDF": convert_svdf}

SUPPORT: dict[str, Support] = {
    "SVDF": takes(
        "int8", "float32", "hybrid", limits=(FUSED, ONLY_RELU), note="time weights and state of int16 or int8",
        constants={1: "feature weights", 2: "time weights", 3: "bias"},
    ),
}  # fmt: skip
