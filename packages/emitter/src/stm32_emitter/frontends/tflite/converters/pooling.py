# SPDX-License-Identifier: Apache-2.0
"""AVERAGE_POOL_2D, MAX_POOL_2D, MEAN."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any

import numpy as np
import tflite
from tvm import relax

from stm32_emitter.errors import ModelRefused
from stm32_emitter.frontends.tflite.converters.common import FUSED, activated, padding_2d, positive, rank
from stm32_emitter.frontends.tflite.support import EIGHT_BITS, WHOLE, Support, takes

if TYPE_CHECKING:
    from stm32_emitter.frontends.tflite.importer import Converter
    from stm32_emitter.frontends.tflite.reader import Operator, Tensor


def _pool(c: Converter, op: Operator, *, average: bool) -> relax.Expr:
    """x [N,H,W,C] -> [N,OH,OW,C]."""
    x = c.real(op.input(0))
    expr = pooled_average(op, x) if average else relax.op.nn.max_pool2d(x, **_window(op))
    return c.result(activated(expr, op.options(tflite.Pool2DOptions).FusedActivationFunction()), op.outputs[0])


def pooled_average(op: Operator, x: relax.Expr) -> relax.Expr:
    """The mean of ``x`` over each window of ``op``; only elements inside the input count."""
    return relax.op.nn.avg_pool2d(x, count_include_pad=False, **_window(op))


def _window(op: Operator) -> dict[str, Any]:
    """Window, strides and padding in Relax's terms."""
    options = op.options(tflite.Pool2DOptions)
    x = op.input(0)
    rank(x.name, x.shape, 4)
    window = (options.FilterHeight(), options.FilterWidth())
    stride = (options.StrideH(), options.StrideW())
    positive(filter_height=window[0], filter_width=window[1], stride_h=stride[0], stride_w=stride[1])
    padding = padding_2d(options.Padding(), (x.shape[1], x.shape[2]), window, stride, (1, 1))
    return {"pool_size": list(window), "strides": list(stride), "padding": padding, "layout": "NHWC"}


def convert_average_pool_2d(c: Converter, op: Operator) -> relax.Expr:
    """Average over each window."""
    return _pool(c, op, average=True)


def convert_max_pool_2d(c: Converter, op: Operator) -> relax.Expr:
    """Maximum over each window."""
    return _pool(c, op, average=False)


def convert_mean(c: Converter, op: Operator) -> relax.Expr:
    """Mean over constant axes, which may be negative or repeat."""
    options = op.options(tflite.ReducerOptions)
    x = op.input(0)
    axes = [int(a) for a in np.atleast_1d(op.constant(1)).ravel()]
    if any(not -len(x.shape) <= a < len(x.shape) for a in axes):
        raise ModelRefused(f"it reduces the axes {axes} of a tensor of shape {list(x.shape)}")
    unique = sorted({a % len(x.shape) for a in axes})
    if x.quantization is None and x.dtype in ("int32", "int64"):
        return _whole_mean(c, x, unique, bool(options.KeepDims()))
    return c.result(relax.op.mean(c.real(x), unique, keepdims=bool(options.KeepDims())), op.outputs[0])


def _whole_mean(c: Converter, x: Tensor, axes: list[int], keep: bool) -> relax.Expr:
    """Of integers: the sum in 64 bits, divided as C divides, in the type of x."""
    wide = c.bb.normalize(relax.op.astype(c.raw(x), "int64"))
    total = c.bb.normalize(relax.op.sum(wide, axes, keepdims=keep))
    count = relax.const(np.array(math.prod(x.shape[axis] for axis in axes), np.int64), "int64")
    return relax.op.astype(c.bb.normalize(relax.op.divide(total, count)), x.dtype)


CONVERTERS = {
    "AVERAGE_POOL_2D": convert_average_pool_2d,
    "MAX_POOL_2D": convert_max_pool_2d,
    "MEAN": convert_mean,
}

SUPPORT: dict[str, Support] = {
    "AVERAGE_POOL_2D": takes(*EIGHT_BITS, "int16", "float32", limits=(FUSED,)),
    "MAX_POOL_2D": takes(*EIGHT_BITS, "int16", "float32", limits=(FUSED,)),
    "MEAN": takes(*EIGHT_BITS, "int16", "float32", *WHOLE, constants={1: "axes"}),
}
