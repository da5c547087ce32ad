# SPDX-License-Identifier: Apache-2.0
"""How much working memory a layer may take before it raises the peak of the whole model.

Some schedules buy speed with scratch. Where the rest of the model is what needs the most memory, that scratch is free;
at the peak it is not, and the frugal schedule stays.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import replace

from stm32_emitter.operators.schedule import Choices
from stm32_emitter.planning.plan import ALIGNMENT
from stm32_emitter.program import Buffer, Node, Program

FREE_BYTES = 128
"""Scratch that every schedule may take."""


def within_peak(lower: Callable[[Choices], Program], height: Callable[[Program], int], choices: Choices) -> Program:
    """The fastest schedules that need no more memory than the frugal ones.

    Args:
        lower: makes the program for some choices.
        height: bytes of a program's memory plan.
        choices: without limits.
    """
    fast = lower(choices)
    if all(scratch_bytes(fast, node) <= FREE_BYTES for node in fast.nodes):
        return fast
    frugal = lower(replace(choices, scratch={}, free_scratch=FREE_BYTES))
    peak = height(frugal)
    if height(fast) <= peak:
        return fast
    mixed = lower(replace(choices, scratch=budgets(frugal, peak), free_scratch=FREE_BYTES))
    return mixed if height(mixed) <= peak else frugal


def budgets(program: Program, peak: int) -> Mapping[str, int]:
    """Layer key -> bytes that ``peak`` leaves beside the tensors that are alive, were they all disjoint."""
    found: dict[str, int] = {}
    for number, node in enumerate(program.nodes):
        scratch = _scratch(program, node)
        alive = [b for b in program.buffers if b.first <= number <= b.last and b.index not in scratch]
        room = peak - sum(_aligned(buffer) for buffer in alive)
        found[node.layer] = max(min(room, found.get(node.layer, room)), 0)
    return found


def scratch_bytes(program: Program, node: Node) -> int:
    """Bytes of a node's working memory."""
    return sum(_aligned(program.buffers[index]) for index in _scratch(program, node))


def _scratch(program: Program, node: Node) -> set[int]:
    count = program.kernels[node.kernel].scratch
    return {argument.index for argument in node.arguments[len(node.arguments) - count :]}


def _aligned(buffer: Buffer) -> int:
    return -(-buffer.bytes // ALIGNMENT) * ALIGNMENT
