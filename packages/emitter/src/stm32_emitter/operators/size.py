# SPDX-License-Identifier: Apache-2.0
"""Schedules for ``--optimize size``: one C function for all layers of a class.

Their loop bounds and strides are read from a constant array, so that layers of different sizes have the same C text,
which is emitted once. They take the runtime's most general micro-kernels, which leaves the special ones out of the
image: patches of more than a pixel are gathered with their clipping, depthwise windows of any kind are lists of taps.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace
from typing import Any

import numpy as np
from numpy.typing import NDArray
from tvm import tirx

from stm32_emitter.operators import conv_2d_d8, depthwise_taps, fully_connected_d8
from stm32_emitter.operators.base import KernelRequest
from stm32_emitter.operators.convolution import Geometry, geometry
from stm32_emitter.operators.convolution_wide import is_wide
from stm32_emitter.operators.d8 import (
    halfword_pairs,
    mixed_bias,
    overlapping_groups,
    position_order,
    shift_word,
    steps_of,
    words,
)
from stm32_emitter.operators.numbers import Numbers
from stm32_emitter.operators.schedule import SIZE_ONLY, Schedule
from stm32_emitter.tir.builder import Kernel, KernelBuilder, address

_CHANNELS = 4
_PIXELS = 2


def size_schedules(request: KernelRequest) -> Sequence[Schedule]:
    """The schedules that are chosen with ``optimize="size"`` only; empty where the layer has none."""
    offer = _OFFERS.get(request.kind)
    return () if offer is None or is_wide(request) else offer(request)


def _convolution(request: KernelRequest) -> Sequence[Schedule]:
    s = geometry(request)
    if s.batch > 1 or s.groups > 1 or s.pixels < _PIXELS or not conv_2d_d8.fits(request):
        return ()
    text = "d8, 4 channels x 2 pixels, one function for all layers, patches clipped"
    steps = steps_of(s.kernel[1] * s.channels) * s.kernel[0]
    cycles = s.pixels * (s.out_channels * (2.4 * steps + 14) + 30 * s.kernel[0] + 4 * steps)
    return (
        Schedule(
            "size", lambda: _convolution_kernel(request, s), text, cycles, 8 * steps, 36 * s.out_channels // 4,
            goals=SIZE_ONLY,
        ),
    )  # fmt: skip


def _convolution_kernel(request: KernelRequest, s: Geometry) -> Kernel:
    """x int8 [1,H,W,Cin] -> y int8 [1,OH,OW,Cout]; scratch: the columns of 2 pixels."""
    row = s.kernel[1] * s.channels
    steps = steps_of(row) * s.kernel[0]
    fields = {
        "last": s.pixels - _PIXELS, "out_width": s.out_width, "row_step": s.stride[0],
        "column_step": s.stride[1], "top": s.padding[0], "left": s.padding[1], "channels": s.out_channels,
        "steps": steps, "depth": s.channels, "zero_point": request.integer("output_zero_point"),
        "low": request.integer("low"), "high": request.integer("high"),
    }  # fmt: skip
    with KernelBuilder("conv_2d", s.pixels * s.out_channels * s.kernel[0] * row) as k:
        x = k.input("x", (request.inputs[0].elements,), "int8")
        records = k.constant("records", _records(request, s))
        patch = None if _pointwise(s) else k.constant("patch", _patch(request, s))
        size = Numbers(k, fields)
        y = k.output("y", (request.output.elements,), "int8")
        columns = k.scratch("columns", 2 * steps, "int32")
        with k.loop("pair", (size["last"] + 3) >> 1) as pair:
            first = tirx.min(pair * _PIXELS, size["last"])
            _gather(k, x, columns, patch, size, first)

            def multiply(record: Any, start: Any, blocks: Any) -> None:
                k.call(
                    "ai_k_conv_d8_s8", address(columns), address(records, record), address(y, start, write=True),
                    size["channels"], size["steps"], blocks, size["zero_point"],
                )  # fmt: skip

            start, blocks = first * size["channels"], size["channels"] >> 2
            multiply(0, start, blocks)
            if s.out_channels % _CHANNELS:
                multiply(blocks * (9 + 2 * size["steps"]), start + size["channels"] - _CHANNELS, 1)
        _clamp(k, request, y, size, size["last"] + _PIXELS)
    return k.kernel()


def _pointwise(s: Geometry) -> bool:
    return s.kernel == (1, 1) and s.stride == (1, 1) and not s.padded


def _gather(
    k: KernelBuilder, x: tirx.Buffer, columns: tirx.Buffer, patch: tirx.Buffer | None, size: Numbers, first: Any
) -> None:
    """The columns of two pixels: neighbours of a pointwise layer (no patch), else any two."""
    if patch is None:
        start, depth = first * size["depth"], size["depth"]
        k.call(
            "ai_k_columns_s8", address(columns, write=True), address(x, start), address(x, start + depth), depth, 1, 0
        )
        return
    with k.loop("pixel", _PIXELS) as pixel:
        at = first + pixel
        oy, ox = tirx.truncdiv(at, size["out_width"]), tirx.truncmod(at, size["out_width"])
        k.call(
            "ai_k_columns_clipped_s8", address(columns, pixel, write=True), _PIXELS, address(x), address(patch),
            oy * size["row_step"] - size["top"], ox * size["column_step"] - size["left"],
        )  # fmt: skip


def _records(request: KernelRequest, s: Geometry) -> NDArray[np.int32]:
    """Records of ai_k_conv_d8.h for patches whose kernel rows are apart."""
    rows, order = conv_2d_d8.rows_of(request), position_order(s.kernel[1] * s.channels, s.kernel[0])
    parts: list[NDArray[np.int32]] = []
    for start in overlapping_groups(s.out_channels, _CHANNELS):
        block = slice(start, start + _CHANNELS)
        parts += [*mixed_bias(rows.bias[block]), halfword_pairs(rows.weights[block], order).T.ravel()]
        parts += [shift_word(rows.right[block] - 1), words(rows.multipliers[block])]
    return np.concatenate(parts)


def _patch(request: KernelRequest, s: Geometry) -> NDArray[np.int32]:
    """What a patch looks like, as ai_k_conv_d8.h lists it."""
    zero_point = request.integer("input_zero_point")
    return np.array([s.height, s.width, s.channels, s.channels, *s.kernel, *s.dilation, zero_point], np.int32)


def _clamp(k: KernelBuilder, request: KernelRequest, y: tirx.Buffer, size: Numbers, pixels: Any) -> None:
    """Bounds of the activation, unless they are those of int8."""
    if request.integer("low") > -128 or request.integer("high") < 127:
        k.call("ai_k_clamp_s8", address(y, write=True), pixels * size["channels"], size["low"], size["high"])


def _depthwise(request: KernelRequest) -> Sequence[Schedule]:
    if request.inputs[0].shape[0] > 1 or not request.target.dsp or not depthwise_taps.fits(request):
        return ()
    usual = depthwise_taps.schedule(request)
    text = "1 pixel x 4 channels, two taps at a time, one function for all layers"
    scratch = usual.scratch + geometry(request).channels
    return (Schedule("size", lambda: _depthwise_kernel(request), text, usual.cycles, scratch, goals=SIZE_ONLY),)


def _depthwise_kernel(request: KernelRequest) -> Kernel:
    """x int8 [1,H,W,C] -> y int8 [1,OH,OW,C*M]; scratch: the list of taps, and a pixel outside of the image."""
    s = geometry(request)
    pairs, zero_point = (s.kernel[0] * s.kernel[1] + 1) // 2, request.integer("input_zero_point")
    fields = {
        "out_height": s.out_height, "out_width": s.out_width, "row_step": s.stride[0], "column_step": s.stride[1],
        "top": s.padding[0], "left": s.padding[1], "channels": s.out_channels, "low": request.integer("low"),
        "high": request.integer("high"), "height": s.height, "width": s.width, "depth": s.channels,
        "rows": s.kernel[0], "columns": s.kernel[1], "row_dilation": s.dilation[0], "column_dilation": s.dilation[1],
        "pairs": pairs, "multiplier": s.out_channels // s.channels, "outside": zero_point,
        "record": -(-s.channels // _CHANNELS) * (9 + 2 * pairs), "zero_point": request.integer("output_zero_point"),
    }  # fmt: skip
    with KernelBuilder("depthwise_conv_2d", s.pixels * s.out_channels * s.kernel[0] * s.kernel[1]) as k:
        x = k.input("x", (request.inputs[0].elements,), "int8")
        records, size = k.constant("records", depthwise_taps.records(request)), Numbers(k, fields)
        y = k.output("y", (request.output.elements,), "int8")
        taps, outside = k.scratch("taps", 2 * pairs, "int32"), k.scratch("outside", s.channels, "int8")
        with k.loop("c", size["depth"]) as c:
            k.store(outside, [c], size["outside"].astype("int8"))
        with k.loop("oy", size["out_height"]) as oy, k.loop("ox", size["out_width"]) as ox:
            names = ("height", "width", "depth", "rows", "columns", "row_dilation", "column_dilation")
            at = (oy * size["row_step"] - size["top"], ox * size["column_step"] - size["left"])
            window = (address(x), *(size[name] for name in names), *at)
            k.call("ai_k_depthwise_taps_s8", address(taps, write=True), address(outside), *window)
            start = (oy * size["out_width"] + ox) * size["channels"]
            with k.loop("m", size["multiplier"]) as m:
                k.call(
                    "ai_k_depthwise_fours_s8", address(taps), address(x), address(records, m * size["record"]),
                    address(y, start + m, write=True), address(outside), size["pairs"], size["depth"],
                    size["multiplier"], size["zero_point"],
                )  # fmt: skip
                k.call("ai_k_reads_window", *window)
                k.call("ai_k_reads_window", address(outside), 1, 1, size["depth"], 1, 1, 1, 1, 0, 0)
        _clamp(k, request, y, size, size["out_height"] * size["out_width"])
    return k.kernel()


_MANY_WEIGHTS = 1024
"""Dense layers with fewer take the general kernel, which is smaller and slower."""


def _dense(request: KernelRequest) -> Sequence[Schedule]:
    found = fully_connected_d8.schedules(request) if request.constant(1).size >= _MANY_WEIGHTS else ()
    return [replace(min(found, key=lambda each: each.cycles), goals=SIZE_ONLY)] if found else ()


_OFFERS: dict[str, Callable[[KernelRequest], Sequence[Schedule]]] = {
    "CONV_2D": _convolution,
    "DEPTHWISE_CONV_2D": _depthwise,
    "FULLY_CONNECTED": _dense,
}
