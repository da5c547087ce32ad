# SPDX-License-Identifier: Apache-2.0
"""The schedule of CONV_2D for ai_k_conv_winograd.h: Winograd's F(4, 3) along the rows of the image.

Four output channels are transformed once and meet the whole image; two tiles of four outputs go down the image, whose
transformed rows are kept as long as the kernel reaches them. Flash holds the raw weights.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
from numpy.typing import NDArray
from tvm import tirx

from stm32_emitter.operators.base import KernelRequest
from stm32_emitter.operators.conv_2d_d8 import Rows, rows_of
from stm32_emitter.operators.convolution import Geometry, geometry
from stm32_emitter.operators.d8 import overlapping_groups, shift_word, sums_are_small, words
from stm32_emitter.operators.schedule import Schedule
from stm32_emitter.tir.builder import Kernel, KernelBuilder, address

_POSITIONS = 6
_CHANNELS = 4
_TAPS = 3
_COLUMNS = 10
"""Inputs of two tiles, along a row."""
_OUTPUTS = 8
"""Of two tiles."""
_RECORD = 9
"""Words of 4 channels besides their weights."""
_UNROLLED = 16
"""The depth is a multiple of it."""


def schedules(request: KernelRequest) -> list[Schedule]:
    """Both orders of the loops; none where the layer has another shape or its sums are not proven small."""
    s = geometry(request)
    shape = s.kernel[1] == _TAPS and s.stride == (1, 1) and s.dilation == (1, 1) and s.groups == 1
    if not (request.target.dsp and shape and s.channels % _UNROLLED == 0 and s.out_channels >= _CHANNELS):
        return []
    if max(s.padding[0], s.padding[2]) >= s.kernel[0]:
        return []
    rows = rows_of(request)
    if rows.right.min() < 1 or not sums_are_small(rows.weights, rows.bias):
        return []
    return [_schedule(request, s, rows, kept) for kept in (False, True)]


def _schedule(request: KernelRequest, s: Geometry, rows: Rows, column_kept: bool) -> Schedule:
    kept = max(s.height, s.kernel[0]) if column_kept else s.kernel[0]
    words_ = _weight_words(s) + _value_words(s, kept) + _POSITIONS * _OUTPUTS
    return Schedule(
        "winograd-f43-column" if column_kept else "winograd-f43",
        lambda: _kernel(request, s, rows, column_kept),
        "F(4,3) along rows, 4 channels x 2 tiles of 4 pixels, weights transformed at run time"
        + (", values kept for all channels" if column_kept else ""),
        cycles=_cycles(s, column_kept), scratch=4 * words_ + _COLUMNS * s.channels,
        constants=rows.weights.size + 9 * s.out_channels, code=2500, family="winograd-f43",
    )  # fmt: skip


def _weight_words(s: Geometry) -> int:
    return _POSITIONS * s.kernel[0] * s.channels // 2 * _CHANNELS


def _value_words(s: Geometry, kept: int) -> int:
    return _POSITIONS * kept * s.channels


def _cycles(s: Geometry, column_kept: bool) -> float:
    """Measured parts: weights of a channel, rows of a pair of tiles, products, results."""
    blocks, pairs, steps = -(-s.out_channels // _CHANNELS), -(-s.out_width // _OUTPUTS), s.channels // 2
    weights = blocks * _CHANNELS * s.kernel[0] * steps * 27.0 * (pairs if column_kept else 1)
    values = pairs * s.height * (steps * 86.0 + 90) * (1 if column_kept else blocks)
    rows = s.out_height * s.kernel[0] - s.padding[0] - s.padding[2]
    products = blocks * pairs * _POSITIONS * (rows * steps * 17.6 + s.out_height * 45)
    results = blocks * pairs * s.out_height * 32 * 19.0
    return s.batch * (weights + values + products + results)


def _kernel(request: KernelRequest, sizes: Geometry, rows: Rows, column_kept: bool) -> Kernel:
    """x int8 [N,H,W,Cin] -> y int8 [N,OH,OW,Cout]."""
    macs = sizes.batch * sizes.pixels * rows.weights.size
    with KernelBuilder("conv_2d", macs) as k:
        _Nest(k, request, sizes, rows, column_kept).emit()
    return k.kernel()


class _Nest:
    """The loop nest over images, blocks of 4 channels, pairs of tiles and rows.

    Blocks are outside of pairs, so that weights are transformed once, or inside, so that values are.
    """

    def __init__(
        self, k: KernelBuilder, request: KernelRequest, sizes: Geometry, rows: Rows, column_kept: bool
    ) -> None:
        self.k, self.request, self.sizes, self.column_kept = k, request, sizes, column_kept
        self.kept = max(sizes.height, sizes.kernel[0]) if column_kept else sizes.kernel[0]
        self.x = k.input("x", (request.inputs[0].elements,), "int8")
        self.weights = k.constant("weights", rows.weights.ravel())
        self.records = k.constant("records", _records(rows, request))
        self.layer = k.constant("layer", self._layer())
        self.y = k.output("y", (request.output.elements,), "int8")
        self.transformed = k.scratch("transformed", _weight_words(sizes), "int32")
        self.values = k.scratch("values", _value_words(sizes, self.kept), "int32")
        self.products = k.scratch("products", _POSITIONS * _OUTPUTS, "int32")
        self.columns = k.scratch("columns", _COLUMNS * sizes.channels, "int8")

    def _layer(self) -> NDArray[np.int32]:
        s = self.sizes
        values = [s.height, s.width, s.channels, s.kernel[0], self.request.integer("input_zero_point")]
        return np.array(values, np.int32)

    def emit(self) -> None:
        """All outputs."""
        with self.k.loop("n", self.sizes.batch) as n:
            if self.column_kept:
                self._pairs(lambda column, count: self._column(n, column, count))
            else:
                self._blocks(lambda channel, record: self._image(n, channel, record))
        low, high = self.request.integer("low"), self.request.integer("high")
        if low > -128 or high < 127:
            self.k.call("ai_k_clamp_s8", address(self.y, write=True), self.request.output.elements, low, high)

    def _blocks(self, body: Callable[[Any, Any], None]) -> None:
        """body(first channel, record) for each block; the last one may overlap its neighbour."""
        whole, rest = divmod(self.sizes.out_channels, _CHANNELS)
        with self.k.loop("block", whole) as block:
            body(block * _CHANNELS, block)
        if rest:
            body(self.sizes.out_channels - _CHANNELS, whole)

    def _pairs(self, body: Callable[[Any, int], None]) -> None:
        """body(first column, columns) for each pair of tiles."""
        whole, rest = divmod(self.sizes.out_width, _OUTPUTS)
        if whole:
            with self.k.loop("pair", whole) as pair:
                body(pair * _OUTPUTS, _OUTPUTS)
        if rest:
            body(whole * _OUTPUTS, rest)

    def _image(self, n: Any, channel: Any, record: Any) -> None:
        """One block of channels."""
        self._transform_weights(channel)
        self._pairs(lambda column, count: self._down(n, channel, record, column, count))

    def _column(self, n: Any, column: Any, count: int) -> None:
        """One pair of tiles."""
        with self.k.loop("row", self.sizes.height) as row:
            self._transform_values(n, row, column)

        def block(channel: Any, record: Any) -> None:
            self._transform_weights(channel)
            self._down(n, channel, record, column, count)

        self._blocks(block)

    def _transform_weights(self, channel: Any) -> None:
        row_bytes = self.sizes.kernel[0] * _TAPS * self.sizes.channels
        self.k.call(
            "ai_k_winograd_weights_s8", address(self.transformed, write=True),
            address(self.weights, channel * row_bytes), address(self.layer),
        )  # fmt: skip

    def _transform_values(self, n: Any, row: Any, column: Any) -> None:
        s = self.sizes
        self.k.call(
            "ai_k_winograd_values_s8", address(self.values, write=True),
            address(self.x, n * (s.height * s.width * s.channels)), address(self.layer),
            address(self.columns, write=True), self.kept, row, column - s.padding[1],
        )  # fmt: skip

    def _down(self, n: Any, channel: Any, record: Any, column: Any, count: int) -> None:
        """Two tiles of one block, from the first row of the image to the last."""
        k, s = self.k, self.sizes
        top, ahead = s.padding[0], s.kernel[0] - 1 - s.padding[0]
        if ahead and not self.column_kept:
            with k.loop("row", ahead) as row:
                self._transform_values(n, row, column)
        with k.loop("y", s.out_height) as y:
            if not self.column_kept:
                self._transform_values(n, y + ahead, column)
            first, end = tirx.max(y - top, 0), tirx.min(y + ahead, s.height - 1)
            skipped = (first - (y - top)) * (s.channels // 2 * _CHANNELS)
            k.call(
                "ai_k_winograd_multiply", address(self.products, write=True), address(self.transformed, skipped),
                address(self.values), self.kept, first % self.kept, end - first + 1, s.channels, s.kernel[0],
            )  # fmt: skip
            start = ((n * s.out_height + y) * s.out_width + column) * s.out_channels + channel
            k.call(
                "ai_k_winograd_output_s8", address(self.y, start, write=True), address(self.products),
                address(self.records, record * _RECORD), s.out_channels, count,
                self.request.integer("output_zero_point"),
            )  # fmt: skip


def _records(rows: Rows, request: KernelRequest) -> NDArray[np.int32]:
    # The kernel takes the zero point away from the values.
    folded = rows.weights.astype(np.int64).sum(axis=1) * request.integer("input_zero_point")
    bias, parts = words(rows.bias.astype(np.int64) + folded), []
    for start in overlapping_groups(len(bias), _CHANNELS):
        block = slice(start, start + _CHANNELS)
        parts += [bias[block], shift_word(rows.right[block] - 1), words(rows.multipliers[block])]
    return np.concatenate(parts)
