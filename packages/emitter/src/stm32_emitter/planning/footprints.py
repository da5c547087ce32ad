# SPDX-License-Identifier: Apache-2.0
"""The language of footprints: which bytes behind its pointers a call of a function touches, and in which order.

A footprint is put together from four forms, which are loop nests in small::

    reads(p, length, (count, step), ...)   # count times `length` neighbouring bytes, `step` bytes apart; nested loops
    writes(p, length, (count, step), ...)
    sequence(a, b, ...)                    # in this order
    together(a, b, ...)                    # in an order that nobody promises
    repeat(count, a, {p: step})            # a loop; pointer p moves by `step` bytes each time

``p`` is the position of a pointer among the arguments of the call, all lengths and steps are bytes. The functions of
the runtime have their entries in :mod:`.runtime_int8` and :mod:`.runtime_float`. To add one, write down what its C
does::

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


def inside(start: Number, count: Number, dilation: Number, size: Number) -> tuple[Number, Number]:
    """(first, number) of the taps start + i * dilation, i = 0 .. count - 1, that are in 0 .. size - 1."""
    first = np.maximum(-(start // dilation), 0)
    last = np.minimum((size - 1 - start) // dilation, count - 1)
    return first, np.maximum(last - first + 1, 0)


def window(image: int, position: tuple[Number, Number], taps: Sequence[Number], size: Sequence[Number]) -> Footprint:
    """Reads the taps of a window that are inside an image.

    Args:
        image: the pointer.
        position: row and column of the first tap, which may be outside.
        taps: rows, columns, row dilation, column dilation, bytes of a tap.
        size: height, width, bytes of a pixel.
    """
    (row, column), (rows, columns, down, right, taken), (height, width, pixel) = position, taps, size
    top, high = inside(row, rows, down, height)
    left, wide = inside(column, columns, right, width)
    start = ((row + top * down) * width + column + left * right) * pixel
    return reads(image, taken, (high, down * width * pixel), (wide, right * pixel), start=start)


def moved(body: Footprint, distances: Mapping[int, Number]) -> Footprint:
    """The same behind pointers that are some bytes further on."""
    touches = (replace(touch, start=touch.start + distances.get(touch.pointer, 0)) for touch in body.touches)
    return Footprint(tuple(touches), body.ticks)


def elementwise(sources: Sequence[int], result: int, count: Number, size: int = 1) -> Footprint:
    """``count`` elements of ``size`` bytes, forward: each is read from all sources before it is written."""
    one = sequence(*(reads(source, size) for source in sources), writes(result, size))
    return repeat(count, one, dict.fromkeys((*sources, result), size))
