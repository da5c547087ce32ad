# SPDX-License-Identifier: Apache-2.0
"""Scratch is taken where the peak of the model leaves room for it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, cast

from stm32_emitter.operators.base import KernelRequest, TensorSpec
from stm32_emitter.operators.schedule import Choices, Schedule, choose, layer_key
from stm32_emitter.planning.budget import FREE_BYTES, budgets, within_peak
from stm32_emitter.planning.plan import plan_memory
from stm32_emitter.program import Argument, Buffer, Node, Program
from stm32_emitter.target import target_named

WIDE, NARROW = 40_000, 8_000
HUNGRY, FRUGAL = 6_000, 512


@dataclass(frozen=True)
class Kernel:
    scratch: int = 1


def program(scratch: dict[str, int]) -> Program:
    """in -> "wide" -> middle -> "narrow" -> out."""
    sizes = [WIDE // 2, WIDE // 2, NARROW, scratch["wide"], scratch["narrow"]]
    lives = [(0, 0), (0, 1), (1, 1), (0, 0), (1, 1)]
    buffers = tuple(Buffer(i, sizes[i], *lives[i], f"b{i}") for i in range(5))
    nodes = tuple(
        Node(name, number, tuple(Argument(b) for b in used), (), (), name, ())
        for number, (name, used) in enumerate((("wide", (0, 1, 3)), ("narrow", (1, 2, 4))))
    )
    kernels = cast("Any", (Kernel(), Kernel()))
    return Program(buffers, (), kernels, (frozenset({1, 2}), frozenset({1, 2})), nodes, (), ())


def lower(choices: Choices) -> Program:
    limits = choices.scratch
    chosen = {}
    for key in ("wide", "narrow"):
        limit = HUNGRY if limits is None else max(limits.get(key, 0), choices.free_scratch)
        chosen[key] = HUNGRY if limit >= HUNGRY else FRUGAL
    return program(chosen)


def height(found: Program) -> int:
    return plan_memory(found.buffers).bytes


def test_room_is_what_the_peak_leaves() -> None:
    frugal = program({"wide": FRUGAL, "narrow": FRUGAL})
    assert budgets(frugal, WIDE + FRUGAL) == {"wide": FRUGAL, "narrow": WIDE + FRUGAL - WIDE // 2 - NARROW}


def test_scratch_is_taken_away_from_the_peak_only() -> None:
    found = within_peak(lower, height, Choices())
    assert height(found) == WIDE + FRUGAL
    assert [found.buffers[3].bytes, found.buffers[4].bytes] == [FRUGAL, HUNGRY]


def test_little_scratch_needs_no_second_look() -> None:
    calls: list[Choices] = []

    def modest(choices: Choices) -> Program:
        calls.append(choices)
        return program({"wide": FREE_BYTES, "narrow": 8})

    assert within_peak(modest, height, Choices()).buffers[3].bytes == FREE_BYTES
    assert calls == [Choices()]


def test_a_limit_leaves_the_most_frugal_schedule() -> None:
    spec = TensorSpec((1, 4), "int8")
    request = KernelRequest("RELU", (spec,), spec, {}, target_named("cortex-m4"))
    fast, slow = (Schedule(name, cast("Any", None), cycles=c, scratch=s) for name, c, s in (("f", 1, 99), ("s", 2, 9)))
    key = layer_key(request)
    assert choose((fast, slow), request, Choices()).name == "f"
    assert choose((fast, slow), request, Choices(scratch={key: 99})).name == "f"
    assert choose((fast, slow), request, Choices(scratch={key: 98})).name == "s"
    assert choose((fast, slow), request, Choices(scratch={})).name == "s"
