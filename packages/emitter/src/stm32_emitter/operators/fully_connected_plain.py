# SPDX-License-Identifier: Apache-2.0
"""The schedule of FULLY_CONNECTED for ai_k_plain.h, for cores without the DSP extension: 4 rows at a time."""

from __future__ import annotations

import numpy as np

from stm32_emitter.operators.base import KernelRequest
from stm32_emitter.operators.nearest import is_nearest, scale_words
from stm32_emitter.operators.packing import folded_bias
from stm32_emitter.operators.schedule import Schedule
from stm32_emitter.tir.builder import Kernel, KernelBuilder, address

_MAC, _ROW = 3.6, 45.0
"""Cortex-M3 cycles of a multiply-accumulate, and of a row around them."""


def schedules(request: KernelRequest) -> list[Schedule]:
    """The schedule, on cores without DSP; elsewhere it is the only one for any layer that is rounded once."""
    nearest = is_nearest(request)
    if request.target.dsp and not nearest:
        return []
    rows, depth = request.constant(1).shape
    batch = request.inputs[0].elements // depth
    cycles = batch * rows * (depth * _MAC + _ROW)
    text = "4 rows, C, weights as they are" + (", scaled in float32" if nearest else "")
    return [Schedule("c-4x1", lambda: kernel(request), text, cycles, constants=rows * (depth + 12), code=500)]


def kernel(request: KernelRequest) -> Kernel:
    """x int8 [B,K] -> y int8 [B,N]."""
    weights, bias = request.constant(1), request.constant(2)
    rows, depth = weights.shape
    batch = request.inputs[0].elements // depth
    folded = folded_bias(bias, weights, request.integer("input_zero_point"))
    scales = [np.broadcast_to(values, (rows,)) for values in scale_words(request)]
    function = "ai_k_dense_nearest_s8" if is_nearest(request) else "ai_k_dense_plain_s8"
    with KernelBuilder("fully_connected", batch * rows * depth) as k:
        x = k.input("x", (batch * depth,), "int8")
        w = k.constant("weights", weights.ravel())
        channels = k.constant("channels", np.stack([folded, *scales], axis=1).ravel())
        y = k.output("y", (batch * rows,), "int8")
        with k.loop("n", batch) as n:
            k.call(
                function, address(x, n * depth), address(w), address(channels),
                address(y, n * rows, write=True), depth, rows,
                request.integer("output_zero_point"), request.integer("low"), request.integer("high"),
            )  # fmt: skip
    return k.kernel()
