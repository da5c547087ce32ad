# SPDX-License-Identifier: Apache-2.0
"""CONV_2D (grouped too) and DEPTHWISE_CONV_2D; weights keep TFLite's channel-last order."""

from __future__ import annotations

from typing import TYPE_CHECKING

import tflite
from tvm import relax

from stm32_emitter.errors import ModelRefused
from stm32_emitter.frontends.support import NO_KERNEL
from stm32_emitter.frontends.tflite.converters.common import FUSED, activated, padding_2d, positive, rank
from stm32_emitter.frontends.tflite.support import EIGHT_BITS, Support, takes

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
    conv = _convolution(
        c, options, x, c.real(weights), weights.shape[1:3], groups=channels // group_channels, layout="OHWI"
    )
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
    stride = (options.StrideH(), options.StrideW())
    dilation = (options.DilationHFactor(), options.DilationWFactor())
    size = (window[0], window[1])
    positive(stride_h=stride[0], stride_w=stride[1], dilation_h=dilation[0], dilation_w=dilation[1])
    positive(kernel_height=size[0], kernel_width=size[1])
    return relax.op.nn.conv2d(
        c.real(x), kernel, strides=list(stride), dilation=list(dilation), groups=groups,
        padding=padding_2d(options.Padding(), (x.shape[1], x.shape[2]), size, stride, dilation),
        data_layout="NHWC", kernel_layout=layout,
    )  # fmt: skip


def _biased(c: Converter, op: Operator, expr: relax.Expr) -> relax.Expr:
    bias = op.inputs[2] if len(op.inputs) > 2 else None
    return expr if bias is None else relax.op.add(expr, c.real(bias))


CONVERTERS = {"CONV_2D": convert_conv_2d, "DEPTHWISE_CONV_2D": convert_depthwise_conv_2d}

_CONSTANT = {1: "filter", 2: "bias"}
_NARROW = dict.fromkeys(("hybrid", "int4"), NO_KERNEL)
_FORMATS = (*EIGHT_BITS, "int16", "float32")
SUPPORT: dict[str, Support] = {
    "CONV_2D": takes(*_FORMATS, limits=(FUSED,), constants=_CONSTANT, refused=_NARROW),
    "DEPTHWISE_CONV_2D": takes(*_FORMATS, limits=(FUSED,), constants=_CONSTANT, refused=_NARROW),
}
