# SPDX-License-Identifier: Apache-2.0
"""Layers with weights of int8 (or int4) and activations of float32, as two fused operators each.

dequantize(weights) in Relax would mean float arithmetic; the reference interpreter quantizes the input instead (see
:mod:`stm32_emitter.operators.hybrid`).
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import numpy as np
import tflite
from numpy.typing import NDArray
from tvm import relax

from stm32_emitter.errors import ModelRefused
from stm32_emitter.frontends.tflite.converters.common import FUSED
from stm32_emitter.frontends.tflite.support import Limit
from stm32_emitter.operators.base import Attribute, Fused, constant
from stm32_emitter.operators.float_group import LARGEST

if TYPE_CHECKING:
    from stm32_emitter.frontends.tflite.importer import Converter
    from stm32_emitter.frontends.tflite.reader import Operator

SCALE_FOR_EACH = Limit(
    "hybrid weights that are depthwise or in groups have a scale for each channel",
    hint="Quantize the weights per channel, or leave them in float32.",
)
"""The reference interpreter reads so many there, whatever the file holds."""
_BOUNDS = {
    tflite.ActivationFunctionType.NONE: (-LARGEST, LARGEST),
    tflite.ActivationFunctionType.RELU: (0.0, LARGEST),
    tflite.ActivationFunctionType.RELU6: (0.0, 6.0),
    tflite.ActivationFunctionType.RELU_N1_TO_1: (-1.0, 1.0),
}


def is_hybrid(op: Operator) -> bool:
    """Whether the result is float32 and the weights (input 1) are not."""
    return op.outputs[0].dtype == "float32" and op.input(1).dtype in ("int8", "uint8")


def bounds(function: int) -> tuple[float, float]:
    """(low, high) of a fused activation on float32.

    Raises:
        ModelRefused: it is no limit.
    """
    FUSED.require(function in _BOUNDS, f"its fused activation is number {function}")
    return _BOUNDS[function]


def hybrid_weights(op: Operator, position: int = 1) -> tuple[NDArray[np.int8], NDArray[np.float32]]:
    """(weights, their scale or scales, one where all are equal) of an operator.

    Bytes of uint8 count as int8, as the reference interpreter takes them: early converters wrote them so.

    Raises:
        ModelRefused: they are not constant, or have no scale or a zero point.
    """
    tensor = op.input(position)
    if tensor.quantization is None:
        raise ModelRefused(
            f"its weights '{tensor.name}' ({tensor.dtype}) have no scale", hint="Convert the model again."
        )
    if np.any(tensor.quantization.zero_point):
        raise ModelRefused(
            f"its weights '{tensor.name}' have a zero point other than 0 beside activations of float32",
            hint="Quantize the weights symmetrically.",
        )
    scale = tensor.quantization.scale
    return op.constant(position).view(np.int8), scale[:1] if np.all(scale == scale[0]) else scale


def quantized_rows(
    c: Converter, op: Operator, x: relax.Expr, rows: int, *, offset: bool
) -> tuple[relax.Var, relax.Var]:
    """(int8 like x, float32 [rows, 2]): x quantized at run time, row by row."""
    shape = tuple(int(dim) for dim in x.ty.shape)
    attributes: dict[str, Attribute] = {"rows": rows, "offset": int(offset)}
    made = Fused("QUANTIZE_ROWS", (x,), shape, "int8", attributes, (((rows, 2), "float32"),))
    both = c.bb.emit(made.call(), name_hint=f"op{op.index}_both")
    values = c.bb.emit(relax.TupleGetItem(both, 0), name_hint=f"op{op.index}_values")
    return values, c.bb.emit(relax.TupleGetItem(both, 1), name_hint=f"op{op.index}_numbers")


def bias_of(op: Operator, outputs: int, position: int = 2) -> NDArray[np.float32]:
    """float32 [outputs], zeros if there is none."""
    tensor = op.inputs[position] if len(op.inputs) > position else None
    if tensor is None:
        return np.zeros(outputs, np.float32)
    value = op.constant(position)
    if value.dtype != np.float32 or value.size != outputs:
        raise ModelRefused(
            f"its bias '{tensor.name}' is {value.dtype} of {value.size} elements, "
            f"float32 of {outputs} is needed beside activations of float32"
        )
    return value.ravel()


def hybrid_dense(c: Converter, op: Operator, options: Any, x: relax.Expr) -> relax.Expr:
    """x float32 [B, K] -> [B, N]."""
    weights, scales = hybrid_weights(op)
    limits, offset = bounds(options.FusedActivationFunction()), bool(options.AsymmetricQuantizeInputs())
    return dense_rows(c, op, x, (weights, scales, bias_of(op, len(weights))), limits, offset=offset)


def dense_rows(
    c: Converter, op: Operator, x: relax.Expr, constants: Sequence[NDArray[Any]],
    limits: tuple[float, float] = (-LARGEST, LARGEST), *, offset: bool,
) -> relax.Expr:  # fmt: skip
    """x float32 [B, K], (weights [N, K], scales, bias [N]) -> float32 [B, N] within limits."""
    rows = int(x.ty.shape[0])
    inputs = (*quantized_rows(c, op, x, rows, offset=offset), *map(constant, constants))
    attributes: dict[str, Attribute] = {"offset": int(offset), "stepwise": 0, "low": limits[0], "high": limits[1]}
    return Fused("FULLY_CONNECTED_HYBRID", inputs, (rows, len(constants[0])), "float32", attributes).call()


def hybrid_convolution(c: Converter, op: Operator, sizes: dict[str, Attribute], function: int) -> relax.Expr:
    """x float32 [N,H,W,Cin] -> [N,OH,OW,Cout]; ``sizes`` are strides, dilation, padding and groups.

    The reference interpreter quantizes the input without a zero point where one scale serves all weights, else with
    one. DEPTHWISE_CONV_2D and groups always have a scale for each channel.
    """
    weights, scales = hybrid_weights(op)
    depthwise = op.kind == "DEPTHWISE_CONV_2D"
    outputs = weights.shape[3 if depthwise else 0]
    offset = depthwise or scales.size > 1
    if depthwise or sizes["groups"] != 1:
        given = op.input(1).quantization
        count = 0 if given is None else len(given.scale)
        SCALE_FOR_EACH.require(count == outputs, f"its weights have {count} scales for {outputs} channels")
        # In groups it looks for a second scale first, and has no room for the zero points if there is none.
        SCALE_FOR_EACH.require(depthwise or scales.size > 1, "the scales of its weights are all equal")
    low, high = bounds(function)
    values, numbers = quantized_rows(c, op, c.raw(op.input(0)), op.input(0).shape[0], offset=offset)
    scales = np.broadcast_to(scales, (outputs,)).astype(np.float32) if depthwise else scales
    inputs = (values, numbers, constant(weights), constant(scales), constant(bias_of(op, outputs)))
    attributes = {**sizes, "offset": int(offset), "stepwise": int(offset and not depthwise), "low": low, "high": high}
    return Fused(f"{op.kind}_HYBRID", inputs, op.outputs[0].shape, "float32", attributes).call()


def hybrid_transposed(c: Converter, op: Operator, sizes: dict[str, Attribute], function: int) -> relax.Expr:
    """TRANSPOSE_CONV, x float32 [N,H,W,Cin] -> [N,OH,OW,Cout]; each image is quantized with a zero point."""
    weights, scales = weights_of_int8(op, 0)
    low, high = bounds(function)
    values, numbers = quantized_rows(c, op, c.raw(op.input(2)), op.input(2).shape[0], offset=True)
    inputs = (values, numbers, constant(weights), constant(scales), constant(bias_of(op, len(weights), 3)))
    attributes = {**sizes, "offset": 1, "stepwise": 0, "low": low, "high": high}
    return Fused("TRANSPOSE_CONV_HYBRID", inputs, op.outputs[0].shape, "float32", attributes).call()


AS_INT8 = Limit(
    "hybrid weights are int8, with one scale or one for each output", hint="Quantize the weights to int8 per output."
)


def weights_of_int8(op: Operator, axis: int) -> tuple[NDArray[np.int8], NDArray[np.float32]]:
    """As :func:`hybrid_weights`, where the reference interpreter knows no other type; outputs are along ``axis``."""
    tensor = op.input(1)
    known = tensor.quantization is None or tensor.quantization.per_tensor or tensor.quantization.axis == axis
    AS_INT8.require(tensor.dtype == "int8" and tensor.stored != "int4" and known)
    return hybrid_weights(op)


ONE_SCALE = Limit("hybrid weights of recurrent layers are int8 with one scale", hint="Quantize the weights per tensor.")


def weights_of_one_scale(op: Operator, position: int) -> tuple[NDArray[np.int8], np.float32]:
    """As :func:`hybrid_weights`, where the reference interpreter reads one scale, whatever the file holds."""
    tensor = op.input(position)
    ONE_SCALE.require(tensor.stored != "int4", f"'{tensor.name}' is int4")
    weights, scales = hybrid_weights(op, position)
    ONE_SCALE.require(scales.size == 1, f"'{tensor.name}' has {scales.size} scales")
    return weights, np.float32(scales[0])
