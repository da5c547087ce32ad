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
from stm32_emitter.operators.conv_2d_records import Rows, rows_of
from stm32_emitter.operators.convolution import Geometry, geometry
from stm32_emitter.operators.d8 import overlapping_groups, shift_word, sums_are_small, words
from stm32_emitter.operators.nearest import is_nearest
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
_BANDS = (2, 4)
"""Bands of rows that the image may be cut into."""
_UNROLLED = 16
"""The depth is a multiple of it."""


def schedules(request: KernelRequest) -> list[Schedule]:
    """Both orders of the loops; none where the layer has another shape or its sums are not proven small."""
    s = geometry(request)
    shape = s.kernel[1] == _TAPS and s.stride == (1, 1) and s.dilation == (1, 1) and s.groups == 1
    if not (request.target.dsp and shape and s.channels % _UNROLLED == 0 and s.out_channels >= _CHANNELS):
        return []
    if max(s.padding[0], s.padding[2]) >= s.kernel[0] or is_nearest(request):
        return []
    rows = rows_of(request)
    if rows.right.min() < 1 or not sums_are_small(rows.weights, rows.bias):
        return []
    bands = [0, 1, *(parts for parts in _BANDS if s.out_height % parts == 0 and s.out_height > parts)]
    return [_schedule(request, s, rows, parts) for parts in bands]


def _schedule(request: KernelRequest, s: Geometry, rows: Rows, bands: int) -> Schedule:
    words_ = _weight_words(s) + _value_words(s, _kept(s, bands)) + _POSITIONS * _OUTPUTS
    name = "winograd-f43" + ("-column" if bands else "") + (f"-{bands}" if bands > 1 else "")
    return Schedule(
        name, lambda: _kernel(request, s, rows, bands),
        "F(4,3) along rows, 4 channels x 2 tiles of 4 pixels, weights transformed at run time"
        + (f", values kept for all channels, {bands} bands of rows" if bands else ""),
        cycles=_cycles(s, bands), scratch=4 * words_ + _COLUMNS * s.channels,
        constants=rows.weights.size + 9 * s.out_channels, code=2500, family="winograd-f43",
    )  # fmt: skip


def _kept(s: Geometry, bands: int) -> int:
    """Rows of the image whose transformed values are kept."""
    if bands <= 1:
        return max(s.height, s.kernel[0]) if bands else s.kernel[0]
    return s.out_height // bands + s.kernel[0] - 1


def _weight_words(s: Geometry) -> int:
    return _POSITIONS * s.kernel[0] * s.channels // 2 * _CHANNELS


def _value_words(s: Geometry, kept: int) -> int:
    return _POSITIONS * kept * s.channels


def _cycles(s: Geometry, bands: int) -> float:
    """Measured parts: weights of a channel, rows of a pair of tiles, products, results."""
    blocks, pairs, steps = -(-s.out_channels // _CHANNELS), -(-s.out_width // _OUTPUTS), s.channels // 2
    weights = blocks * _CHANNELS * s.kernel[0] * steps * 23.0 * (bands * pairs if bands else 1)
    values = pairs * s.height * (steps * 122.0 + 90) * (1 if bands else blocks)
    rows = s.out_height * s.kernel[0] - s.padding[0] - s.padding[2]
    products = blocks * pairs * _POSITIONS * (rows * steps * 17.6 + s.out_height * 45)
    results = blocks * pairs * s.out_height * 32 * 19.0
    return s.batch * (weights + values + products + results)


def _kernel(request: KernelRequest, sizes: Geometry, rows: Rows, bands: int) -> Kernel:
    """x int8 [N,H,W,Cin] -> y int8 [N,OH,OW,Cout]."""
    macs = sizes.batch * sizes.pixels * rows.weights.size
    with KernelBuilder("conv_2d", macs) as k:
        _Nest(k, request, sizes, rows, bands).emit()
    return k.kernel()


class _Nest:
    """The loop nest over images, blocks of 4 channels, pairs of tiles and rows.

    Blocks are outside of pairs, so that weights are transformed once, or inside, so that values are; in the latter case
    the image may go in bands of rows, for each of which weights are transformed anew, so that fewer values are kept.
    """

    def __init__(self, k: KernelBuilder, request: KernelRequest, sizes: Geometry, rows: Rows, bands: int) -> None:
        self.k, self.request, self.sizes, self.bands = k, request, sizes, bands
        self.kept = _kept(sizes, bands)
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
            if self.bands:
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
        """One pair of tiles, band by band; the rows that two bands share are kept."""
        s = self.sizes
        ahead = s.kernel[0] - 1 - s.padding[0]
        if self.bands == 1:
            self._transform_rows(n, 0, s.height, column)
            self._blocks(lambda channel, record: self._down(n, channel, record, column, count))
            return
        height = s.out_height // self.bands
        self._transform_rows(n, 0, ahead, column)
        with self.k.loop("band", self.bands) as band:
            first = band * height
            self._transform_rows(n, first + ahead, height, column)
            self._blocks(lambda channel, record: self._down(n, channel, record, column, count, first, height))

    def _transform_rows(self, n: Any, first: Any, count: int, column: Any) -> None:
        if count:
            with self.k.loop("row", count) as row:
                self._transform_values(n, first + row, column)

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

    def _down(
        self, n: Any, channel: Any, record: Any, column: Any, count: int, start: Any = 0, height: int | None = None
    ) -> None:
        """Two tiles of one block, ``height`` rows from row ``start`` on; weights are transformed first with bands."""
        k, s = self.k, self.sizes
        top, ahead = s.padding[0], s.kernel[0] - 1 - s.padding[0]
        if self.bands:
            self._transform_weights(channel)
        else:
            self._transform_rows(n, 0, ahead, column)
        with k.loop("y", s.out_height if height is None else height) as line:
            y = start + line
            if not self.bands:
                self._transform_values(n, y + ahead, column)
            first, end = tirx.max(y - top, 0), tirx.min(y + ahead, s.height - 1)
            skipped = (first - (y - top)) * (s.channels // 2 * _CHANNELS)
            k.call(
                "ai_k_winograd_multiply", address(self.products, write=True), address(self.transformed, skipped),
                address(self.values), self.kept, first % self.kept, end - first + 1, s.channels, s.kernel[0],
            )  # fmt: skip
            place = ((n * s.out_height + y) * s.out_width + column) * s.out_channels + channel
            k.call(
                "ai_k_winograd_output_s8", address(self.y, place, write=True), address(self.products),
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
