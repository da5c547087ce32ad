# SPDX-License-Identifier: Apache-2.0
"""Memory plan: an offset in the pool for every buffer, so that no byte is taken while it is needed.

Buffers that live together have no byte in common, except for pairs with a :class:`.overlap.Separation`: one dies at the
node where the other is born, and the kernel lets them share memory at some distances. Buffers are placed one after
the other as low as they can be; the order decides how well that goes, and a search over orders improves it.
"""

from __future__ import annotations

import itertools
import math
import random
from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass

from stm32_emitter.planning.overlap import Separation, apart
from stm32_emitter.program import Buffer

ALIGNMENT = 8
"""Every offset is a multiple: kernels read words, and some element types have 8 bytes."""

_WORK = 40_000
"""Placements that the search may try: a fraction of a second."""
_SEED = 1
_CROWD = 5
"""Buffers of which all orders are tried for each node."""
_FAR = 1 << 40
"""More bytes than any pool has."""

Separations = Mapping[tuple[int, int], Separation]
"""(dying buffer, born buffer) -> safe differences offset(born) - offset(dying)."""


@dataclass(frozen=True)
class Plan:
    """``offsets[buffer]`` in bytes from the start of the planned part, None for memory that the caller provides."""

    offsets: tuple[int | None, ...]
    bytes: int


_ORDERS: tuple[Callable[[Buffer], tuple[int, ...]], ...] = (
    lambda b: (-b.bytes, b.first),
    lambda b: (b.first, -b.bytes),
    lambda b: (-(b.last - b.first), -b.bytes),
    lambda b: (-b.bytes * (b.last - b.first + 1), b.first),
    lambda b: (-b.last, -b.bytes),
    lambda b: (-b.first, -b.bytes),
    lambda b: (-b.bytes, -b.first),
)


def plan_memory(buffers: Sequence[Buffer], external: Collection[int] = (), separations: Separations = {}) -> Plan:  # noqa: B006
    """A placement that no order out of many improves.

    Args:
        buffers: with their lifetimes.
        external: buffers that are not placed.
        separations: pairs that may share memory although they live together.
    """
    placed = [buffer for buffer in buffers if buffer.index not in external]
    placement = _Placement(placed, separations)
    order, height = _started(placement)
    enough = lower_bound(placed, separations)
    if height > enough:
        enough = max(enough, _crowded(placed, separations, enough))
    offsets, height = placement.place(_best(placement, order, height, enough))
    if height > enough:
        # Lowest places from the other end of the pool are other places.
        turned = _Placement(placed, separations, turned=True)
        places, least = turned.place(_best(turned, *_started(turned), enough))
        if least < height:
            height = least
            offsets = [height - place - size for place, size in zip(places, turned.sizes, strict=True)]
    by_index = {placed[i].index: offsets[i] for i in range(len(placed))}
    return Plan(tuple(by_index.get(buffer.index) for buffer in buffers), height)


def live_together(a: Buffer, b: Buffer) -> bool:
    """Whether two buffers are alive at the same node."""
    return a.first <= b.last and b.first <= a.last


def allowed(a: Buffer, b: Buffer, separations: Separations) -> Separation:
    """The safe differences offset(b) - offset(a), multiples of the alignment, of two buffers that live together."""
    if (a.index, b.index) in separations:
        found = separations[a.index, b.index]
    elif (b.index, a.index) in separations:
        found = separations[b.index, a.index].mirrored()
    else:
        found = apart(a.bytes, b.bytes)
    return found.aligned(ALIGNMENT)


def lower_bound(buffers: Sequence[Buffer], separations: Separations) -> int:
    """No plan needs less: the bytes alive at a node, less what pairs with a separation may share at most."""
    best = 0
    for node in {buffer.first for buffer in buffers}:
        alive = [buffer for buffer in buffers if buffer.first <= node <= buffer.last]
        total = sum(_aligned(buffer.bytes) for buffer in alive)
        for i, a in enumerate(alive):
            for b in alive[i + 1 :]:
                if (a.index, b.index) in separations or (b.index, a.index) in separations:
                    total -= _most_shared(a, b, allowed(a, b, separations))
        best = max(best, total, *(_aligned(buffer.bytes) for buffer in alive))
    return best


def _most_shared(a: Buffer, b: Buffer, safe: Separation) -> int:
    """How many bytes two buffers have in common at the best safe difference."""
    slack = _aligned(a.bytes) - _aligned(b.bytes)
    nearest = [safe.next(0), -safe.mirrored().next(0), safe.next(slack), -safe.mirrored().next(-slack)]
    return max(_shared(a, b, difference) for difference in nearest)


def _shared(a: Buffer, b: Buffer, difference: int) -> int:
    end = min(_aligned(a.bytes), difference + _aligned(b.bytes))
    return max(end - max(0, difference), 0)


def _aligned(offset: int) -> int:
    return -(-offset // ALIGNMENT) * ALIGNMENT


class _Placement:
    """Lowest placement of buffers in a given order; buffers are known by their position here.

    ``turned``: offsets count from the end of the pool to the end of a buffer.
    """

    def __init__(self, buffers: Sequence[Buffer], separations: Separations, *, turned: bool = False) -> None:
        self.buffers = buffers
        self.sizes = [_aligned(buffer.bytes) for buffer in buffers]

        def safe(a: Buffer, b: Buffer) -> Separation:
            found = allowed(b, a, separations)
            return found.turned(_aligned(b.bytes) - _aligned(a.bytes)) if turned else found

        self._spans: list[list[tuple[int, int, int]]] = []
        """For each buffer, of each rival whose safe differences have no period: (position, below, above)."""
        self._periodic: list[list[tuple[int, Separation]]] = []
        for i, a in enumerate(buffers):
            rivals = [(j, safe(a, b)) for j, b in enumerate(buffers) if j != i and live_together(a, b)]
            self._spans.append([(j, found.below, found.above) for j, found in rivals if not found.period])
            self._periodic.append([(j, found) for j, found in rivals if found.period])

    def place(self, order: Sequence[int], limit: int = _FAR, known: Sequence[int] = ()) -> tuple[list[int], int]:
        """(offset of every buffer, bytes in all).

        Args:
            order: of the buffers.
            limit: what is higher is not placed to the end; its height is more than this.
            known: offsets of the buffers at the beginning of the order, for as many as there are.
        """
        offsets = [-1] * len(self.buffers)
        height = 0
        for i, offset in zip(order, known, strict=False):
            offsets[i] = offset
            height = max(height, offset + self.sizes[i])
        for i in order[len(known) :]:
            offsets[i] = offset = self._lowest(i, offsets)
            height = max(height, offset + self.sizes[i])
            if height > limit:
                break
        return offsets, height

    def _lowest(self, i: int, offsets: Sequence[int]) -> int:
        """The least offset of a buffer that is safe beside all rivals with an offset."""
        spans = sorted(
            (offsets[j] + below, offsets[j] + above) for j, below, above in self._spans[i] if offsets[j] >= 0
        )
        periodic = [(offsets[j], safe) for j, safe in self._periodic[i] if offsets[j] >= 0]
        offset, before = 0, -1
        while offset != before:
            before = offset
            for start, end in spans:
                if start >= offset:
                    break
                offset = max(offset, end)
            for place, safe in periodic:
                offset = place + safe.next(offset - place)
        return offset


def _best(placement: _Placement, order: list[int], height: int, enough: int) -> list[int]:
    """The lowest order found from one of ``height`` bytes; ends at ``enough`` bytes or when its work is done."""
    if height <= enough:
        return order
    if math.factorial(min(len(order), 9)) * len(order) <= _WORK:
        return _tried_all(placement, order, height, enough)
    return _improved(placement, order, height, enough)


def _crowded(buffers: Sequence[Buffer], separations: Separations, least: int) -> int:
    """Bytes that the buffers of one node take at the lowest, where they are few: no search over all gets below that.

    Nodes that ``least`` bytes are enough for are left out.
    """
    groups = {tuple(b for b in buffers if b.first <= node <= b.last) for node in {b.first for b in buffers}}
    for group in groups:
        if len(group) > _CROWD or sum(_aligned(buffer.bytes) for buffer in group) <= least:
            continue
        placements = [_Placement(group, separations, turned=turned) for turned in (False, True)]
        orders = [_tried_all(placement, *_started(placement), least) for placement in placements]
        least = max(least, min(p.place(order)[1] for p, order in zip(placements, orders, strict=True)))
    return least


def _started(placement: _Placement) -> tuple[list[int], int]:
    """(the best of :data:`_ORDERS`, its height)."""
    buffers = placement.buffers
    starts = [sorted(range(len(buffers)), key=lambda i, by=by: by(buffers[i])) for by in _ORDERS]  # type: ignore[misc]
    heights = [placement.place(order)[1] for order in starts]
    best = min(heights)
    return starts[heights.index(best)], best


def _tried_all(placement: _Placement, order: list[int], best: int, enough: int) -> list[int]:
    """The first order that is as low as any."""
    for tried in itertools.permutations(range(len(order))):
        height = placement.place(tried, best - 1)[1]
        if height < best:
            order, best = list(tried), height
            if best <= enough:
                break
    return order


def _improved(placement: _Placement, order: list[int], best: int, enough: int) -> list[int]:
    """The lowest order on a walk over orders that are never higher than the ones before."""
    chance = random.Random(_SEED)  # noqa: S311 - the same plan each time
    offsets, _ = placement.place(order)
    for _ in range(_WORK // len(order)):
        if best <= enough:
            break
        source, target = _moved(order, offsets, placement.sizes, best, chance)
        if source == target:
            continue
        tried = list(order)
        tried.insert(target, tried.pop(source))
        found, height = placement.place(tried, best, [offsets[i] for i in order[: min(source, target)]])
        if height <= best:
            order, offsets, best = tried, found, height
    return order


def _moved(
    order: list[int], offsets: Sequence[int], sizes: Sequence[int], height: int, chance: random.Random
) -> tuple[int, int]:
    """(from, to): a place in the order of a buffer that reaches the top, or of any, and another place for it."""
    top = [i for i, size in enumerate(sizes) if offsets[i] + size == height] if chance.random() < 0.1 else []
    source = order.index(chance.choice(top)) if top else chance.randrange(len(order))
    return source, chance.randrange(len(order))


def overlaps(buffers: Sequence[Buffer], plan: Plan, separations: Separations = {}) -> list[tuple[int, int]]:  # noqa: B006
    """Pairs of buffers that live together at a difference that is not safe: none in a right plan."""
    found = []
    for i, a in enumerate(buffers):
        for b in buffers[i + 1 :]:
            start_a, start_b = plan.offsets[a.index], plan.offsets[b.index]
            if start_a is None or start_b is None or not live_together(a, b):
                continue
            if not _safe(a, b, start_b - start_a, separations):
                found.append((a.index, b.index))
    return found


def _safe(a: Buffer, b: Buffer, difference: int, separations: Separations) -> bool:
    if difference >= a.bytes or difference <= -b.bytes:
        return True
    if (a.index, b.index) in separations:
        return separations[a.index, b.index].allows(difference)
    return (b.index, a.index) in separations and separations[b.index, a.index].allows(-difference)
