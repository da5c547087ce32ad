# SPDX-License-Identifier: Apache-2.0
"""Memory plan: an offset in the pool for every buffer, so that buffers that live together never overlap."""

from __future__ import annotations

from collections.abc import Callable, Collection, Sequence
from dataclasses import dataclass

from stm32_emitter.program import Buffer

ALIGNMENT = 8
"""Every offset is a multiple: kernels read words, and some element types have 8 bytes."""


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
)


def plan_memory(buffers: Sequence[Buffer], external: Collection[int] = ()) -> Plan:
    """The best of several best-fit placements.

    Args:
        buffers: with their lifetimes.
        external: buffers that are not placed.
    """
    placed = [buffer for buffer in buffers if buffer.index not in external]
    candidates = [_place(sorted(placed, key=order)) for order in _ORDERS]
    best = min(candidates, key=lambda offsets: _height(placed, offsets))
    return Plan(tuple(best.get(buffer.index) for buffer in buffers), _height(placed, best))


def _height(buffers: Sequence[Buffer], offsets: dict[int, int]) -> int:
    return max((_aligned(offsets[b.index] + b.bytes) for b in buffers), default=0)


def _aligned(offset: int) -> int:
    return -(-offset // ALIGNMENT) * ALIGNMENT


def live_together(a: Buffer, b: Buffer) -> bool:
    """Whether two buffers are alive at the same node."""
    return a.first <= b.last and b.first <= a.last


def _place(order: Sequence[Buffer]) -> dict[int, int]:
    """Each buffer goes to the tightest gap between those placed already that live at the same time."""
    offsets: dict[int, int] = {}
    done: list[Buffer] = []
    for buffer in order:
        rivals = sorted((offsets[b.index], b.bytes) for b in done if live_together(buffer, b))
        offsets[buffer.index] = _tightest_gap(rivals, buffer.bytes)
        done.append(buffer)
    return offsets


def _tightest_gap(rivals: Sequence[tuple[int, int]], need: int) -> int:
    """Offset of the smallest gap of at least ``need`` bytes, else behind the last rival."""
    best: tuple[int, int] | None = None
    end = 0
    for offset, size in rivals:
        gap = offset - end
        if gap >= need and (best is None or gap < best[0]):
            best = (gap, end)
        end = max(end, _aligned(offset + size))
    return end if best is None else best[1]


def overlaps(buffers: Sequence[Buffer], plan: Plan) -> list[tuple[int, int]]:
    """Pairs of buffers that live together and share bytes: none in a right plan (used by tests and as a check)."""
    found = []
    for i, a in enumerate(buffers):
        for b in buffers[i + 1 :]:
            start_a, start_b = plan.offsets[a.index], plan.offsets[b.index]
            if start_a is None or start_b is None or not live_together(a, b):
                continue
            if start_a < start_b + b.bytes and start_b < start_a + a.bytes:
                found.append((a.index, b.index))
    return found
