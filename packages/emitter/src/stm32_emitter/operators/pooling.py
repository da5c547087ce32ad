# SPDX-License-Identifier: Apache-2.0
"""What AVERAGE_POOL_2D and MAX_POOL_2D share: recognition and the loops over windows, clipped to the image."""

from __future__ import annotations

from typing import Any

from tvm import relax, tirx

from stm32_emitter.errors import ModelRefused
from stm32_emitter.operators.base import Attribute, Fused, KernelRequest
from stm32_emitter.operators.fixed_point import activation_range
from stm32_emitter.operators.scope import Dequantized, Quantized, Scope, dtype_of, integers, shape_of
from stm32_emitter.tir.builder import Kernel, KernelBuilder, address

POOLED = ("int8", "int16")
"""Element types of these operators."""
_SAME_SCALE = 1e-6
"""Scales of input and output may differ by this much; the reference interpreter allows it and ignores it."""


def match_pool(scope: Scope, root: relax.Call, kind: str, operator: str) -> Fused | None:
    """quantize(act(pool(dequantize(x)))) of int8 or int16, NHWC, with one quantization for input and output."""
    result = scope.quantized(root)
    if result is None or result.dtype not in POOLED:
        return None
    call = scope.call(result.value, operator)
    x = None if call is None else scope.dequantized(call.args[0])
    if call is None or x is None or x.dtype != result.dtype or not supported(call):
        return None
    _check_quantization(x, result)
    low, high = activation_range(result.dtype, result.scale, result.zero_point, result.low, result.high)
    return fused_pool(kind, call, x.value, low, high, unsigned=scope.unsigned(root))


def _check_quantization(x: Dequantized, result: Quantized) -> None:
    near = abs(float(x.scale[0]) - result.scale) <= _SAME_SCALE
    if not near or int(x.zero_point[0]) != result.zero_point:
        raise ModelRefused("its input and output have different scales or zero points")


def supported(call: relax.Call) -> bool:
    """NHWC, windows without holes, none wholly outside the image, and averages that leave the border out."""
    attrs = call.attrs
    if str(attrs.layout) != "NHWC" or str(attrs.out_layout) != "NHWC" or set(integers(attrs.dilation)) != {1}:
        return False
    padding, window, stride = integers(attrs.padding), integers(attrs.pool_size), integers(attrs.strides)
    sizes, outputs = shape_of(call.args[0])[1:3], shape_of(call)[1:3]
    for axis in (0, 1):
        last = (outputs[axis] - 1) * stride[axis] - padding[axis]
        if padding[axis] >= window[axis] or last >= sizes[axis]:
            return False
    return not (bool(attrs.count_include_pad) and any(padding))


def fused_pool(kind: str, call: relax.Call, x: relax.Expr, low: int, high: int, *, unsigned: bool = False) -> Fused:
    """The fused operator; ``low`` and ``high`` bound the result; ``unsigned``: it is uint8 in the original model."""
    attrs = call.attrs
    attributes: dict[str, Attribute] = {
        "window": integers(attrs.pool_size),
        "strides": integers(attrs.strides),
        "padding": integers(attrs.padding),
        "low": low,
        "high": high,
    }
    if unsigned:
        attributes["unsigned"] = 1
    return Fused(kind, (x,), shape_of(call), dtype_of(x), attributes)


def pool_kernel(request: KernelRequest, name: str, function: str) -> Kernel:
    """x int8 [N,H,W,C] -> y int8 [N,OH,OW,C]; ``function`` (ai_k_pool.h) computes all channels of one pixel."""
    batch, height, width, channels = request.inputs[0].shape
    _, out_height, out_width, _ = request.output.shape
    window, stride, padding = (request.integers(key) for key in ("window", "strides", "padding"))
    with KernelBuilder(name) as k:
        x = k.input("x", (request.inputs[0].elements,), "int8")
        y = k.output("y", (request.output.elements,), "int8")
        with k.loop("n", batch) as n, k.loop("v", out_height) as v, k.loop("u", out_width) as u:
            top, rows = clipped(v, height, out_height, window[0], stride[0], padding[0])
            left, columns = clipped(u, width, out_width, window[1], stride[1], padding[1])
            k.call(
                function, address(x, ((n * height + top) * width + left) * channels),
                address(y, ((n * out_height + v) * out_width + u) * channels, write=True),
                rows, columns, width * channels, channels, request.integer("low"), request.integer("high"),
            )  # fmt: skip
    return k.kernel()


def clipped(index: Any, size: int, outputs: int, window: int, stride: int, padding: int) -> tuple[Any, Any]:
    """(first element, number of elements) of window ``index`` along one axis."""
    start = index * stride - padding
    beyond = (outputs - 1) * stride - padding + window > size
    if not padding and not beyond:
        return start, window
    first = tirx.max(start, 0) if padding else start
    stop = tirx.min(start + window, size) if beyond else start + window
    return first, stop - first
