# SPDX-License-Identifier: Apache-2.0
"""CONV_3D and CONV_3D_TRANSPOSE, which the reference knows in float32 only."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
import tflite
from numpy.typing import NDArray
from tvm import relax

from stm32_emitter.errors import ModelRefused
from stm32_emitter.frontends.tflite.converters.common import FUSED, padding_around, positive, rank
from stm32_emitter.frontends.tflite.converters.hybrid import bounds
from stm32_emitter.frontends.tflite.support import Support, takes
from stm32_emitter.operators.base import Attribute, Fused, constant

if TYPE_CHECKING:
    from stm32_emitter.frontends.tflite.importer import Converter
    from stm32_emitter.frontends.tflite.reader import Operator, Tensor


def convert_conv_3d(c: Converter, op: Operator) -> relax.Expr:
    """x [N,D,H,W,Cin], weights [KD,KH,KW,Cin,Cout], bias [Cout] or none."""
    return _convolution(c, op, op.input(0), op.constant(1), 2, transposed=False)


def convert_conv_3d_transpose(c: Converter, op: Operator) -> relax.Expr:
    """Output shape, weights [KD,KH,KW,Cout,Cin], x [N,D,H,W,Cin], bias [Cout] or none."""
    weights = np.ascontiguousarray(np.swapaxes(op.constant(1), -1, -2))
    return _convolution(c, op, op.input(2), weights, 3, transposed=True)


def _convolution(
    c: Converter, op: Operator, x: Tensor, weights: NDArray[Any], bias_at: int, *, transposed: bool
) -> relax.Expr:
    options, output = op.options(tflite.Conv3DOptions), op.outputs[0]
    rank(x.name, x.shape, 5)
    rank(output.name, output.shape, 5)
    strides = (options.StrideD(), options.StrideH(), options.StrideW())
    dilation = (options.DilationDFactor(), options.DilationHFactor(), options.DilationWFactor())
    positive(stride=min(strides), dilation=min(dilation))
    given = len(op.inputs) > bias_at and op.inputs[bias_at] is not None
    bias = op.constant(bias_at) if given else np.zeros(output.shape[-1:], np.float32)
    if weights.ndim != 5 or weights.shape[3:] != (x.shape[4], output.shape[4]) or bias.shape != output.shape[4:]:
        raise ModelRefused(f"its weights do not fit {list(x.shape)} and {list(output.shape)}")
    fine = output.shape[1:4] if transposed else x.shape[1:4]
    before, _ = padding_around(options.Padding(), fine, weights.shape[:3], strides, dilation)
    low, high = bounds(options.FusedActivationFunction())
    attributes: dict[str, Attribute] = {"transposed": int(transposed), "low": low, "high": high, "padding": before}
    attributes |= {"strides": list(strides), "dilation": list(dilation)}
    operands = (c.raw(x), constant(weights), constant(bias))
    return Fused("CONV_3D_F32", operands, output.shape, "float32", attributes).call()


CONVERTERS = {"CONV_3D": convert_conv_3d, "CONV_3D_TRANSPOSE": convert_conv_3d_transpose}

SUPPORT: dict[str, Support] = {
    "CONV_3D": takes("float32", limits=(FUSED,), constants={1: "weights", 2: "bias"}),
    "CONV_3D_TRANSPOSE": takes("float32", limits=(FUSED,), constants={0: "output shape", 1: "weights", 3: "bias"}),
}
