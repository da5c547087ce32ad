# SPDX-License-Identifier: Apache-2.0
"""Memory plan: an offset in the pool for every buffer, so that no byte is taken while it is needed.

Buffers that live together have no byte in common, except for pairs with a :class:`.overlap.Separation`: one dies at the
node where the other is born, and the kernel lets them share memory at some distances. Buffers are placed one after
the other as low as they can be; the order decides how well that goes, and a search over orders improves it.
"""

from __future__ import annotations

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
    enough = lower_bound(placed, separations)
    offsets, height = _best(_Placement(placed, separations), enough)
    if height > enough:
        # Lowest places from the other end of the pool are other places.
        turned = _Placement(placed, separations, turned=True)
        places, least = _best(turned, enough)
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

        self.rivals: list[list[tuple[int, Separation]]] = [
            [(j, safe(a, b)) for j, b in enumerate(buffers) if j != i and live_together(a, b)]
            for i, a in enumerate(buffers)
        ]

    def place(self, order: Sequence[int]) -> tuple[list[int], int]:
        """(offset of every buffer, bytes in all)."""
        offsets = [-1] * len(self.buffers)
        height = 0
        for i in order:
            rivals = [(offsets[j], safe) for j, safe in self.rivals[i] if offsets[j] >= 0]
            offsets[i] = _lowest(rivals)
            height = max(height, offsets[i] + self.sizes[i])
        return offsets, height


def _lowest(rivals: Sequence[tuple[int, Separation]]) -> int:
    """The least offset that is safe beside all rivals."""
    offset, agreed, at = 0, 0, 0
    while agreed < len(rivals):
        place, safe = rivals[at]
        least = place + safe.next(offset - place)
        agreed = agreed + 1 if least == offset else 1
        offset = least
        at = (at + 1) % len(rivals)
    return offset


def _best(placement: _Placement, enough: int) -> tuple[list[int], int]:
    return placement.place(_search(placement, enough))


def _search(placement: _Placement, enough: int) -> list[int]:
    """An order whose placement is the lowest found; the search ends at ``enough`` bytes or when its work is done."""
    buffers = placement.buffers
    starts = [sorted(range(len(buffers)), key=lambda i, by=by: by(buffers[i])) for by in _ORDERS]  # type: ignore[misc]
    heights = [placement.place(order)[1] for order in starts]
    best = min(heights)
    order = starts[heights.index(best)]
    chance = random.Random(_SEED)  # noqa: S311 - the same plan each time
    for _ in range(_WORK // max(len(buffers), 1) if len(buffers) > 1 else 0):
        if best <= enough:
            break
        tried = _disturbed(order, placement, best, chance)
        height = placement.place(tried)[1]
        if height <= best:
            order, best = tried, height
    return order


def _disturbed(order: list[int], placement: _Placement, height: int, chance: random.Random) -> list[int]:
    """Another order: a buffer that reaches the top, or any, is placed earlier or later."""
    tried = list(order)
    offsets, _ = placement.place(order) if chance.random() < 0.1 else ([], 0)
    top = [i for i, offset in enumerate(offsets) if offset + placement.sizes[i] == height]
    moved = tried.index(chance.choice(top)) if top else chance.randrange(len(tried))
    tried.insert(chance.randrange(len(tried)), tried.pop(moved))
    return tried


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
