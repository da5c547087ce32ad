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

from stm32_emitter.operators import conv_2d_blocks, conv_2d_d8, depthwise_taps, fully_connected_d8
from stm32_emitter.operators.base import KernelRequest
from stm32_emitter.operators.conv_2d_records import Rows, fours, linear_of, rows_of
from stm32_emitter.operators.convolution import Geometry, geometry
from stm32_emitter.operators.convolution_wide import is_wide
from stm32_emitter.operators.d8 import overlapping_groups, position_order, steps_of
from stm32_emitter.operators.d8_scaling import Linear
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
    steps, rows = steps_of(row) * s.kernel[0], rows_of(request)
    linear = linear_of(request, rows)
    with KernelBuilder("conv_2d", s.pixels * s.out_channels * s.kernel[0] * row) as k:
        x = k.input("x", (request.inputs[0].elements,), "int8")
        records = k.constant("records", _records(s, rows, linear))
        patch = None if _pointwise(s) else k.constant("patch", _patch(request, s))
        size = Numbers(k, _convolution_fields(request, s, row, steps))
        y = k.output("y", (request.output.elements,), "int8")
        columns = k.scratch("columns", 2 * steps, "int32")
        with k.loop("pair", (size["last"] + 3) >> 1) as pair:
            first = tirx.min(pair * _PIXELS, size["last"])
            _gather(k, x, columns, patch, size, first, conv_2d_blocks.function_of_patches(s))
            start, blocks = first * size["channels"], size["channels"] >> 2
            # A last block of channels that overlaps its neighbour is a part of its own.
            with k.loop("part", ((size["channels"] + 3) >> 2) - blocks + 1) as part:
                k.call(
                    conv_2d_blocks.function_of_pairs(request, linear), address(columns),
                    address(records, part * blocks * (9 + 2 * size["steps"])),
                    address(y, start + part * (size["channels"] - _CHANNELS), write=True), size["channels"],
                    size["steps"], blocks + part * (1 - blocks), size["zero_point"],
                )  # fmt: skip
        _clamp(k, request, y, size, size["last"] + _PIXELS)
    return k.kernel()


def _convolution_fields(request: KernelRequest, s: Geometry, row: int, steps: int) -> dict[str, int]:
    """What the function reads of a layer; row: values of a kernel row."""
    fields = {
        "last": s.pixels - _PIXELS, "channels": s.out_channels, "steps": steps, "depth": s.channels,
        "zero_point": request.integer("output_zero_point"), **_bounds(request),
    }  # fmt: skip
    return fields if _pointwise(s) else fields | _window_fields(s, row)


def _window_fields(s: Geometry, row: int) -> dict[str, int]:
    """Where windows start, and up to where (``last_top``, ``last_left``) those of two neighbours lie inside."""
    down, right = (s.kernel[axis] * s.dilation[axis] - s.dilation[axis] for axis in (0, 1))
    # Rows of taps that are apart are never gathered whole.
    last_top = -1 if s.dilation[1] > 1 else s.height - 1 - down
    return {
        "out_width": s.out_width, "row_step": s.stride[0], "column_step": s.stride[1], "top": s.padding[0],
        "left": s.padding[1], "row": row, "rows": s.kernel[0], "width": s.width,
        "pitch": s.dilation[0] * s.width * s.channels, "last_top": last_top,
        "last_left": s.width - 1 - right - s.stride[1],
    }  # fmt: skip


def _inside(s: Geometry) -> dict[str, int]:
    """First and last row and column of output pixels whose windows lie wholly inside the input."""
    found = {}
    for axis, (first, last) in enumerate((("first_row", "last_row"), ("first_column", "last_column"))):
        reach, step, before = (s.kernel[axis] - 1) * s.dilation[axis], s.stride[axis], s.padding[axis]
        length = (s.height, s.width)[axis]
        found[first], found[last] = -(-before // step), (length - 1 - reach + before) // step
    return found


def _pointwise(s: Geometry) -> bool:
    return s.kernel == (1, 1) and s.stride == (1, 1) and not s.padded


def _gather(
    k: KernelBuilder, x: tirx.Buffer, columns: tirx.Buffer, patch: tirx.Buffer | None, size: Numbers, first: Any,
    clipped: str,
) -> None:  # fmt: skip
    """The columns of two pixels: neighbours of a pointwise layer (no patch), else any two; clipped: at the border."""
    if patch is None:
        start, depth = first * size["depth"], size["depth"]
        k.call(
            "ai_k_columns_s8", address(columns, write=True), address(x, start), address(x, start + depth), depth, 1, 0
        )
        return
    row, column = tirx.truncdiv(first, size["out_width"]), tirx.truncmod(first, size["out_width"])
    top, left = row * size["row_step"] - size["top"], column * size["column_step"] - size["left"]
    inside = [top >= 0, top <= size["last_top"], left >= 0, left <= size["last_left"]]
    with k.choose(tirx.all(*inside)) as (both, any_):
        with both:
            start = (top * size["width"] + left) * size["depth"]
            k.call(
                "ai_k_columns_s8", address(columns, write=True), address(x, start),
                address(x, start + size["column_step"] * size["depth"]), size["row"], size["rows"], size["pitch"],
            )  # fmt: skip
        with any_, k.loop("pixel", _PIXELS) as pixel:
            at = first + pixel
            oy, ox = tirx.truncdiv(at, size["out_width"]), tirx.truncmod(at, size["out_width"])
            k.call(
                clipped, address(columns, pixel, write=True), _PIXELS, address(x), address(patch),
                oy * size["row_step"] - size["top"], ox * size["column_step"] - size["left"],
            )  # fmt: skip


def _records(s: Geometry, rows: Rows, linear: Linear | None) -> NDArray[np.int32]:
    """Records of ai_k_conv_d8.h for patches whose kernel rows are apart."""
    order = position_order(s.kernel[1] * s.channels, s.kernel[0])
    blocks = [slice(start, start + _CHANNELS) for start in overlapping_groups(s.out_channels, _CHANNELS)]
    return np.concatenate(fours(rows, linear, blocks, order))


def _patch(request: KernelRequest, s: Geometry) -> NDArray[np.int32]:
    """What a patch looks like, as ai_k_conv_d8.h lists it."""
    zero_point = request.integer("input_zero_point")
    return np.array([s.height, s.width, s.channels, s.channels, *s.kernel, *s.dilation, zero_point], np.int32)


def _bounds(request: KernelRequest) -> dict[str, int]:
    """Bounds of the activation, unless they are those of int8."""
    low, high = request.integer("low"), request.integer("high")
    return {"low": low, "high": high} if low > -128 or high < 127 else {}


def _clamp(k: KernelBuilder, request: KernelRequest, y: tirx.Buffer, size: Numbers, pixels: Any) -> None:
    if _bounds(request):
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
        "top": s.padding[0], "left": s.padding[1], "channels": s.out_channels,
        "height": s.height, "width": s.width, "depth": s.channels,
        "rows": s.kernel[0], "columns": s.kernel[1], "row_dilation": s.dilation[0], "column_dilation": s.dilation[1],
        "pairs": pairs, "multiplier": s.out_channels // s.channels, "outside": zero_point,
        "record": -(-s.channels // _CHANNELS) * (9 + 2 * pairs), "zero_point": request.integer("output_zero_point"),
        **_inside(s), **_bounds(request),
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
            # Between windows that are inside, the list of taps only moves.
            moves = tirx.all(oy >= size["first_row"], oy <= size["last_row"],
                             ox > size["first_column"], ox <= size["last_column"]).astype("int32")  # fmt: skip
            with k.when(moves == 0):
                k.call("ai_k_depthwise_taps_s8", address(taps, write=True), address(outside), *window)
            start_x = moves * (ox - size["first_column"]) * size["column_step"] * size["depth"]
            start = (oy * size["out_width"] + ox) * size["channels"]
            with k.loop("m", size["multiplier"]) as m:
                k.call(
                    "ai_k_depthwise_fours_s8", address(taps), address(x, start_x), address(records, m * size["record"]),
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
