# SPDX-License-Identifier: Apache-2.0
"""The schedule of CONV_2D for ai_k_conv_d8.h: 4 output channels x 2 output pixels at a time."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray
from tvm import tirx

from stm32_emitter.operators.base import KernelRequest
from stm32_emitter.operators.convolution import geometry
from stm32_emitter.operators.d8 import (
    halfword_pairs,
    mixed_bias,
    overlapping_groups,
    position_order,
    shift_word,
    steps_of,
    sums_are_exact,
    words,
)
from stm32_emitter.operators.gemmlowp import requantize
from stm32_emitter.operators.packing import folded_bias
from stm32_emitter.operators.schedule import Schedule
from stm32_emitter.tir.builder import Kernel, KernelBuilder, address

_CHANNELS = 4
_PIXELS = 2
_MOST_RIGHT = 23
"""Largest shift for which zero point and rounding still fit 32 bits."""


@dataclass(frozen=True)
class Rows:
    """Output channels as the kernel sees them: weights int8 [rows, depth]; bias with the zero point, scales, shifts."""

    weights: NDArray[np.int8]
    bias: NDArray[np.int32]
    multipliers: NDArray[np.int64]
    right: NDArray[np.int64]


def rows_of(request: KernelRequest) -> Rows:
    """The output channels. One without weights is a constant, which any scale can give: its bias is often huge."""
    weights, bias, multipliers, shifts = (request.constant(i) for i in range(1, 5))
    matrix = weights.reshape(len(weights), -1)
    folded = folded_bias(bias, matrix, request.integer("input_zero_point"))
    scales, right = multipliers.astype(np.int64), -shifts.astype(np.int64)
    # A sum below 2**23 shifted by 24 or more is 0.
    nothing = (scales == 0) | (right > _MOST_RIGHT)
    scales, right = np.where(nothing, 0, scales), np.where(nothing, 1, right)
    zero_point = request.integer("output_zero_point")
    for row in np.flatnonzero(~matrix.any(axis=1)):
        value = requantize(folded[row], int(multipliers[row]), int(shifts[row]))
        # 4 * v * 2**30 / 2**31, shifted by 1, is v without any rounding.
        folded[row] = 4 * (np.clip(value + zero_point, -128, 127) - zero_point)
        scales[row], right[row] = 1 << 30, 1
    return Rows(matrix, folded, scales, right)


def fits(request: KernelRequest) -> bool:
    """Whether the layer has a block of 4 channels x 2 pixels and the kernel's arithmetic is exact for it."""
    sizes = geometry(request)
    if sizes.out_channels // sizes.groups < _CHANNELS or sizes.pixels < _PIXELS:
        return False
    rows = rows_of(request)
    return bool(rows.right.min() >= 1 and sums_are_exact(rows.weights, rows.bias))


def schedules(request: KernelRequest) -> list[Schedule]:
    """The schedule; none where the layer has no such block or the arithmetic is not proven."""
    if not fits(request):
        return []
    s = geometry(request)
    per_tap, blocks = s.channels // s.groups, -(-s.out_channels // s.groups // _CHANNELS) * s.groups
    steps = s.kernel[0] * steps_of(s.kernel[1] * per_tap)
    pairs = s.batch * -(-s.pixels // _PIXELS)
    gather = 60 + s.kernel[0] * 20 + steps * (4.5 if per_tap % 4 == 0 else 9)
    fours = Schedule(
        "d8-4x2", lambda: kernel(request), "4 channels x 2 pixels, two weights in a halfword",
        cycles=pairs * (gather * s.groups + blocks * (steps * 16.3 + 90)), scratch=8 * steps,
        constants=blocks * 4 * (9 + 2 * steps), code=1900,
    )  # fmt: skip
    return [fours]


def kernel(request: KernelRequest) -> Kernel:
    """x int8 [N,H,W,Cin] -> y int8 [N,OH,OW,Cout]; scratch: the columns of 2 pixels."""
    schedule = _Schedule(request)
    sizes = schedule.sizes
    depth = sizes.kernel[0] * sizes.kernel[1] * sizes.channels // sizes.groups
    with KernelBuilder("conv_2d", sizes.batch * sizes.pixels * sizes.out_channels * depth) as k:
        schedule.emit(k)
    return k.kernel()


class _Schedule:
    """The loop nest over images, groups and pixel pairs; an odd last pixel is paired with the one before it."""

    def __init__(self, request: KernelRequest) -> None:
        self.request, self.sizes = request, geometry(request)
        s = self.sizes
        self.per_tap, self.per_group = s.channels // s.groups, s.out_channels // s.groups
        row = s.kernel[1] * self.per_tap
        self.contiguous = self.per_tap == s.channels and s.dilation[1] == 1
        # A patch whose rows touch is one long row.
        whole = self.contiguous and (s.kernel[0] == 1 or (s.kernel[1] == s.width and s.dilation[0] == 1))
        whole = whole and not s.padded
        self.row, self.rows = (row * s.kernel[0], 1) if whole else (row, s.kernel[0])
        self.steps = steps_of(self.row) * self.rows
        self.blocks = overlapping_groups(self.per_group, _CHANNELS)
        self.record_words = 9 + 2 * self.steps

    def emit(self, k: KernelBuilder) -> None:
        """Parameters and loops."""
        s, request = self.sizes, self.request
        self.k = k
        self.x = k.input("x", (request.inputs[0].elements,), "int8")
        self.records = k.constant("records", self._records())
        clipped = s.padded or not self.contiguous
        self.patch = k.constant("patch", self._patch()) if clipped else None
        self.y = k.output("y", (request.output.elements,), "int8")
        self.columns = k.scratch("columns", 2 * self.steps, "int32")
        pairs = -(-s.pixels // _PIXELS)
        backward = request.grows
        with (
            k.loop("n", s.batch, backward=backward) as n,
            k.loop("group", s.groups) as group,
            k.loop("pair", pairs, backward=backward) as pair,
        ):
            first = pair * _PIXELS
            if s.pixels % _PIXELS:
                first = tirx.min(first, s.pixels - _PIXELS)
            self._gather(n, group, first)
            self._multiply(n, group, first)
        low, high = request.integer("low"), request.integer("high")
        if low > -128 or high < 127:
            k.call("ai_k_clamp_s8", address(self.y, write=True), request.output.elements, low, high)

    def _records(self) -> NDArray[np.int32]:
        rows, order = rows_of(self.request), position_order(self.row, self.rows)
        parts = []
        for group in range(self.sizes.groups):
            for start in self.blocks:
                first = group * self.per_group + start
                block = slice(first, first + _CHANNELS)
                parts += [*mixed_bias(rows.bias[block]), halfword_pairs(rows.weights[block], order).T.ravel()]
                parts += [shift_word(rows.right[block] - 1), words(rows.multipliers[block])]
        return np.concatenate(parts)

    def _patch(self) -> NDArray[np.int32]:
        s = self.sizes
        return np.array(
            [s.height, s.width, s.channels, self.per_tap, *s.kernel, *s.dilation,
             self.request.integer("input_zero_point")], np.int32,
        )  # fmt: skip

    def _multiply(self, n: Any, group: Any, first: Any) -> None:
        s = self.sizes
        record = group * (len(self.blocks) * self.record_words)
        start = (n * s.pixels + first) * s.out_channels + group * self.per_group
        whole, rest = divmod(self.per_group, _CHANNELS)
        self._call(record, start, whole)
        if rest:
            self._call(record + whole * self.record_words, start + (self.per_group - _CHANNELS), 1)

    def _call(self, record: Any, start: Any, blocks: int) -> None:
        self.k.call(
            "ai_k_conv_d8_s8", address(self.columns), address(self.records, record),
            address(self.y, start, write=True), self.sizes.out_channels, self.steps, blocks,
            self.request.integer("output_zero_point"),
        )  # fmt: skip

    def _gather(self, n: Any, group: Any, first: Any) -> None:
        s, k = self.sizes, self.k
        image = n * (s.height * s.width * s.channels)
        if s.kernel == (1, 1) and s.stride == (1, 1) and not s.padded and self.contiguous:
            at = image + first * s.channels
            self._inside(at, at + s.channels)
            return
        corners = [self._corner(first + pixel) for pixel in range(_PIXELS)]
        places = [image + (row * s.width + column) * s.channels for row, column in corners]
        if self.patch is None:
            self._inside(*places)
        elif not self.contiguous:
            self._clipped(image + group * self.per_tap, corners)
        else:
            conditions = [condition for corner in corners for condition in self._reaches(*corner)]
            with k.choose(tirx.all(*conditions)) as (inside, outside):
                with inside:
                    self._inside(*places)
                with outside:
                    self._clipped(image, corners)

    def _corner(self, pixel: Any) -> tuple[Any, Any]:
        """Row and column of the first tap."""
        s = self.sizes
        row, column = pixel // s.out_width, pixel % s.out_width
        return row * s.stride[0] - s.padding[0], column * s.stride[1] - s.padding[1]

    def _reaches(self, row: Any, column: Any) -> list[Any]:
        """Conditions for a patch to lie inside the input; the ones that always hold are left out."""
        s = self.sizes
        top, left, bottom, right = s.padding
        last_row = s.height - 1 - (s.kernel[0] - 1) * s.dilation[0]
        last_column = s.width - 1 - (s.kernel[1] - 1) * s.dilation[1]
        pairs = ((top, row >= 0), (bottom, row <= last_row), (left, column >= 0), (right, column <= last_column))
        return [condition for needed, condition in pairs if needed]

    def _inside(self, first: Any, second: Any) -> None:
        s = self.sizes
        self.k.call(
            "ai_k_columns_s8", address(self.columns, write=True), address(self.x, first), address(self.x, second),
            self.row, self.rows, s.dilation[0] * s.width * s.channels,
        )  # fmt: skip

    def _clipped(self, image: Any, corners: list[tuple[Any, Any]]) -> None:
        for pixel, (row, column) in enumerate(corners):
            self.k.call(
                "ai_k_columns_clipped_s8", address(self.columns, write=True), pixel, address(self.x, image),
                address(self.patch), row, column,
            )  # fmt: skip
