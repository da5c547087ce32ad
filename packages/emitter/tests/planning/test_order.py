# SPDX-License-Identifier: Apache-2.0
"""The order of execution: never against the data, never worse, the best of all on small graphs."""

from __future__ import annotations

import itertools
import random
from dataclasses import dataclass
from typing import Any, cast

import pytest
from stm32_emitter.planning.order import ordered
from stm32_emitter.program import Argument, Buffer, IOTensor, Node, Program, TensorInfo


@dataclass(frozen=True)
class Kernel:
    scratch: int = 0


def program(edges: list[tuple[list[int], int]], sizes: list[int], outputs: set[int]) -> Program:
    """Buffer 0 is the input; node i reads the buffers edges[i][0] and writes edges[i][1]."""
    tensor = TensorInfo("t", (1,), "int8")
    count = len(edges)
    first, last = {0: 0}, {0: 0}
    for number, (reads, written) in enumerate(edges):
        first[written] = last[written] = number
        last.update(dict.fromkeys(reads, number))
    last.update(dict.fromkeys(outputs, count - 1))
    buffers = tuple(Buffer(i, size, first[i], last[i], f"b{i}") for i, size in enumerate(sizes))
    nodes = tuple(
        Node(str(i), i, tuple(Argument(b) for b in (*reads, written)), (), ())
        for i, (reads, written) in enumerate(edges)
    )
    written = tuple(frozenset({len(reads)}) for reads, _ in edges)
    ends = tuple(IOTensor(tensor, buffer) for buffer in sorted(outputs))
    kernels = cast("Any", tuple(Kernel() for _ in edges))
    return Program(buffers, (), kernels, written, nodes, (IOTensor(tensor, 0),), ends)


def alive(found: Program) -> list[int]:
    return [sum(b.bytes for b in found.buffers if b.first <= place <= b.last) for place in range(len(found.nodes))]


def cost(found: Program) -> tuple[int, int]:
    return max(alive(found)), sum(alive(found))


def random_program(seed: int) -> Program:
    rng = random.Random(seed)  # noqa: S311 - draws test cases
    count = rng.randint(2, 6)
    edges = [(rng.sample(range(i + 1), rng.randint(1, min(i + 1, 2))), i + 1) for i in range(count)]
    read = {buffer for reads, _ in edges for buffer in reads}
    outputs = {buffer for buffer in range(1, count + 1) if buffer not in read}
    return program(edges, [rng.randint(1, 100) for _ in range(count + 1)], outputs)


def brute_force(found: Program) -> tuple[int, int]:
    """The least cost over all orders that the data allow."""
    reads = [[a.index for a in node.arguments[:-1]] for node in found.nodes]
    written = [node.arguments[-1].index for node in found.nodes]
    outputs = {entry.buffer for entry in found.outputs}
    sizes = [buffer.bytes for buffer in found.buffers]
    best = cost(found)
    for order in itertools.permutations(range(len(found.nodes))):
        place = {written[node]: i for i, node in enumerate(order)}
        if all(place[b] < place[written[n]] for n in order for b in reads[n] if b):
            best = min(best, cost(program([(reads[n], written[n]) for n in order], sizes, outputs)))
    return best


@pytest.mark.parametrize("seed", range(60))
def test_no_order_of_a_small_graph_is_better(seed: int) -> None:
    original = random_program(seed)
    found = ordered(original)
    done = {0}
    for node in found.nodes:
        assert {a.index for a in node.arguments[:-1]} <= done, f"seed {seed}"
        done.add(node.arguments[-1].index)
    assert cost(found) == brute_force(original), f"seed {seed}"


def test_a_short_cut_is_taken_before_the_long_way() -> None:
    """input -> a -> b -> sum, input -> short -> sum: the wide input dies early."""
    edges = [([0], 1), ([1], 2), ([0], 3), ([2, 3], 4)]
    found = ordered(program(edges, [16, 8, 8, 8, 8], {4}))
    assert [node.name for node in found.nodes] == ["0", "2", "1", "3"]
    assert alive(found) == [24, 32, 24, 24]


def test_a_chain_stays_as_it_is() -> None:
    original = program([([0], 1), ([1], 2)], [4, 4, 4], {2})
    assert ordered(original) is original
