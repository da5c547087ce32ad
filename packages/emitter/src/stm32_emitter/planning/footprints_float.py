# SPDX-License-Identifier: Apache-2.0
"""Footprints of the runtime's float32 functions (ai_k_*_f32.h)."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np

from stm32_emitter.planning.footprints import (
    Call,
    Footprint,
    Number,
    Unknown,
    footprint,
    inside,
    moved,
    reads,
    repeat,
    sequence,
    writes,
)

_FLOAT = 4
_LANES = 4
"""Channels that are computed together."""
_IMAGE, _OUT = 0, 3
"""Pointers of the convolutions."""


@dataclass(frozen=True)
class _Layer:
    """The words of ai_k_window_f32.h, in their order; distances in floats."""

    height: int
    width: int
    channels: int
    depth: int
    rows: int
    taps: int
    down: int
    right: int
    stride: int
    out_channels: int
    outputs: int

    @classmethod
    def of(cls, words: Any) -> _Layer:
        return cls(*(int(word) for word in np.asarray(words)[:11]))

    @property
    def steps(self) -> dict[int, Number]:
        """Bytes from a pixel to the next."""
        return {_IMAGE: _FLOAT * self.stride * self.channels, _OUT: _FLOAT * self.out_channels}

    def blocks(self, column: Number, pixels: int, sizes: tuple[int, ...]) -> Iterator[tuple[int, int]]:
        """(first pixel, pixels) of the blocks of a row; those that are clipped go one by one."""
        reach = (self.taps - 1) * self.right
        low, high = int(np.min(column)), int(np.max(column))
        first = 0
        while first < pixels:
            whole = 0
            if low + first * self.stride >= 0:
                whole = min((self.width - 1 - reach - high) // self.stride + 1 - first, pixels - first)
            if whole < 1 and low != high:
                raise Unknown("columns")
            count = next((size for size in sizes if size <= whole), 1)
            yield first, count
            first += count

    def window(self, row: Number, column: Number, taken: int, pixels: int) -> Footprint:
        """`taken` channels of the windows of neighbouring pixels, the first of which starts at (row, column)."""
        top, high = inside(row, self.rows, self.down, self.height)
        left, wide = inside(column, self.taps, self.right, self.width)
        start = ((row + top * self.down) * self.width + column + left * self.right) * self.channels
        return reads(
            _IMAGE, _FLOAT * taken, (pixels, self.steps[_IMAGE]),
            (high, _FLOAT * self.down * self.width * self.channels), (wide, _FLOAT * self.right * self.channels),
            start=_FLOAT * start,
        )  # fmt: skip


@footprint("ai_k_conv_f32")
def _conv(call: Call) -> Footprint:
    layer, row, column = _Layer.of(call.constant(4)), call[5], call[6]
    groups, rest = divmod(layer.outputs, _LANES)

    def block(first: int, pixels: int) -> Footprint:
        at = column + first * layer.stride
        read, single = (layer.window(row, at, layer.depth, count) for count in (pixels, 1))
        results = writes(_OUT, _FLOAT * _LANES, (pixels, layer.steps[_OUT]))
        four = repeat(groups, sequence(read, results), {_OUT: _FLOAT * _LANES})
        one = repeat(rest, sequence(single, writes(_OUT, _FLOAT)), {_OUT: _FLOAT})
        others = moved(repeat(pixels, one, layer.steps), {_OUT: _FLOAT * _LANES * groups})
        return moved(sequence(four, others), {_OUT: first * layer.steps[_OUT]})

    return sequence(*(block(*part) for part in layer.blocks(column, int(np.max(call[7])), (4, 2))))


@footprint("ai_k_depthwise_f32")
def _depthwise(call: Call) -> Footprint:
    layer, row, column = _Layer.of(call.constant(4)), call[5], call[6]
    multiplier = layer.outputs // layer.depth
    groups = layer.depth // _LANES if multiplier == 1 else 0
    wide = _FLOAT * _LANES

    def block(first: int, pixels: int) -> Footprint:
        at = column + first * layer.stride
        read, single = layer.window(row, at, _LANES, pixels), layer.window(row, at, 1, 1)
        results = writes(_OUT, wide, (pixels, layer.steps[_OUT]))
        four = repeat(groups, sequence(read, results), {_IMAGE: wide, _OUT: wide})
        one = repeat(multiplier, sequence(single, writes(_OUT, _FLOAT)), {_OUT: _FLOAT})
        channels = repeat(layer.depth - _LANES * groups, one, {_IMAGE: _FLOAT, _OUT: _FLOAT * multiplier})
        others = moved(repeat(pixels, channels, layer.steps), {_IMAGE: wide * groups, _OUT: wide * groups})
        return moved(sequence(four, others), {_OUT: first * layer.steps[_OUT]})

    return sequence(*(block(*part) for part in layer.blocks(column, int(np.max(call[7])), (4,))))


@footprint("ai_k_dense_f32")
def _dense(call: Call) -> Footprint:
    depth, outputs = call[4], call[5]
    groups, wide = outputs // _LANES, _FLOAT * _LANES
    read = reads(0, _FLOAT * depth)
    four = repeat(groups, sequence(read, writes(_OUT, wide)), {_OUT: wide})
    one = repeat(outputs - _LANES * groups, sequence(read, writes(_OUT, _FLOAT)), {_OUT: _FLOAT})
    return sequence(four, moved(one, {_OUT: wide * groups}))


def _clamped(count: Number, pointer: int) -> Footprint:
    return repeat(count, sequence(reads(pointer, _FLOAT), writes(pointer, _FLOAT)), {pointer: _FLOAT})


@footprint("ai_k_clamp_f32")
def _clamp(call: Call) -> Footprint:
    return _clamped(call[1], 0)


@footprint("ai_k_average_pool_f32", "ai_k_max_pool_f32")
def _pool(call: Call) -> Footprint:
    rows, columns, pitch, channels = (call[i] for i in range(2, 6))
    fours = channels // _LANES

    def part(lanes: int) -> Footprint:
        loops = ((rows, _FLOAT * pitch), (columns, _FLOAT * channels))
        return sequence(reads(0, _FLOAT * lanes, *loops), writes(1, _FLOAT * lanes))

    wide = _FLOAT * _LANES
    four = repeat(fours, part(_LANES), {0: wide, 1: wide})
    one = repeat(channels - _LANES * fours, part(1), {0: _FLOAT, 1: _FLOAT})
    return sequence(four, moved(one, {0: wide * fours, 1: wide * fours}), _clamped(channels, 1))


@footprint("ai_k_logistic_f32", "ai_k_tanh_f32", "ai_k_hard_swish_f32")
def _activation(call: Call) -> Footprint:
    return repeat(call[2], sequence(reads(0, _FLOAT), writes(1, _FLOAT)), {0: _FLOAT, 1: _FLOAT})
