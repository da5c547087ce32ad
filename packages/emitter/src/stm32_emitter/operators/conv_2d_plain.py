# SPDX-License-Identifier: Apache-2.0
"""The schedule of CONV_2D for ai_k_plain.h, for cores without the DSP extension: 2 channels x 2 pixels at a time.

A window inside the image is read where it lies; one that reaches outside is copied first, filled with the zero point.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray
from tvm import tirx

from stm32_emitter.operators.base import KernelRequest
from stm32_emitter.operators.convolution import geometry
from stm32_emitter.operators.nearest import is_nearest, scale_words
from stm32_emitter.operators.packing import folded_bias
from stm32_emitter.operators.schedule import Schedule
from stm32_emitter.tir.builder import Kernel, KernelBuilder, address

_PIXELS = 2
_MAC, _OUTPUT, _COPIED = 3.4, 40.0, 8.0
"""Cortex-M3 cycles of a multiply-accumulate, of an output around them, and of a byte that is copied."""


def schedules(request: KernelRequest) -> list[Schedule]:
    """The schedule, on cores without DSP; elsewhere it is the only one for any layer that is rounded once."""
    nearest = is_nearest(request)
    if request.target.dsp and not nearest:
        return []
    s = geometry(request)
    depth = s.kernel[0] * s.kernel[1] * s.channels // s.groups
    outputs = s.batch * s.pixels * s.out_channels
    nest = _Nest(request)
    copied = 0 if nest.window is not None and not s.padded else s.batch * s.pixels * depth * s.groups
    text = "2 channels x 2 pixels, C, weights as they are" + (", scaled in float32" if nearest else "")
    return [
        Schedule(
            "c-2x2", nest.kernel, text, outputs * (depth * _MAC + _OUTPUT) + copied * _COPIED,
            scratch=_PIXELS * depth if nest.copies else 0, constants=s.out_channels * (depth + 12), code=700,
        )
    ]  # fmt: skip


class _Nest:
    """The loop nest over images, groups and pixel pairs; an odd last pixel goes alone."""

    def __init__(self, request: KernelRequest) -> None:
        self.request, self.sizes = request, geometry(request)
        s = self.sizes
        self.per_tap, self.per_group = s.channels // s.groups, s.out_channels // s.groups
        self.depth = s.kernel[0] * s.kernel[1] * self.per_tap
        self.window = self._in_place() if s.groups == 1 and s.dilation[1] == 1 else None
        self.copies = s.padded or self.window is None

    def _in_place(self) -> tuple[int, int, int]:
        """(row, rows, pitch) of a window inside the image."""
        s = self.sizes
        row, pitch = s.kernel[1] * s.channels, s.dilation[0] * s.width * s.channels
        if s.kernel[0] == 1 or (s.kernel[1] == s.width and s.dilation[0] == 1 and not s.padded):
            return row * s.kernel[0], 1, 0
        return row, s.kernel[0], pitch

    def kernel(self) -> Kernel:
        """x int8 [N,H,W,Cin] -> y int8 [N,OH,OW,Cout]; scratch: two patches, if windows are copied."""
        s, request = self.sizes, self.request
        with KernelBuilder("conv_2d", s.batch * s.pixels * s.out_channels * self.depth) as k:
            self.k = k
            self.x = k.input("x", (request.inputs[0].elements,), "int8")
            self.weights = k.constant("weights", request.constant(1).ravel())
            self.channels = k.constant("channels", self._channels())
            self.inside = None if self.window is None else k.constant("window", self._sizes(self.window))
            if self.copies:
                self.outside = k.constant("whole", self._sizes((self.depth, 1, 0)))
                self.geometry = k.constant("patch", self._patch())
            self.y = k.output("y", (request.output.elements,), "int8")
            self.patch = k.scratch("patches", _PIXELS * self.depth, "int8") if self.copies else None
            with k.loop("n", s.batch) as n, k.loop("group", s.groups) as group:
                if s.pixels >= _PIXELS:
                    with k.loop("pair", s.pixels // _PIXELS) as pair:
                        self._pixels(n, group, pair * _PIXELS, 1)
                if s.pixels % _PIXELS:
                    self._pixels(n, group, s.pixels - 1, 0)
        return k.kernel()

    def _channels(self) -> NDArray[np.int32]:
        bias = self.request.constant(2)
        matrix = self.request.constant(1).reshape(self.sizes.out_channels, -1)
        folded = folded_bias(bias, matrix, self.request.integer("input_zero_point"))
        return np.stack([folded, *scale_words(self.request)], axis=1).ravel()

    def _sizes(self, window: tuple[int, int, int]) -> NDArray[np.int32]:
        """An ai_k_plain_window."""
        bounds = [self.request.integer(name) for name in ("output_zero_point", "low", "high")]
        return np.array([*window, self.per_group, *bounds], np.int32)

    def _patch(self) -> NDArray[np.int32]:
        s = self.sizes
        zero = self.request.integer("input_zero_point")
        return np.array([s.height, s.width, s.channels, self.per_tap, *s.kernel, *s.dilation, zero], np.int32)

    def _pixels(self, n: Any, group: Any, first: Any, step: int) -> None:
        """The pixels ``first`` and ``first + step``."""
        s = self.sizes
        corners = [self._corner(first), self._corner(first + step)]
        image = n * (s.height * s.width * s.channels)
        places = [address(self.x, image + (row * s.width + column) * s.channels) for row, column in corners]
        start = (n * s.pixels + first) * s.out_channels + group * self.per_group
        if not self.copies:
            self._multiply(places, self.inside, group, start, step)
        elif self.inside is None:
            self._copied(image + group * self.per_tap, corners, group, start, step)
        else:
            conditions = [condition for corner in corners for condition in self._reaches(*corner)]
            with self.k.choose(tirx.all(*conditions)) as (within, beyond):
                with within:
                    self._multiply(places, self.inside, group, start, step)
                with beyond:
                    self._copied(image, corners, group, start, step)

    def _copied(self, image: Any, corners: list[tuple[Any, Any]], group: Any, start: Any, step: int) -> None:
        for pixel, (row, column) in enumerate(corners):
            self.k.call(
                "ai_k_patch_plain_s8", address(self.patch, pixel * self.depth, write=True), address(self.x, image),
                address(self.geometry), row, column,
            )  # fmt: skip
        patches = [address(self.patch, pixel * self.depth) for pixel in range(_PIXELS)]
        self._multiply(patches, self.outside, group, start, step)

    def _multiply(self, places: list[Any], window: tirx.Buffer | None, group: Any, start: Any, step: int) -> None:
        self.k.call(
            "ai_k_conv_nearest_s8" if is_nearest(self.request) else "ai_k_conv_plain_s8", *places, address(window),
            address(self.weights, group * (self.per_group * self.depth)),
            address(self.channels, group * (self.per_group * 3)), address(self.y, start, write=True),
            step * self.sizes.out_channels,
        )  # fmt: skip

    def _corner(self, pixel: Any) -> tuple[Any, Any]:
        """Row and column of the first tap."""
        s = self.sizes
        row, column = pixel // s.out_width, pixel % s.out_width
        return row * s.stride[0] - s.padding[0], column * s.stride[1] - s.padding[1]

    def _reaches(self, row: Any, column: Any) -> list[Any]:
        """Conditions for a window to lie inside the image; the ones that always hold are left out."""
        s = self.sizes
        top, left, bottom, right = s.padding
        last_row = s.height - 1 - (s.kernel[0] - 1) * s.dilation[0]
        last_column = s.width - s.kernel[1]
        pairs = ((top, row >= 0), (bottom, row <= last_row), (left, column >= 0), (right, column <= last_column))
        return [condition for needed, condition in pairs if needed]
