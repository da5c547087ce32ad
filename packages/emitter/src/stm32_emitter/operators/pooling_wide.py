# SPDX-License-Identifier: Apache-2.0
"""Pooling of int16, and averages that round as those of uint8 do: one result at a time."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from tvm import tirx

from stm32_emitter.operators.base import KernelRequest
from stm32_emitter.operators.pooling import clipped
from stm32_emitter.tir.builder import Kernel, KernelBuilder, expression

_LEAST = -(2**15)

Reduction = tuple[int, Callable[[Any, Any], Any], Callable[[Any, Any], Any]]
"""(first value, combine(total, value), finish(total, number of values)), all int32."""


def averaged(request: KernelRequest) -> Reduction:
    """The average; halves away from zero, or upwards for uint8 that is kept as int8."""

    def finish(total: Any, count: Any) -> Any:
        half = tirx.truncdiv(count, tirx.const(2, "int32"))
        if "unsigned" in request.attributes:
            return tirx.floordiv(total + half, count)
        return tirx.truncdiv(tirx.if_then_else(total > 0, total + half, total - half), count)

    return 0, lambda total, value: total + value, finish


def greatest(request: KernelRequest) -> Reduction:  # noqa: ARG001
    """The maximum."""
    return _LEAST, tirx.max, lambda total, _count: total


def reduced_kernel(request: KernelRequest, name: str, reduction: Callable[[KernelRequest], Reduction]) -> Kernel:
    """x [N,H,W,C] -> y [N,OH,OW,C], int8 or int16: ``reduction`` over each window, clipped to the image."""
    first, combine, finish = reduction(request)
    batch, height, width, channels = request.inputs[0].shape
    _, out_height, out_width, _ = request.output.shape
    window, stride, padding = (request.integers(key) for key in ("window", "strides", "padding"))
    dtype = request.output.dtype
    with KernelBuilder(name) as k:
        x = k.input("x", (request.inputs[0].elements,), dtype)
        y = k.output("y", (request.output.elements,), dtype)
        total = k.local("total", "int32")
        with (
            k.loop("n", batch) as n,
            k.loop("v", out_height) as v,
            k.loop("u", out_width) as u,
            k.loop("c", channels) as c,
        ):
            top, rows = clipped(v, height, out_height, window[0], stride[0], padding[0])
            left, columns = clipped(u, width, out_width, window[1], stride[1], padding[1])
            k.store(total, [0], tirx.const(first, "int32"))
            with k.loop("i", rows) as i, k.loop("j", columns) as j:
                at = ((n * height + top + i) * width + left + j) * channels + c
                k.store(total, [0], combine(total[0], x[at].astype("int32")))
            value = finish(total[0], rows * columns)
            limited = expression("ai_k_clamp", value, request.integer("low"), request.integer("high"))
            k.store(y, [((n * out_height + v) * out_width + u) * channels + c], limited.astype(dtype))
    return k.kernel()
