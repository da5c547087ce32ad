# SPDX-License-Identifier: Apache-2.0
"""Conv over two axes, with groups and dilation; a BatchNormalization behind it becomes part of its weights."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray
from tvm import relax

from stm32_emitter.errors import ModelRefused
from stm32_emitter.frontends.graph.converters.common import bias_constant, constant_weights, image, window_of
from stm32_emitter.frontends.graph.converters.normalization import batch_normalization
from stm32_emitter.frontends.graph.emission import Emission
from stm32_emitter.frontends.graph.records import GraphNode
from stm32_emitter.frontends.graph.values import Known, Value, channels_last


def convert_conv(c: Emission, node: GraphNode) -> Value:
    """x [N,Cin,H,W], weights [Cout,Cin/groups,KH,KW], bias [Cout] -> [N,Cout,OH,OW], stored NHWC."""
    x, weights = image(c.operand(0)), constant_weights(c.operand(1))
    if len(weights.shape) != 4:
        raise ModelRefused(f"its weights have the shape {list(weights.shape)}, [Cout,Cin/groups,KH,KW] is needed")
    outputs, depth, height, width = weights.shape
    groups = int(node.attributes.get("group", 1))
    if depth * groups != x.shape[1] or outputs % groups:
        raise ModelRefused(f"weights {list(weights.shape)} do not fit an input of shape {list(x.shape)}")
    window = window_of(node, (x.shape[2], x.shape[3]), (height, width))
    kernel, bias = _parameters(c, x, weights, c.constant(2))
    expr = relax.op.nn.conv2d(
        c.real(x, channels_last(4)), kernel, strides=list(window.stride), dilation=list(window.dilation),
        padding=list(window.padding), groups=groups, data_layout="NHWC", kernel_layout="OHWI",
    )  # fmt: skip
    if bias is not None:
        expr = relax.op.add(c.normalized(expr), bias_constant(c, bias))
    return c.emit(expr, channels_last(4))


def _parameters(
    c: Emission, x: Value, weights: Known, bias: NDArray[Any] | None
) -> tuple[relax.Expr, NDArray[Any] | None]:
    """(weights [Cout,KH,KW,Cin/groups], bias of real numbers or None)."""
    order = (0, 2, 3, 1)
    if not c.group.quantized:
        real = weights.real().astype(np.float64)
        if len(c.group.nodes) > 1 and c.group.nodes[1].kind == "BatchNormalization":
            factor, offset = batch_normalization(c, c.group.nodes[1])
            real = real * factor.reshape(-1, 1, 1, 1)
            bias = offset + (0 if bias is None else bias.astype(np.float64) * factor)
        plain = np.ascontiguousarray(real.astype(np.float32).transpose(order))
        return relax.const(plain, "float32"), bias
    if weights.quant is None or x.quant is None or not (weights.quant.per_tensor or weights.quant.axis == 0):
        raise ModelRefused(
            "its weights are not quantized per tensor or per output channel",
            hint="Quantize the weights to int8, or leave the whole operator in float32.",
        )
    c.accumulator_scale = x.quant.scale[0].astype(np.float64) * weights.quant.scale.astype(np.float64)
    raw = np.ascontiguousarray(weights.array.transpose(order))
    return c.dequantize(relax.const(raw, str(raw.dtype)), weights.quant), bias


CONVERTERS = {"Conv": convert_conv}
