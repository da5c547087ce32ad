# SPDX-License-Identifier: Apache-2.0
"""How much working memory a layer may take before it raises the peak of the whole model.

Some schedules buy speed with scratch. Where the rest of the model is what needs the most memory, that scratch is free;
at the peak it is not, and the frugal schedule stays.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace

from stm32_emitter.operators.schedule import Choices
from stm32_emitter.planning.families import Offer, left_out
from stm32_emitter.planning.plan import ALIGNMENT, Plan
from stm32_emitter.program import Buffer, Node, Program

FREE_BYTES = 128
"""Scratch that every schedule may take."""


def within_peak(
    lower: Callable[[Choices], Program], plan: Callable[[Program], Plan], offers: Sequence[Offer], choices: Choices
) -> Program:
    """The fastest schedules that need no more memory than the frugal ones, of families that are worth their code.

    Args:
        lower: makes the program for some choices.
        plan: makes the memory plan of a program.
        offers: every layer with its schedules.
        choices: without limits.
    """
    if all(len(schedules) == 1 for _, schedules in offers):
        return lower(choices)
    none = replace(choices, scratch={}, free_scratch=FREE_BYTES)
    frugal = lower(none)
    tight = plan(frugal)
    for found in (budgets(frugal, tight, shared=True), budgets(frugal, tight, shared=False)):
        limits = replace(none, scratch=found)
        fast = lower(replace(limits, left_out=left_out(offers, limits)))
        if plan(fast).bytes <= tight.bytes:
            return fast
    return frugal


def budgets(program: Program, plan: Plan, *, shared: bool) -> Mapping[str, int]:
    """Layer key -> bytes that the plan's peak leaves beside the tensors that are alive.

    Args:
        program: what is planned.
        plan: its offsets.
        shared: count bytes once that the plan gives to two tensors; else as if all were disjoint, which is on the safe
            side for kernels that need their input to the end.
    """
    found: dict[str, int] = {}
    for number, node in enumerate(program.nodes):
        scratch = _scratch(program, node)
        alive = [b for b in program.buffers if b.first <= number <= b.last and b.index not in scratch]
        room = plan.bytes - (_covered(alive, plan) if shared else sum(map(_aligned, alive)))
        found[node.layer] = max(min(room, found.get(node.layer, room)), 0)
    return found


def _covered(buffers: Sequence[Buffer], plan: Plan) -> int:
    """Bytes in at least one of the buffers that are in the pool."""
    starts = [(plan.offsets[buffer.index], _aligned(buffer)) for buffer in buffers]
    total = reached = 0
    for start, size in sorted((start, size) for start, size in starts if start is not None):
        total += max(start + size - max(start, reached), 0)
        reached = max(reached, start + size)
    return total


def _scratch(program: Program, node: Node) -> set[int]:
    count = program.kernels[node.kernel].scratch
    return {argument.index for argument in node.arguments[len(node.arguments) - count :]}


def _aligned(buffer: Buffer) -> int:
    return -(-buffer.bytes // ALIGNMENT) * ALIGNMENT
