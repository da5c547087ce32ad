# SPDX-License-Identifier: Apache-2.0
"""Scratch is taken where the peak of the model leaves room for it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, cast

from stm32_emitter.operators.base import KernelRequest, TensorSpec
from stm32_emitter.operators.schedule import Choices, Schedule, choose, layer_key
from stm32_emitter.planning.budget import budgets, within_peak
from stm32_emitter.planning.families import Offer, left_out
from stm32_emitter.planning.plan import Plan, plan_memory
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


def plan(found: Program) -> Plan:
    return plan_memory(found.buffers)


def offers(count: int = 2) -> list[Offer]:
    """Two layers whose schedules differ in scratch only; what they are called is told by their keys."""
    spec = TensorSpec((1, 4), "int8")
    schedules = [Schedule(f"s{i}", cast("Any", None), cycles=1.0, scratch=HUNGRY * i) for i in range(count)]
    return [(KernelRequest("RELU", (spec,), spec, {}, target_named("cortex-m4")), schedules)] * 2


def test_room_is_what_the_peak_leaves() -> None:
    frugal = program({"wide": FRUGAL, "narrow": FRUGAL})
    disjoint = budgets(frugal, plan(frugal), shared=False)
    assert disjoint == {"wide": FRUGAL, "narrow": WIDE + FRUGAL - WIDE // 2 - NARROW}
    assert budgets(frugal, plan(frugal), shared=True) == disjoint


def test_shared_bytes_are_room() -> None:
    frugal = program({"wide": FRUGAL, "narrow": FRUGAL})
    over = Plan((0, 0, WIDE // 2, WIDE // 2, WIDE // 2 + NARROW), WIDE)
    assert budgets(frugal, over, shared=True)["wide"] == WIDE - WIDE // 2
    assert budgets(frugal, over, shared=False)["wide"] == 0


def test_scratch_is_taken_away_from_the_peak_only() -> None:
    found = within_peak(lower, plan, offers(), Choices())
    assert plan(found).bytes == WIDE + FRUGAL
    assert [found.buffers[3].bytes, found.buffers[4].bytes] == [FRUGAL, HUNGRY]


def test_layers_with_one_schedule_are_lowered_once() -> None:
    calls: list[Choices] = []

    def once(choices: Choices) -> Program:
        calls.append(choices)
        return lower(choices)

    assert within_peak(once, plan, offers(1), Choices()).buffers[3].bytes == HUNGRY
    assert calls == [Choices()]


def test_families_have_to_be_worth_their_code() -> None:
    spec = TensorSpec((1, 4), "int8")
    request = KernelRequest("CONV_2D", (spec,), spec, {}, target_named("cortex-m4"))

    def layer(fast: float) -> Offer:
        return request, [
            Schedule("fast-x2", cast("Any", None), cycles=fast, code=2048, family="fast"),
            Schedule("fast", cast("Any", None), cycles=fast + 1, code=2048),
            Schedule("slow", cast("Any", None), cycles=100_000, code=1024),
        ]

    cheap, worthy = layer(99_700.0), layer(80_000.0)
    assert left_out([cheap, cheap], Choices()) == {"CONV_2D/fast"}
    assert left_out([worthy, worthy], Choices()) == set()
    # A layer that needs the slow family anyway makes the fast one dearer: its code comes on top.
    needed = (request, [Schedule("slow", cast("Any", None), cycles=1_000, code=1024)])
    assert left_out([layer(99_200.0)], Choices()) == set()
    assert left_out([layer(99_200.0), needed], Choices()) == {"CONV_2D/fast"}
    assert choose(cheap[1], request, Choices(left_out=frozenset({"CONV_2D/fast"}))).name == "slow"
    assert choose(cheap[1][:2], request, Choices(left_out=frozenset({"CONV_2D/fast"}))).name == "fast-x2"


def test_a_limit_leaves_the_most_frugal_schedule() -> None:
    spec = TensorSpec((1, 4), "int8")
    request = KernelRequest("RELU", (spec,), spec, {}, target_named("cortex-m4"))
    fast, slow = (Schedule(name, cast("Any", None), cycles=c, scratch=s) for name, c, s in (("f", 1, 99), ("s", 2, 9)))
    key = layer_key(request)
    assert choose((fast, slow), request, Choices()).name == "f"
    assert choose((fast, slow), request, Choices(scratch={key: 99})).name == "f"
    assert choose((fast, slow), request, Choices(scratch={key: 98})).name == "s"
    assert choose((fast, slow), request, Choices(scratch={})).name == "s"
