# SPDX-License-Identifier: Apache-2.0
"""The schedule of CONV_2D for ai_k_conv_winograd.h: Winograd's F(4, 3) along the rows of the image.

Four output channels are transformed once and meet the whole image; two tiles of four outputs go down the image, whose
transformed rows are kept as long as the kernel reaches them. Flash holds the raw weights.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from stm32_emitter.operators.base import KernelRequest
from stm32_emitter.operators.convolution import Geometry, geometry
from stm32_emitter.operators.conv_2d_d8 import Rows, rows_of
from stm32_emitter.operators.d8 import overlapping_groups, shift_word, sums_are_small, words
from stm32_emitter.operators.schedule import Schedule
from stm32_emitter.tir.builder import Kernel, KernelBuilder, address

_POSITIONS = 6
_CHANNELS = 4
_TAPS = 3
_OUTPUTS = 8
"""Of two tiles."""
_RECORD = 9
"""Words of 4 channels besides their weights."""
_UNROLLED = 16
"""The depth is a multiple of it."""


def schedule(request: KernelRequest) -> Schedule | None:
    """The schedule, or None where the layer has another shape or its sums are not proven small."""
    s = geometry(request)
    shape = s.kernel[1] == _TAPS and s.stride == (1, 1) and s.dilation == (1, 1) and s.groups == 1
    if not (request.target.dsp and shape and s.channels % _UNROLLED == 0 and s.out_channels >= _CHANNELS):
        return None
    rows = rows_of(request)
    if rows.right.min() < 1 or not sums_are_small(rows.weights, rows.bias):
        return None
    scratch = 4 * (_weight_words(s) + _value_words(s) + _POSITIONS * _OUTPUTS)
    return Schedule(
        "winograd-f43", lambda: _kernel(request, s, rows),
        "F(4,3) along rows, 4 channels x 2 tiles of 4 pixels, weights transformed at run time",
        cycles=_cycles(s), scratch=scratch, constants=rows.weights.size + 9 * s.out_channels, code=2000,
    )  # fmt: skip


def _weight_words(s: Geometry) -> int:
    return _POSITIONS * s.kernel[0] * s.channels // 2 * _CHANNELS


def _value_words(s: Geometry) -> int:
    return _POSITIONS * s.kernel[0] * s.channels


def _cycles(s: Geometry) -> float:
    """Measured parts: weights of a channel, rows of a pair of tiles, products, results."""
    blocks, pairs, steps = -(-s.out_channels // _CHANNELS), -(-s.out_width // _OUTPUTS), s.channels // 2
    weights = blocks * _CHANNELS * s.kernel[0] * steps * 27.0
    values = blocks * pairs * (s.out_height + s.kernel[0] - 1) * (steps * 100.0 + 60)
    products = blocks * pairs * s.out_height * _POSITIONS * (s.kernel[0] * steps * 17.6 + 45)
    results = blocks * pairs * s.out_height * 32 * 14.0
    return s.batch * (weights + values + products + results)


def _kernel(request: KernelRequest, sizes: Geometry, rows: Rows) -> Kernel:
    """x int8 [N,H,W,Cin] -> y int8 [N,OH,OW,Cout]."""
    macs = sizes.batch * sizes.pixels * rows.weights.size
    with KernelBuilder("conv_2d", macs) as k:
        _Nest(k, request, sizes, rows).emit()
    return k.kernel()


class _Nest:
    """The loop nest over images, blocks of channels, pairs of tiles and rows."""

    def __init__(self, k: KernelBuilder, request: KernelRequest, sizes: Geometry, rows: Rows) -> None:
        self.k, self.request, self.sizes = k, request, sizes
        self.x = k.input("x", (request.inputs[0].elements,), "int8")
        self.weights = k.constant("weights", rows.weights.ravel())
        self.records = k.constant("records", _records(rows))
        self.layer = k.constant("layer", self._layer())
        self.y = k.output("y", (request.output.elements,), "int8")
        self.transformed = k.scratch("transformed", _weight_words(sizes), "int32")
        self.values = k.scratch("values", _value_words(sizes), "int32")
        self.products = k.scratch("products", _POSITIONS * _OUTPUTS, "int32")

    def _layer(self) -> NDArray[np.int32]:
        s = self.sizes
        values = [s.height, s.width, s.channels, s.kernel[0], self.request.integer("input_zero_point")]
        return np.array(values, np.int32)

    def emit(self) -> None:
        """All outputs; the last block of channels may overlap its neighbour."""
        k, s = self.k, self.sizes
        whole, rest = divmod(s.out_channels, _CHANNELS)
        with k.loop("n", s.batch) as n:
            with k.loop("block", whole) as block:
                self._block(n, block * _CHANNELS, block)
            if rest:
                self._block(n, s.out_channels - _CHANNELS, whole)
        low, high = self.request.integer("low"), self.request.integer("high")
        if low > -128 or high < 127:
            k.call("ai_k_clamp_s8", address(self.y, write=True), self.request.output.elements, low, high)

    def _block(self, n: Any, channel: Any, record: Any) -> None:
        k, s = self.k, self.sizes
        row_words = s.kernel[0] * _TAPS * s.channels
        k.call(
            "ai_k_winograd_weights_s8", address(self.transformed, write=True),
            address(self.weights, channel * row_words), address(self.layer),
        )  # fmt: skip
        whole, rest = divmod(s.out_width, _OUTPUTS)
        if whole:
            with k.loop("pair", whole) as pair:
                self._down(n, channel, record, pair * _OUTPUTS, _OUTPUTS)
        if rest:
            self._down(n, channel, record, whole * _OUTPUTS, rest)

    def _down(self, n: Any, channel: Any, record: Any, column: Any, count: int) -> None:
        """Two tiles, from the first row of the image to the last."""
        k, s = self.k, self.sizes
        rows = s.kernel[0]
        if rows > 1:
            with k.loop("row", rows - 1) as row:
                self._widen(n, row, row, column)
        with k.loop("y", s.out_height) as y:
            self._widen(n, y + (rows - 1), (y + (rows - 1)) % rows, column)
            k.call(
                "ai_k_winograd_multiply", address(self.products, write=True), address(self.transformed),
                address(self.values), rows, y % rows, s.channels,
            )  # fmt: skip
            start = ((n * s.out_height + y) * s.out_width + column) * s.out_channels + channel
            k.call(
                "ai_k_winograd_output_s8", address(self.y, start, write=True), address(self.products),
                address(self.records, record * _RECORD), s.out_channels, count,
                self.request.integer("output_zero_point"),
            )  # fmt: skip

    def _widen(self, n: Any, row: Any, place: Any, column: Any) -> None:
        s = self.sizes
        image = n * (s.height * s.width * s.channels)
        self.k.call(
            "ai_k_winograd_values_s8", address(self.values, place * s.channels, write=True), address(self.x, image),
            address(self.layer), row - s.padding[0], column - s.padding[1],
        )  # fmt: skip


def _records(rows: Rows) -> NDArray[np.int32]:
    parts: list[Any] = []
    for start in overlapping_groups(len(rows.bias), _CHANNELS):
        block = slice(start, start + _CHANNELS)
        parts += [rows.bias[block], shift_word(rows.right[block] - 1), words(rows.multipliers[block])]
    return np.concatenate(parts)
