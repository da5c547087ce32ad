# SPDX-License-Identifier: Apache-2.0
"""The memory plan: never an overlap, aligned, never worse than the sum, close to the optimum on small cases."""

from __future__ import annotations

import itertools
import random

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from stm32_emitter.planning.overlap import Separation
from stm32_emitter.planning.plan import ALIGNMENT, _Placement, allowed, live_together, overlaps, plan_memory
from stm32_emitter.program import Buffer


def buffers_of(rows: list[tuple[int, int, int]]) -> list[Buffer]:
    """(bytes, first, length) -> buffers."""
    return [Buffer(i, size, first, first + length, f"b{i}") for i, (size, first, length) in enumerate(rows)]


def rounded(size: int) -> int:
    return -(-size // ALIGNMENT) * ALIGNMENT


def lower_bound(buffers: list[Buffer]) -> int:
    """No plan needs less than the bytes alive at one node."""
    nodes = range(max((b.last for b in buffers), default=-1) + 1)
    return max((sum(rounded(b.bytes) for b in buffers if b.first <= n <= b.last) for n in nodes), default=0)


def optimum(buffers: list[Buffer]) -> int:
    """Brute force: lowest-fit in every order; some order gives an optimal plan."""
    best = sum(rounded(b.bytes) for b in buffers)
    for order in itertools.permutations(buffers):
        placed: list[tuple[Buffer, int]] = []
        for buffer in order:
            rivals = sorted((o, o + rounded(b.bytes)) for b, o in placed if live_together(b, buffer))
            offset = 0
            for start, end in rivals:
                if start - offset >= rounded(buffer.bytes):
                    break
                offset = max(offset, end)
            placed.append((buffer, offset))
        best = min(best, max(o + rounded(b.bytes) for b, o in placed))
    return best


ROWS = st.lists(st.tuples(st.integers(1, 5000), st.integers(0, 30), st.integers(0, 12)), max_size=30)
FEW = st.lists(st.tuples(st.integers(1, 40), st.integers(0, 5), st.integers(0, 3)), min_size=1, max_size=6)


@given(ROWS)
@settings(max_examples=200, deadline=None, derandomize=True)
def test_random_lifetimes(rows: list[tuple[int, int, int]]) -> None:
    buffers = buffers_of(rows)
    plan = plan_memory(buffers)
    assert overlaps(buffers, plan) == []
    for a, b in itertools.combinations(buffers, 2):  # not by the planner's own words
        start_a, start_b = plan.offsets[a.index], plan.offsets[b.index]
        assert start_a is not None
        assert start_b is not None
        alive = set(range(a.first, a.last + 1)) & set(range(b.first, b.last + 1))
        apart = start_a + a.bytes <= start_b or start_b + b.bytes <= start_a
        assert apart or not alive
    assert all(offset is not None and offset % ALIGNMENT == 0 for offset in plan.offsets)
    assert all(offset + b.bytes <= plan.bytes for offset, b in zip(plan.offsets, buffers, strict=True))  # type: ignore[operator]
    assert lower_bound(buffers) <= plan.bytes <= sum(rounded(b.bytes) for b in buffers)


@given(FEW)
@settings(max_examples=150, deadline=None, derandomize=True)
def test_against_the_optimum_of_tiny_cases(rows: list[tuple[int, int, int]]) -> None:
    buffers = buffers_of(rows)
    assert plan_memory(buffers).bytes <= GAP * optimum(buffers)


GAP = 1.25
"""Worst ratio to the optimum that is tolerated on tiny cases; see the test below for how often it is reached."""


def test_how_far_from_the_optimum(seed: int) -> None:
    rng, found = random.Random(seed), []  # noqa: S311 - no secrets
    for _ in range(200):
        rows = [(rng.randint(1, 40), rng.randint(0, 5), rng.randint(0, 3)) for _ in range(rng.randint(2, 6))]
        buffers = buffers_of(rows)
        found.append(plan_memory(buffers).bytes / optimum(buffers))
    exact = sum(ratio == 1 for ratio in found) / len(found)
    print(f"optimal in {exact:.1%}, worst {max(found):.3f}, mean {sum(found) / len(found):.4f} times the optimum")  # noqa: T201
    assert exact > 0.95
    assert sum(found) / len(found) < 1.01


def test_a_buffer_lies_as_low_as_its_rivals_allow(seed: int) -> None:
    """Pairs that share memory at some distances, with periods and without: no multiple below the place is safe."""
    rng = random.Random(seed)  # noqa: S311 - no secrets
    for _ in range(40):
        buffers = buffers_of([(rng.randint(1, 99), rng.randint(0, 3), rng.randint(0, 3)) for _ in range(6)])
        safe = {(a, b): _separation(rng, buffers[a].bytes, buffers[b].bytes) for a in range(6) for b in range(a)}
        plan = plan_memory(buffers, separations=safe)
        assert overlaps(buffers, plan, safe) == []
        order = list(range(6))
        rng.shuffle(order)
        places, height = _Placement(buffers, safe).place(order)
        assert plan.bytes <= height
        for rank, i in enumerate(order):
            placed = [buffers[j] for j in order[:rank] if live_together(buffers[i], buffers[j])]
            fits = (
                all(allowed(b, buffers[i], safe).allows(offset - places[b.index]) for b in placed)
                for offset in range(0, places[i] + 1, ALIGNMENT)
            )
            assert list(fits) == [False] * (places[i] // ALIGNMENT) + [True]


def _separation(rng: random.Random, dying: int, born: int) -> Separation:
    if rng.random() < 0.5:
        return Separation(-rng.randint(0, born), rng.randint(0, dying))
    return Separation(-born, dying, rng.choice((3, 8, 24)), -rng.randint(0, 4), rng.randint(1, 4))


def test_external_buffers_are_not_placed() -> None:
    buffers = buffers_of([(100, 0, 3), (10, 0, 3), (20, 1, 1)])
    plan = plan_memory(buffers, external={0})
    assert plan.offsets[0] is None
    assert plan.bytes == rounded(10) + rounded(20)


def test_a_chain_uses_two_buffers() -> None:
    buffers = buffers_of([(64, i, 1) for i in range(10)])
    assert plan_memory(buffers).bytes == 128


@pytest.mark.parametrize("rows", [[], [(1, 0, 0)], [(8, 0, 0), (8, 1, 0)]])
def test_little_plans(rows: list[tuple[int, int, int]]) -> None:
    assert plan_memory(buffers_of(rows)).bytes == (8 if rows else 0)


def test_overlaps_are_found() -> None:
    buffers = buffers_of([(16, 0, 1), (16, 1, 1), (16, 3, 1)])
    plan = plan_memory(buffers)
    broken = type(plan)((0, 8, 0), plan.bytes)
    assert overlaps(buffers, broken) == [(0, 1)]
