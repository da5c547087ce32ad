# SPDX-License-Identifier: Apache-2.0
"""MaxPool, AveragePool, GlobalAveragePool, GlobalMaxPool, ReduceMean."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
from tvm import relax

from stm32_emitter.errors import ModelRefused
from stm32_emitter.frontends.graph.converters.common import Window, image, window_of
from stm32_emitter.frontends.graph.emission import Emission, constants
from stm32_emitter.frontends.graph.records import GraphNode
from stm32_emitter.frontends.graph.values import Known, Value, channels_last


def _window(node: GraphNode, x: Value) -> Window:
    kernel = tuple(int(k) for k in node.attributes["kernel_shape"])
    if len(kernel) != 2:
        raise ModelRefused(f"its window is {list(kernel)}; only windows over two axes are supported")
    window = window_of(node, (x.shape[2], x.shape[3]), (kernel[0], kernel[1]))
    if window.dilation != (1, 1):
        raise ModelRefused("its window has holes (dilations)", hint="Use a pool without dilation.")
    return window


def convert_max_pool(c: Emission, node: GraphNode) -> Value:
    """x [N,C,H,W] -> [N,C,OH,OW]; quantized numbers keep their quantization."""
    x = image(c.operand(0))
    if len(node.outputs) > 1 and node.outputs[1] and c.graph.uses[node.outputs[1]]:
        raise ModelRefused("it gives the places of the maxima, too")
    return _maximum(c, x, _window(node, x))


def convert_global_max_pool(c: Emission, node: GraphNode) -> Value:  # noqa: ARG001
    """x [N,C,H,W] -> [N,C,1,1]."""
    x = image(c.operand(0))
    return _maximum(c, x, Window((x.shape[2], x.shape[3]), (1, 1), (1, 1), (0, 0, 0, 0)))


def _maximum(c: Emission, x: Value, window: Window) -> Value:
    perm, quant = channels_last(4), x.quant
    real = c.stored(x, perm) if quant is None else c.dequantize(c.stored(x, perm), quant)
    expr = relax.op.nn.max_pool2d(
        real, pool_size=list(window.kernel), strides=list(window.stride), padding=list(window.padding), layout="NHWC"
    )
    if quant is not None:
        expr = relax.op.quantize(c.normalized(expr), *constants(quant), axis=0, out_dtype=x.stored_dtype)
    return replace(c.emit(expr, perm, x.dtype), quant=quant, made=x.made, source=c.node.outputs[0])


def convert_average_pool(c: Emission, node: GraphNode) -> Value:
    """x [N,C,H,W] -> [N,C,OH,OW]; integers where input and output share a quantization, else float32."""
    x = image(c.operand(0))
    window = _window(node, x)
    if window.kernel == (x.shape[2], x.shape[3]) and not any(window.padding) and not c.group_activated:
        return _mean(c, x, [2, 3], keep=True)
    if c.group.quantized and (x.quant is None or not x.quant.same(c.quantization_of_result())):
        c.demote()
    counted = bool(node.attributes.get("count_include_pad", 0)) and any(window.padding)
    if counted and node.attributes.get("ceil_mode", 0):
        raise ModelRefused("it counts the padding and rounds its size up", hint="Use count_include_pad=0.")
    real = _bordered(c, x, window) if counted else c.real(x, channels_last(4))
    expr = relax.op.nn.avg_pool2d(
        real, pool_size=list(window.kernel), strides=list(window.stride),
        padding=[0, 0, 0, 0] if counted else list(window.padding), layout="NHWC", count_include_pad=False,
    )  # fmt: skip
    return c.emit(expr, channels_last(4))


def _bordered(c: Emission, x: Value, window: Window) -> relax.Expr:
    """The real numbers of ``x``, channels last, with a border of zeros as wide as the window's padding."""
    perm = channels_last(4)
    top, left, bottom, right = window.padding
    quant = x.quant if c.group.quantized else None
    plain = c.real(x, perm) if quant is None else c.stored(x, perm)
    fill = 0.0 if quant is None else float(quant.zero_point[0])
    padded = c.step(relax.op.nn.pad(plain, [0, 0, top, bottom, left, right, 0, 0], "constant", fill))
    return padded if quant is None else c.dequantize(padded, quant)


def convert_global_average_pool(c: Emission, node: GraphNode) -> Value:  # noqa: ARG001
    """x [N,C,...] -> [N,C,1,...]."""
    x = c.operand(0)
    if isinstance(x, Known):
        raise ModelRefused("it averages a constant")
    return _mean(c, x, list(range(2, len(x.shape))), keep=True)


def convert_reduce_mean(c: Emission, node: GraphNode) -> Value:
    """The mean over constant axes, from an attribute (opset < 18) or an input."""
    x = c.operand(0)
    if isinstance(x, Known):
        raise ModelRefused("it averages a constant")
    given = c.constant(1) if node.given(1) else node.attributes.get("axes")
    axes = [] if given is None else [int(axis) % len(x.shape) for axis in np.atleast_1d(given).ravel()]
    if not axes and node.attributes.get("noop_with_empty_axes", 0):
        return x
    return _mean(c, x, axes or list(range(len(x.shape))), keep=bool(node.attributes.get("keepdims", 1)))


def _mean(c: Emission, x: Value, axes: list[int], *, keep: bool) -> Value:
    rank = len(x.shape)
    perm = channels_last(rank) if x.reshaped is not None and rank > 2 else x.perm
    stored = sorted(perm.index(axis) for axis in axes)
    expr = relax.op.mean(c.real(x, perm), stored, keepdims=keep)
    if keep:
        return c.emit(expr, perm)
    left = [axis for axis in range(rank) if axis not in axes]
    return c.emit(expr, tuple(left.index(axis) for axis in perm if axis in left))


CONVERTERS = {
    "MaxPool": convert_max_pool,
    "GlobalMaxPool": convert_global_max_pool,
    "AveragePool": convert_average_pool,
    "GlobalAveragePool": convert_global_average_pool,
    "ReduceMean": convert_reduce_mean,
}
