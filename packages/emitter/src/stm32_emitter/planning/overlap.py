# SPDX-License-Identifier: Apache-2.0
"""How far apart two buffers must be when a kernel ends the life of one and starts the life of the other.

Each byte of the dying buffer is needed until its last access, each byte of the born one is taken from its first write
on. The two may share memory at a difference d = offset(born) - offset(dying) unless some byte b of the born one is
written before the last access to byte b + d of the dying one: then d is forbidden.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from stm32_emitter.planning.access import Event, NotAnalysable, Trace
from stm32_emitter.planning.footprints import Ints, Number

NEVER = -1
"""Last access of a byte that is not accessed."""
MOST_TOUCHES = 1 << 22
"""A kernel that touches more (neighbouring bytes count as one) is not analysed."""
_FAR = 1 << 40
"""Beyond every address and tick."""


@dataclass(frozen=True)
class Separation:
    """The differences d = offset(born) - offset(dying) that are safe.

    Attributes:
        below: every d <= below is.
        above: every d >= above is.
        period: in bytes; 0 if only ``below`` and ``above`` count.
        last: d = k * period with k <= last is safe, too,
        first: and with k >= first.
    """

    below: int
    above: int
    period: int = 0
    last: int = -_FAR
    first: int = _FAR

    def allows(self, difference: int) -> bool:
        """Whether a difference is safe."""
        if difference <= self.below or difference >= self.above:
            return True
        if not self.period or difference % self.period:
            return False
        return not self.last < difference // self.period < self.first

    def overlaps(self, dying: int, born: int) -> bool:
        """Whether buffers of ``dying`` and ``born`` bytes may have bytes in common."""
        return self.below > -born or self.above < dying or self.period > 0

    def next(self, difference: int) -> int:
        """The least safe difference >= ``difference``."""
        if self.allows(difference):
            return difference
        if not self.period:
            return self.above
        k = -(-difference // self.period)
        return min(self.above, (k if k <= self.last else max(k, self.first)) * self.period)

    def mirrored(self) -> Separation:
        """The same for -d."""
        return Separation(-self.above, -self.below, self.period, -self.first, -self.last)

    def turned(self, longer: int) -> Separation:
        """The same where both offsets count from the end of the pool to the end of the buffer.

        Args:
            longer: bytes of the dying buffer - bytes of the born one; a period that does not divide it is given up.
        """
        back = self.mirrored()
        below, above = back.below + longer, back.above + longer
        if not back.period or longer % back.period:
            return Separation(below, above)
        steps = longer // back.period
        return Separation(below, above, back.period, back.last + steps, back.first + steps)

    def aligned(self, alignment: int) -> Separation:
        """The safe multiples of ``alignment``."""
        below, above = self.below // alignment * alignment, -(-self.above // alignment) * alignment
        if not self.period:
            return Separation(below, above)
        period = math.lcm(self.period, alignment)
        factor = period // self.period
        return Separation(below, above, period, self.last // factor, -(-self.first // factor))


def apart(dying: int, born: int) -> Separation:
    """No byte in common: for buffers of ``dying`` and ``born`` bytes."""
    return Separation(-born, dying)


@dataclass(frozen=True)
class _Times:
    """A time for each ``unit`` bytes of a buffer."""

    unit: int
    ticks: Ints

    def finer(self, unit: int) -> Ints:
        """The same for each ``unit`` bytes, a divisor."""
        return self.ticks if unit == self.unit else np.repeat(self.ticks, self.unit // unit)


def separation(trace: Trace, dying: Sequence[int], born: Sequence[int]) -> Separation:
    """The safe differences between two arguments of a kernel.

    Args:
        trace: of the kernel.
        dying: parameters that the dying buffer is passed as.
        born: parameters that the born buffer is passed as.

    Raises:
        NotAnalysable: an access lies outside of its buffer, or there are too many.
    """
    ends, starts = _last_access(trace, dying), _first_write(trace, born)
    nearest = apart(trace.sizes[dying[0]], trace.sizes[born[0]])
    lowest, highest = _forbidden(ends, starts)
    found = Separation(max(nearest.below, lowest - 1), min(nearest.above, highest + 1))
    if found.allows(0):
        return found
    for period in sorted(_gaps(trace, dying) & _gaps(trace, born)):
        first, last = _forbidden_multiples(ends, starts, period)
        periodic = Separation(found.below, found.above, period, first - 1, last + 1)
        if periodic.next(found.below + 1) < found.above:
            return periodic
    same = Separation(found.below, found.above, sum(trace.sizes[p[0]] for p in (dying, born)), 0, 1)
    return same if _in_place(ends, starts) else found


def _last_access(trace: Trace, parameters: Sequence[int]) -> _Times:
    """Scratch is written in the kernel that it dies in, too; an input is only read."""
    events = trace.of(parameters, writes=False) + trace.of(parameters, writes=True)
    return _painted(events, trace.sizes[parameters[0]], latest=True, never=NEVER)


def _first_write(trace: Trace, parameters: Sequence[int]) -> _Times:
    return _painted(trace.of(parameters, writes=True), trace.sizes[parameters[0]], latest=False, never=trace.ticks)


def _painted(events: Sequence[Event], size: int, *, latest: bool, never: int) -> _Times:
    """Time of the latest or earliest event on each unit of a buffer."""
    unit = _unit(events, size)
    ticks = np.full(size // unit, never, np.int64)
    for event in events:
        at, when = _unfolded(event, unit)
        if len(at) and (at.min() < 0 or at.max() >= len(ticks)):
            raise NotAnalysable(f"an access outside of parameter {event.parameter}")
        if latest:
            np.maximum.at(ticks, at, when + event.spread)
        else:
            np.minimum.at(ticks, at, when)
    return _Times(unit, ticks)


def _unit(events: Sequence[Event], size: int) -> int:
    """The largest unit that all starts, lengths and steps are multiples of."""
    unit = size
    for event in events:
        unit = math.gcd(unit, int(np.gcd.reduce(event.start)), int(np.gcd.reduce(np.atleast_1d(event.length))))
        for _, step, _ in event.loops:
            unit = math.gcd(unit, int(np.gcd.reduce(np.atleast_1d(step))))
    return unit


def _unfolded(event: Event, unit: int) -> tuple[Ints, Ints]:
    """(unit, tick) of every single touch of an event."""
    at, when = event.start // unit, event.tick
    loops = (*event.loops, (event.length // unit, unit, 0))
    if len(at) * math.prod(int(np.max(count)) for count, _, _ in loops) > MOST_TOUCHES:
        raise NotAnalysable("too many accesses")
    index = np.arange(len(at))
    for count, step, tick in loops:
        steps = np.arange(max(int(np.max(count)), 0), dtype=np.int64)
        each = _of(step, index) // unit
        at, when = at[:, None] + steps * each, when[:, None] + steps * tick
        if isinstance(count, np.ndarray):
            reached = steps < _of(count, index)
            at, when, index = at[reached], when[reached], np.broadcast_to(index[:, None], reached.shape)[reached]
        else:
            at, when, index = at.ravel(), when.ravel(), np.repeat(index, len(steps))
    return at, when


def _of(value: Number, index: Ints) -> Number:
    """The value of each element of ``index``, as a column."""
    return value[index][:, None] if isinstance(value, np.ndarray) else value


def _forbidden(ends: _Times, starts: _Times) -> tuple[int, int]:
    """(least, greatest) forbidden difference; (_FAR, -_FAR) if there is none."""
    order = np.argsort(starts.ticks, kind="stable")
    earlier = np.searchsorted(starts.ticks[order], ends.ticks, "left")
    some = np.flatnonzero(earlier)
    if not len(some):
        return _FAR, -_FAR
    least, greatest = np.minimum.accumulate(order), np.maximum.accumulate(order)
    before = earlier[some] - 1
    lowest = some * ends.unit - greatest[before] * starts.unit - (starts.unit - 1)
    highest = some * ends.unit + (ends.unit - 1) - least[before] * starts.unit
    return int(lowest.min()), int(highest.max())


def _forbidden_multiples(ends: _Times, starts: _Times, period: int) -> tuple[int, int]:
    """(least, greatest) k for which k * period is forbidden: only bytes that are alike modulo the period meet."""
    unit = math.gcd(ends.unit, starts.unit, period)
    width, until, since = period // unit, ends.finer(unit), starts.finer(unit)
    rows_of = [np.arange(len(ticks)) // width for ticks in (until, since)]
    group = [np.arange(len(ticks)) % width for ticks in (until, since)]
    span = 2 + max(int(until.max(initial=0)), int(since.max(initial=0)))
    keys = group[1] * span + since
    order = np.argsort(keys, kind="stable")
    earlier = np.searchsorted(keys[order], group[0] * span + until, "left")
    some = np.flatnonzero(earlier > np.searchsorted(keys[order], group[0] * span, "left"))
    if not len(some):
        return _FAR, -_FAR
    # Larger groups come later, so that a shift by the group keeps running extremes inside of it.
    shift = group[1][order] * _FAR
    least = np.minimum.accumulate(rows_of[1][order] - shift)
    greatest = np.maximum.accumulate(rows_of[1][order] + shift)
    before, own = earlier[some] - 1, group[0][some] * _FAR
    lowest = rows_of[0][some] - (greatest[before] - own)
    highest = rows_of[0][some] - (least[before] + own)
    return int(lowest.min()), int(highest.max())


def _in_place(ends: _Times, starts: _Times) -> bool:
    """Whether the difference 0 is safe."""
    unit = math.gcd(ends.unit, starts.unit)
    until, since = ends.finer(unit), starts.finer(unit)
    common = min(len(until), len(since))
    return bool(np.all(since[:common] >= until[:common]))


def _gaps(trace: Trace, parameters: Sequence[int]) -> set[int]:
    """Steps of loops that leave bytes between out."""
    found = set()
    for event in trace.events:
        if event.parameter in parameters and isinstance(event.length, int):
            found |= {step for _, step, _ in event.loops if isinstance(step, int) and step > event.length}
    return found
