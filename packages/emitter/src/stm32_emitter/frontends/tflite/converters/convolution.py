# SPDX-License-Identifier: Apache-2.0
"""CONV_2D (grouped too), DEPTHWISE_CONV_2D and TRANSPOSE_CONV; weights keep TFLite's channel-last order."""

from __future__ import annotations

from typing import TYPE_CHECKING

import tflite
from tvm import relax

from stm32_emitter.errors import ModelRefused
from stm32_emitter.frontends.tflite.converters.common import FUSED, activated, padding_2d, positive, rank
from stm32_emitter.frontends.tflite.converters.hybrid import (
    AS_INT8,
    SCALE_FOR_EACH,
    hybrid_convolution,
    hybrid_transposed,
    is_hybrid,
)
from stm32_emitter.frontends.tflite.support import EIGHT_BITS, Support, takes
from stm32_emitter.operators.base import Attribute

if TYPE_CHECKING:
    from stm32_emitter.frontends.tflite.importer import Converter
    from stm32_emitter.frontends.tflite.reader import Operator, Tensor


def convert_conv_2d(c: Converter, op: Operator) -> relax.Expr:
    """x [N,H,W,Cin], weights [Cout,KH,KW,Cin/groups] -> [N,OH,OW,Cout]."""
    options = op.options(tflite.Conv2DOptions)
    x, weights = op.input(0), op.input(1)
    rank(x.name, x.shape, 4)
    rank(weights.name, weights.shape, 4)
    channels, group_channels = x.shape[3], weights.shape[3]
    if group_channels < 1 or channels % group_channels or weights.shape[0] % (channels // group_channels):
        raise ModelRefused(f"weights {list(weights.shape)} do not fit an input of shape {list(x.shape)}")
    groups, window = channels // group_channels, weights.shape[1:3]
    if is_hybrid(op):
        return hybrid_convolution(c, op, _sizes(options, x, window, groups), options.FusedActivationFunction())
    conv = _convolution(c, options, x, c.real(weights), window, groups=groups, layout="OHWI")
    return c.result(activated(_biased(c, op, conv), options.FusedActivationFunction()), op.outputs[0])


def convert_depthwise_conv_2d(c: Converter, op: Operator) -> relax.Expr:
    """x [N,H,W,C], weights [1,KH,KW,C*M] -> [N,OH,OW,C*M]; output channel c*M + m reads input channel c."""
    options = op.options(tflite.DepthwiseConv2DOptions)
    x, weights = op.input(0), op.input(1)
    rank(x.name, x.shape, 4)
    rank(weights.name, weights.shape, 4)
    one, height, width, outputs = weights.shape
    if one != 1 or x.shape[3] < 1 or outputs % x.shape[3]:
        raise ModelRefused(f"weights {list(weights.shape)} do not fit an input of shape {list(x.shape)}")
    if is_hybrid(op):
        sizes = _sizes(options, x, (height, width), x.shape[3])
        return hybrid_convolution(c, op, sizes, options.FusedActivationFunction())
    kernel = relax.op.reshape(c.bb.normalize(c.real(weights)), (height, width, outputs, 1))
    conv = _convolution(c, options, x, kernel, (height, width), groups=x.shape[3], layout="HWOI")
    return c.result(activated(_biased(c, op, conv), options.FusedActivationFunction()), op.outputs[0])


def _convolution(
    c: Converter,
    options: tflite.Conv2DOptions,
    x: Tensor,
    kernel: relax.Expr,
    window: tuple[int, ...],
    *,
    groups: int,
    layout: str,
) -> relax.Expr:
    sizes = _sizes(options, x, window, groups)
    return relax.op.nn.conv2d(c.real(x), kernel, **sizes, data_layout="NHWC", kernel_layout=layout)


def _sizes(options: tflite.Conv2DOptions, x: Tensor, window: tuple[int, ...], groups: int) -> dict[str, Attribute]:
    """strides, dilation, padding and groups."""
    stride = (options.StrideH(), options.StrideW())
    dilation = (options.DilationHFactor(), options.DilationWFactor())
    size = (window[0], window[1])
    positive(stride_h=stride[0], stride_w=stride[1], dilation_h=dilation[0], dilation_w=dilation[1])
    positive(kernel_height=size[0], kernel_width=size[1])
    padding = padding_2d(options.Padding(), (x.shape[1], x.shape[2]), size, stride, dilation)
    return {"strides": list(stride), "dilation": list(dilation), "padding": padding, "groups": groups}


def _biased(c: Converter, op: Operator, expr: relax.Expr) -> relax.Expr:
    bias = op.inputs[2] if len(op.inputs) > 2 else None
    return expr if bias is None else relax.op.add(expr, c.real(bias))


def convert_transpose_conv(c: Converter, op: Operator) -> relax.Expr:
    """Inputs (output shape, weights [Cout,KH,KW,Cin], x [N,H,W,Cin], bias or none) -> [N,OH,OW,Cout]."""
    options = op.options(tflite.TransposeConvOptions)
    shape, weights, x = [int(v) for v in op.constant(0).ravel()], op.input(1), op.input(2)
    rank(x.name, x.shape, 4)
    rank(weights.name, weights.shape, 4)
    if len(shape) != 4 or x.shape[3] != weights.shape[3] or shape[3] != weights.shape[0] or shape[0] != x.shape[0]:
        raise ModelRefused(f"weights {list(weights.shape)} do not fit {list(x.shape)} and the output {shape}")
    stride, window = (options.StrideH(), options.StrideW()), (weights.shape[1], weights.shape[2])
    positive(stride_h=stride[0], stride_w=stride[1], kernel_height=window[0], kernel_width=window[1])
    top, left, _, _ = padding_2d(options.Padding(), (shape[1], shape[2]), window, stride, (1, 1))
    covered = [(size - 1) * step + taps for size, step, taps in zip(x.shape[1:3], stride, window, strict=True)]
    rest = [size - before - out for size, before, out in zip(covered, (top, left), shape[1:3], strict=True)]
    if any(-more >= step for more, step in zip(rest, stride, strict=True)):
        raise ModelRefused(
            f"its output {shape} is larger than an input of {list(x.shape)} can fill by a stride or more"
        )
    padding = [top, left, *(max(more, 0) for more in rest)]
    if is_hybrid(op):
        sizes: dict[str, Attribute] = {"strides": list(stride), "dilation": [1, 1], "padding": padding, "groups": 1}
        return hybrid_transposed(c, op, sizes, options.FusedActivationFunction())
    expr = relax.op.nn.conv2d_transpose(
        c.real(x), c.real(weights), strides=list(stride), padding=padding,
        output_padding=[max(-more, 0) for more in rest], data_layout="NHWC", kernel_layout="OHWI",
    )  # fmt: skip
    bias = op.inputs[3] if len(op.inputs) > 3 else None
    biased = expr if bias is None else relax.op.add(expr, c.real(bias))
    return c.result(activated(biased, options.FusedActivationFunction()), op.outputs[0])


CONVERTERS = {
    "CONV_2D": convert_conv_2d,
    "DEPTHWISE_CONV_2D": convert_depthwise_conv_2d,
    "TRANSPOSE_CONV": convert_transpose_conv,
}

_CONSTANT = {1: "filter", 2: "bias"}
_FORMATS = (*EIGHT_BITS, "int16", "int4", "float32", "hybrid")
SUPPORT: dict[str, Support] = {
    "CONV_2D": takes(*_FORMATS, limits=(FUSED, SCALE_FOR_EACH), constants=_CONSTANT),
    "DEPTHWISE_CONV_2D": takes(*_FORMATS, limits=(FUSED, SCALE_FOR_EACH), constants=_CONSTANT),
    "TRANSPOSE_CONV": takes(
        *EIGHT_BITS, "int16", "float32", "hybrid", limits=(FUSED, AS_INT8),
        constants={0: "output shape", 1: "filter", 3: "bias"},
    ),
}  # fmt: skip
