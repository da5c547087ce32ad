# SPDX-License-Identifier: Apache-2.0
"""Footprints: which bytes behind its pointers a call of each function of the runtime touches, and in which order.

A footprint is put together from four forms, which are loop nests in small::

    reads(p, length, (count, step), ...)   # count times `length` neighbouring bytes, `step` bytes apart; nested loops
    writes(p, length, (count, step), ...)
    sequence(a, b, ...)                    # in this order
    together(a, b, ...)                    # in an order that nobody promises
    repeat(count, a, {p: step})            # a loop; pointer p moves by `step` bytes each time

``p`` is the position of a pointer among the arguments of the call, all lengths and steps are bytes. To add a function,
write down what its C does::

    @footprint("ai_k_twice_s8")                                    # void ai_k_twice_s8(const int8_t *in, int8_t *out, n)
    def _twice(call: Call) -> Footprint:
        return repeat(call[2], sequence(reads(0, 1), writes(1, 1)), {0: 1, 1: 1})

A function may touch less than its entry says, never more, and never in another order. ``call[i]`` is an integer
argument: one number, or an array with one for each call of a loop nest, so entries compute with numpy's functions only.
Reads of constants need not be mentioned. A kernel that calls a function without an entry is planned, but never in place.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

Ints = NDArray[np.int64]
Number = int | Ints
"""One value, or one for each of several calls."""
Loop = tuple[Number, Number]
"""(count, step in bytes)"""


class Unknown(Exception):
    """A value that is not known at compile time."""


@dataclass(frozen=True)
class Touch:
    """Bytes behind one pointer of a call.

    Attributes:
        pointer: its position among the call's arguments.
        writes: whether they are written.
        start: first byte, from where the pointer points.
        length: neighbouring bytes.
        loops: (count, step in bytes, step in ticks), outermost first.
        tick: when the first of them is touched at the earliest, counted from the start of the call.
        spread: how many ticks later it may be.
    """

    pointer: int
    writes: bool
    start: Number
    length: Number
    loops: tuple[tuple[Number, Number, int], ...] = ()
    tick: int = 0
    spread: int = 0


@dataclass(frozen=True)
class Footprint:
    """What one call touches in ``ticks`` units of time."""

    touches: tuple[Touch, ...] = ()
    ticks: int = 1


@dataclass(frozen=True)
class Call:
    """The arguments of a call.

    Attributes:
        numbers: by position; None for pointers and for what is not known.
        constants: give the values behind the pointers to constants.
    """

    numbers: Sequence[Number | None]
    constants: Mapping[int, Callable[[], NDArray[Any]]]

    def __getitem__(self, position: int) -> Number:
        value = self.numbers[position]
        if value is None:
            raise Unknown(f"argument {position}")
        return value

    def constant(self, position: int) -> NDArray[Any]:
        """The array that a pointer to a constant points at."""
        if position not in self.constants:
            raise Unknown(f"the array behind argument {position}")
        return self.constants[position]()


def reads(pointer: int, length: Number, *loops: Loop, start: Number = 0) -> Footprint:
    """Bytes that are read, at once."""
    return Footprint((Touch(pointer, False, start, length, _timeless(loops)),))


def writes(pointer: int, length: Number, *loops: Loop, start: Number = 0) -> Footprint:
    """Bytes that are written, at once."""
    return Footprint((Touch(pointer, True, start, length, _timeless(loops)),))


def _timeless(loops: Sequence[Loop]) -> tuple[tuple[Number, Number, int], ...]:
    return tuple((count, step, 0) for count, step in loops)


def sequence(*parts: Footprint) -> Footprint:
    """One after the other."""
    touches: list[Touch] = []
    ticks = 0
    for part in parts:
        touches += [replace(touch, tick=touch.tick + ticks) for touch in part.touches]
        ticks += part.ticks
    return Footprint(tuple(touches), ticks)


def together(*parts: Footprint) -> Footprint:
    """In any order."""
    every = [
        replace(touch, loops=tuple((count, step, 0) for count, step, _ in touch.loops), tick=0, spread=1)
        for part in parts
        for touch in part.touches
    ]
    return Footprint(tuple(every), 2)


def repeat(count: Number, body: Footprint, steps: Mapping[int, Number]) -> Footprint:
    """``count`` times ``body``, one after the other; ``steps`` are how far pointers move each time."""
    touches = [
        replace(touch, loops=((count, steps.get(touch.pointer, 0), body.ticks), *touch.loops)) for touch in body.touches
    ]
    return Footprint(tuple(touches), max(int(np.max(count)), 1) * body.ticks)


FOOTPRINTS: dict[str, Callable[[Call], Footprint]] = {}
"""By function."""

_Entry = Callable[[Call], Footprint]


def footprint(*names: str) -> Callable[[_Entry], _Entry]:
    """Registers the footprint of one or several functions."""

    def register(entry: _Entry) -> _Entry:
        FOOTPRINTS.update(dict.fromkeys(names, entry))
        return entry

    return register


@footprint("memcpy")
def _memcpy(call: Call) -> Footprint:
    return together(reads(1, call[2]), writes(0, call[2]))


@footprint("memset")
def _memset(call: Call) -> Footprint:
    return writes(0, call[2])


@footprint("ai_k_clamp_s8")
def _clamp(call: Call) -> Footprint:
    return repeat(call[1], sequence(reads(0, 1), writes(0, 1)), {0: 1})


def _column_positions(call: Call, position: int, pixel: Number, count: Number) -> Footprint:
    """ai_k_conv.h: from the first position of a pixel's columns to the last, those of the other pixel between."""
    first, last = call[position], call[position] + count - 1
    places = [2 * (4 * (k // 2) + 2 * pixel + k % 2) for k in (first, last)]
    return writes(0, places[1] - places[0] + 2, start=places[0])


@footprint("ai_k_widen_s8")
def _widen(call: Call) -> Footprint:
    return together(reads(3, call[4]), _column_positions(call, 1, call[2], call[4]))


@footprint("ai_k_fill_s8")
def _fill(call: Call) -> Footprint:
    return _column_positions(call, 1, call[2], call[4])


@footprint("ai_k_conv_s8")
def _conv(call: Call) -> Footprint:
    return together(reads(0, 4 * call[8]), writes(5, call[9], (call[7], call[6])))


def _steps(count: Number) -> Number:
    """AI_K_STEPS."""
    return 2 * (count // 4) + (count % 4 + 1) // 2


@footprint("ai_k_columns_s8")
def _columns(call: Call) -> Footprint:
    count, rows, pitch = call[3], call[4], call[5]
    patches = (reads(p, count, (rows, pitch)) for p in (1, 2))
    return together(*patches, writes(0, 8 * _steps(count) * rows))


def inside(start: Number, count: Number, dilation: Number, size: Number) -> tuple[Number, Number]:
    """(first, number) of the taps start + i * dilation, i = 0 .. count - 1, that are in 0 .. size - 1."""
    first = np.maximum(-(start // dilation), 0)
    last = np.minimum((size - 1 - start) // dilation, count - 1)
    return first, np.maximum(last - first + 1, 0)


def _window(image: int, position: tuple[Number, Number], window: Sequence[int], size: Sequence[int]) -> Footprint:
    """Taps of a window that are inside an image.

    Args:
        image: the pointer.
        position: row and column of the first tap, which may be outside.
        window: rows, columns, row dilation, column dilation, bytes of a tap.
        size: height, width, bytes of a pixel.
    """
    (row, column), (rows, columns, down, right, taken), (height, width, pixel) = position, window, size
    top, high = inside(row, rows, down, height)
    left, wide = inside(column, columns, right, width)
    start = ((row + top * down) * width + column + left * right) * pixel
    return reads(image, taken, (high, down * width * pixel), (wide, right * pixel), start=start)


@footprint("ai_k_columns_clipped_s8")
def _columns_clipped(call: Call) -> Footprint:
    height, width, channels, depth, rows, taps, down, right, _ = (int(v) for v in call.constant(3)[:9])
    read = _window(2, (call[4], call[5]), (rows, taps, down, right, depth), (height, width, channels))
    return together(read, writes(0, 8 * int(_steps(taps * depth)) * rows - 4, start=4 * call[1]))


@footprint("ai_k_conv_d8_s8")
def _conv_d8(call: Call) -> Footprint:
    return together(reads(0, 8 * call[4]), writes(2, 4 * call[5], (2, call[3])))


@footprint("ai_k_dense_s8")
def _dense(call: Call) -> Footprint:
    return together(reads(0, call[6]), writes(5, call[7]))


@footprint("ai_k_dense_columns_s8")
def _dense_columns(call: Call) -> Footprint:
    return together(reads(1, call[2]), writes(0, 8 * ((call[2] + 3) // 4)))


@footprint("ai_k_dense_d8_s8")
def _dense_d8(call: Call) -> Footprint:
    return together(reads(0, 8 * call[4]), writes(3, 8 * call[5]))


@footprint("ai_k_depthwise_clear_s8")
def _depthwise_clear(call: Call) -> Footprint:
    return writes(0, 4 * call[1])


@footprint("ai_k_depthwise_pairs_s8")
def _depthwise_pairs(call: Call) -> Footprint:
    row, count, height, width, channels, lanes, left, columns = (call[i] for i in range(2, 10))
    top, high = inside(row, 2 * count, 1, height)
    taken = np.maximum(np.minimum(width, columns - left), 0)
    read = reads(1, lanes, (high, width * channels), (taken, channels), start=(row + top) * width * channels)
    return together(read, writes(0, 16 * columns * count))


def _depthwise_3x3(call: Call, stride: int) -> Footprint:
    pitch, lanes, multiplier, rows, columns, channels = (call[i] for i in (1, 4, 5, 6, 7, 8))
    pairs = (rows - 1) * stride // 2 + 2
    read = reads(0, 16 * ((columns - 1) * stride + 3), (pairs, 4 * pitch))
    return together(read, writes(3, lanes * multiplier, (rows, columns * channels), (columns, channels)))


@footprint("ai_k_depthwise_3x3_s8", "ai_k_depthwise_3x3_relu_s8")
def _depthwise_stride_1(call: Call) -> Footprint:
    return _depthwise_3x3(call, 1)


@footprint("ai_k_depthwise_3x3_s2_s8", "ai_k_depthwise_3x3_s2_relu_s8")
def _depthwise_stride_2(call: Call) -> Footprint:
    return _depthwise_3x3(call, 2)


@footprint("ai_k_depthwise_pixel_s8")
def _depthwise_pixel(call: Call) -> Footprint:
    height, width, channels, rows, columns, down, right, multiplier = (int(v) for v in call.constant(6)[:8])

    def part(lanes: int) -> Footprint:
        read = _window(0, (call[7], call[8]), (rows, columns, down, right, lanes), (height, width, channels))
        return sequence(read, writes(5, lanes * multiplier))

    return _by_channels(channels, part, {0: 1, 5: multiplier}, four=multiplier == 1)


def _by_channels(
    channels: Number, part: Callable[[int], Footprint], steps: Mapping[int, int], *, four: bool = True
) -> Footprint:
    """Four channels at a time as long as there are four, then one by one; ``steps`` are bytes of one channel."""
    fours = channels // 4 if four else 0
    ones = channels - 4 * fours
    each = repeat(fours, part(4), {p: 4 * step for p, step in steps.items()})
    return sequence(each, moved(repeat(ones, part(1), steps), {p: 4 * step * fours for p, step in steps.items()}))


def moved(body: Footprint, distances: Mapping[int, Number]) -> Footprint:
    """The same behind pointers that are some bytes further on."""
    touches = (replace(touch, start=touch.start + distances.get(touch.pointer, 0)) for touch in body.touches)
    return Footprint(tuple(touches), body.ticks)


@footprint("ai_k_average_pool_s8", "ai_k_max_pool_s8")
def _pool(call: Call) -> Footprint:
    rows, columns, row, channels = (call[i] for i in range(2, 6))

    def part(lanes: int) -> Footprint:
        return sequence(reads(0, lanes, (rows, row), (columns, channels)), writes(1, lanes))

    return _by_channels(channels, part, {0: 1, 1: 1})


@footprint("ai_k_mean_s8")
def _mean(call: Call) -> Footprint:
    count, channels = call[2], call[3]

    def part(lanes: int) -> Footprint:
        return sequence(reads(0, lanes, (count, channels)), writes(1, lanes))

    return _by_channels(channels, part, {0: 1, 1: 1})


@footprint("ai_k_resize_bilinear_s8")
def _resize_bilinear(call: Call) -> Footprint:
    width, channels = call[4], call[5]
    columns = np.asarray(call.constant(3)).reshape(-1, 3)[:, :2]
    first, last = int(columns.min()), int(columns.max())
    rows = (reads(p, (last - first + 1) * channels, start=first * channels) for p in (0, 1))
    return together(*rows, writes(2, width * channels))


def _softmax_rows(call: Call, size: int) -> Footprint:
    """Each row is read as a whole, then element by element while the results are written."""
    rows, depth = call[2], call[3]
    element = sequence(reads(0, size), writes(1, size))
    row = sequence(reads(0, size * depth), repeat(depth, element, {0: size, 1: size}))
    return repeat(rows, row, {0: size * depth, 1: size * depth})


@footprint("ai_k_softmax_s8", "ai_k_log_softmax_s8")
def _softmax(call: Call) -> Footprint:
    return _softmax_rows(call, 1)


@footprint("ai_k_softmax_f32", "ai_k_log_softmax_f32")
def _softmax_float(call: Call) -> Footprint:
    return _softmax_rows(call, 4)
