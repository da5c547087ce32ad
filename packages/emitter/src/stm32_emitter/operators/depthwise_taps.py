# SPDX-License-Identifier: Apache-2.0
"""DEPTHWISE_CONV_2D with windows of any kind, four channels of a pixel at a time (ai_k_depthwise_fours_s8).

Weights are int8, or of 9 bits (uint8 minus their zero point; ai_k_depthwise_halves_s8). A list says where the pixel of
each tap of the window is: made once where no window reaches outside of the image, else for each output pixel.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray
from tvm import tirx

from stm32_emitter.operators.base import KernelRequest
from stm32_emitter.operators.convolution import Geometry, geometry
from stm32_emitter.operators.d8 import overlapping_groups, shift_word, words
from stm32_emitter.operators.depthwise_scaling import clamp, short_scaling
from stm32_emitter.operators.packing import folded_bias
from stm32_emitter.operators.schedule import Schedule
from stm32_emitter.tir.builder import Kernel, KernelBuilder, address

_CHANNELS = 4


def fits(request: KernelRequest) -> bool:
    """Whether there are four channels and the short requantization is exact."""
    return geometry(request).channels >= _CHANNELS and short_scaling(request) is not None


def schedule(request: KernelRequest) -> Schedule:
    """The schedule of a layer that :func:`fits`."""
    sizes, pairs = geometry(request), _pairs(geometry(request))
    outputs, wide = sizes.batch * sizes.pixels * sizes.out_channels, _is_wide(request)
    lists = sizes.batch * sizes.pixels if sizes.padded else 1
    return Schedule(
        "taps-wide" if wide else "taps",
        lambda: kernel(request),
        "1 pixel x 4 channels, two taps at a time from NHWC" + (", weights of 16 bits" if wide else ""),
        cycles=outputs * ((24.0 + 7.0 * pairs) if wide else (16.0 + 6.25 * pairs)) + lists * 30.0 * pairs,
        scratch=8 * pairs + (sizes.channels if sizes.padded else 0),
        constants=sizes.out_channels * _record_words(request),
        code=_CODE,
    )


_CODE = 550
"""Bytes of the micro-kernels on a Cortex-M4."""


def records(request: KernelRequest) -> NDArray[np.int32]:
    """int32 [M, groups of 4 channels, 9 + 2 or 4 * pairs] as ai_k_depthwise.h describes; see :func:`fits`."""
    sizes, scaling = geometry(request), short_scaling(request)
    if scaling is None:
        raise ValueError("the layer has no short requantization")
    bias, depth = request.constant(2), sizes.out_channels // sizes.channels
    matrix = request.constant(1).reshape(len(bias), -1)
    folded = folded_bias(bias, matrix, request.integer("input_zero_point"))
    even = np.zeros((len(bias), 2 * _pairs(sizes)), matrix.dtype)
    even[:, : matrix.shape[1]] = matrix
    starts = overlapping_groups(sizes.channels, _CHANNELS)
    found = []
    for m in range(depth):
        for start in starts:
            channels = (start + np.arange(_CHANNELS)) * depth + m
            found.append(_record(folded[channels], even[channels], scaling[0][channels], -1 - scaling[1][channels]))
    return np.concatenate(found)


def _record(
    bias: NDArray[np.int32], weights: NDArray[Any], multipliers: NDArray[np.int32], shifts: NDArray[np.int8]
) -> NDArray[np.int32]:
    """One record of 4 channels; weights int8 or int16 [4, 2 * pairs]."""
    halves: NDArray[Any] = weights.reshape(4, -1, 2).transpose(1, 0, 2)  # [pair, channel, tap of the pair]
    if weights.dtype == np.int8:
        halves = weights.reshape(2, 2, -1, 2).transpose(2, 0, 3, 1)  # [pair, channels / 2, tap, channel % 2]
    packed = np.ascontiguousarray(halves).reshape(-1).view(np.int32)
    return np.concatenate([bias, packed, shift_word(shifts.astype(np.int64)), words(multipliers.astype(np.int64))])


def kernel(request: KernelRequest) -> Kernel:
    """x int8 [N,H,W,C] -> y int8 [N,OH,OW,C*M]; scratch: the list, and a pixel outside of the image."""
    sizes = geometry(request)
    macs = sizes.batch * sizes.pixels * sizes.out_channels * sizes.kernel[0] * sizes.kernel[1]
    with KernelBuilder("depthwise_conv_2d", macs) as k:
        x = k.input("x", (request.inputs[0].elements,), "int8")
        constants = k.constant("records", records(request))
        y = k.output("y", (request.output.elements,), "int8")
        taps = k.scratch("taps", 2 * _pairs(sizes), "int32")
        outside = k.scratch("outside", sizes.channels, "int8") if sizes.padded else x
        _Nest(k, request, x, constants, y, taps, outside).emit()
    return k.kernel()


def _is_wide(request: KernelRequest) -> bool:
    return request.inputs[1].dtype == "int16"


def _record_words(request: KernelRequest) -> int:
    return 9 + (4 if _is_wide(request) else 2) * _pairs(geometry(request))


def _pairs(sizes: Geometry) -> int:
    return (sizes.kernel[0] * sizes.kernel[1] + 1) // 2


class _Nest:
    """The loops over images and output pixels."""

    def __init__(
        self, k: KernelBuilder, request: KernelRequest, x: tirx.Buffer, records: tirx.Buffer, y: tirx.Buffer,
        taps: tirx.Buffer, outside: tirx.Buffer,
    ) -> None:  # fmt: skip
        self.k, self.request, self.sizes = k, request, geometry(request)
        self.x, self.records, self.y, self.taps, self.outside = x, records, y, taps, outside

    def emit(self) -> None:
        """All of the layer."""
        k, s = self.k, self.sizes
        if s.padded:
            with k.loop("c", s.channels) as c:
                k.store(self.outside, [c], tirx.const(self.request.integer("input_zero_point"), "int8"))
        else:
            self._list(0, 0, 0)
        backward = self.request.grows
        with (
            k.loop("n", s.batch, backward=backward) as n,
            k.loop("oy", s.out_height, backward=backward) as oy,
            k.loop("ox", s.out_width, backward=backward) as ox,
        ):
            row, column = oy * s.stride[0] - s.padding[0], ox * s.stride[1] - s.padding[1]
            image = n * (s.height * s.width * s.channels)
            start = image
            if s.padded:
                self._list(start, row, column)
            else:
                start += (row * s.width + column) * s.channels
            self._pixel(start, (n * s.out_height + oy) * s.out_width + ox, self._window(image, row, column))
        clamp(k, self.request, self.y)

    def _list(self, start: Any, row: Any, column: Any) -> None:
        self.k.call(
            "ai_k_depthwise_taps_s8", address(self.taps, write=True), address(self.outside),
            *self._window(start, row, column),
        )  # fmt: skip

    def _window(self, start: Any, row: Any, column: Any) -> tuple[Any, ...]:
        """An image that begins at ``start``, and a window of it."""
        s = self.sizes
        return (address(self.x, start), s.height, s.width, s.channels, *s.kernel, *s.dilation, row, column)

    def _pixel(self, start: Any, pixel: Any, window: tuple[Any, ...]) -> None:
        s = self.sizes
        depth, pairs = s.out_channels // s.channels, _pairs(s)
        length = -(-s.channels // _CHANNELS) * _record_words(self.request)
        function = "ai_k_depthwise_halves_s8" if _is_wide(self.request) else "ai_k_depthwise_fours_s8"
        with self.k.loop("m", depth) as m:
            self.k.call(
                function, address(self.taps), address(self.x, start),
                address(self.records, m * length), address(self.y, pixel * s.out_channels + m, write=True),
                address(self.outside), pairs, s.channels, depth, self.request.integer("output_zero_point"),
            )  # fmt: skip
            self.k.call("ai_k_reads_window", *window)
            if s.padded:
                self.k.call("ai_k_reads_window", address(self.outside), 1, 1, s.channels, 1, 1, 1, 1, 0, 0)
