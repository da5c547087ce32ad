# SPDX-License-Identifier: Apache-2.0
"""Order of execution: among all orders that the data allow, one that keeps few bytes alive.

Orders are compared by the most bytes that are alive at a node, then by their sum over the nodes: what is lower
everywhere leaves working memory to faster schedules. Scratch is left out, so that an order does not depend on
schedules, and so is sharing between input and output, which the plan finds afterwards.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from itertools import islice

from stm32_emitter.program import Buffer, Node, Program

_WIDTH = 128
"""Sets of executed nodes that are followed at a time; exact for models with few branches."""
_EFFORT = 32_000
"""Sets that are followed in all; long models (unrolled loops) are searched less widely."""
_CHOICES = 6
"""Nodes that are tried as the next one of a set in a long model, the first ones in the model's order."""


@dataclass(frozen=True)
class _Graph:
    """What each node reads and writes; bit i of a mask is node i."""

    reads: tuple[frozenset[int], ...]
    writes: tuple[frozenset[int], ...]
    sizes: tuple[int, ...]
    kept: frozenset[int]
    given: frozenset[int]

    @cached_property
    def needed(self) -> list[int]:
        """For each node the mask of those that it waits for: who writes what it reads, who reads what it overwrites."""
        writer = {b: i for i, written in enumerate(self.writes) for b in written}
        masks = [0] * len(self.reads)
        for node, read in enumerate(self.reads):
            for other in (writer[b] for b in read if b in writer and writer[b] != node):
                masks[max(node, other)] |= 1 << min(node, other)
        return masks

    @cached_property
    def followers(self) -> list[list[int]]:
        """For each node those that wait for it."""
        found: list[list[int]] = [[] for _ in self.reads]
        for node, mask in enumerate(self.needed):
            for other in _bits(mask):
                found[other].append(node)
        return found

    @cached_property
    def unread(self) -> frozenset[int]:
        """Inputs that no node reads; they end with the first node."""
        return frozenset(b for b in self.given - self.kept if b not in self.readers)

    @cached_property
    def readers(self) -> dict[int, int]:
        """For each buffer the mask of the nodes that read it."""
        found: dict[int, int] = {}
        for node, read in enumerate(self.reads):
            for buffer in read:
                found[buffer] = found.get(buffer, 0) | 1 << node
        return found


@dataclass(frozen=True)
class _State:
    """Nodes that are done or can be next, and what that took.

    Attributes:
        done: mask of nodes.
        ready: mask of nodes that wait for nothing.
        alive: buffers.
        size: their bytes.
        cost: (most bytes alive, their sum over the nodes).
        last: the last node and the state before it; None at the start.
    """

    done: int
    ready: int
    alive: frozenset[int]
    size: int
    cost: tuple[int, int]
    last: tuple[int, _State] | None = None

    @property
    def order(self) -> tuple[int, ...]:
        """The nodes that are done, in their order."""
        nodes, state = [], self
        while state.last is not None:
            node, state = state.last
            nodes.append(node)
        return tuple(reversed(nodes))


def ordered(program: Program) -> Program:
    """The program in a better order, or as it is if there is none."""
    graph = _graph(program)
    if graph is None:
        return program
    order = _search(graph)
    if _cost(graph, order) >= _cost(graph, range(len(program.nodes))):
        return program
    return _rearranged(program, graph, order)


def _graph(program: Program) -> _Graph | None:
    """None where a buffer has several writers."""
    touched = [_touched(program, node) for node in program.nodes]
    written = [b for _, writes in touched for b in writes]
    if len(written) != len(set(written)):
        return None
    states = {entry.buffer for entry in program.states}
    return _Graph(
        tuple(reads for reads, _ in touched), tuple(writes for _, writes in touched),
        tuple(buffer.bytes for buffer in program.buffers),
        frozenset(entry.buffer for entry in program.outputs) | states,
        frozenset(entry.buffer for entry in program.inputs) | states,
    )  # fmt: skip


def _touched(program: Program, node: Node) -> tuple[frozenset[int], frozenset[int]]:
    """Tensors that a node reads and writes."""
    scratch = len(node.arguments) - program.kernels[node.kernel].scratch
    written = program.written[node.kernel]
    tensors = [(i in written, a.index) for i, a in enumerate(node.arguments[:scratch]) if not a.is_constant]
    return (
        frozenset(buffer for writes, buffer in tensors if not writes),
        frozenset(buffer for writes, buffer in tensors if writes),
    )


def _search(graph: _Graph) -> tuple[int, ...]:
    """The order with the least sum among those with the least peak."""
    peak = min(state.cost[0] for state in _beam(graph, lambda cost: cost[0], None))
    found = _beam(graph, lambda cost: cost[1], peak) or _beam(graph, lambda cost: cost[0], None)
    return min(found, key=lambda state: state.cost).order


def _beam(graph: _Graph, key: Callable[[tuple[int, int]], int], limit: int | None) -> list[_State]:
    """Complete orders whose peak is within the limit; the best by key for each set of nodes on the way."""
    states, width = [_start(graph)], max(1, min(_WIDTH, _EFFORT // max(len(graph.reads), 1)))
    choices = None if width == _WIDTH else _CHOICES
    for _ in graph.reads:
        best: dict[int, _State] = {}
        for state in states:
            for following in (_after(graph, state, node) for node in islice(_bits(state.ready), choices)):
                known = best.get(following.done)
                within = limit is None or following.cost[0] <= limit
                if within and (known is None or key(following.cost) < key(known.cost)):
                    best[following.done] = following
        states = sorted(best.values(), key=lambda state: key(state.cost))[:width]
    return states


def _bits(mask: int) -> Iterator[int]:
    """The positions of the ones, ascending."""
    while mask:
        low = mask & -mask
        yield low.bit_length() - 1
        mask ^= low


def _start(graph: _Graph) -> _State:
    ready = sum(1 << node for node, mask in enumerate(graph.needed) if not mask)
    return _State(0, ready, graph.given, sum(graph.sizes[b] for b in graph.given), (0, 0))


def _after(graph: _Graph, state: _State, node: int) -> _State:
    done, touched = state.done | 1 << node, graph.reads[node] | graph.writes[node]
    size = state.size + sum(graph.sizes[b] for b in graph.writes[node] - state.alive)
    ends = touched if state.done else touched | graph.unread
    dead = [b for b in ends if b not in graph.kept and not graph.readers.get(b, 0) & ~done]
    ready = state.ready & ~(1 << node)
    for follower in graph.followers[node]:
        if not graph.needed[follower] & ~done:
            ready |= 1 << follower
    left = (state.alive | graph.writes[node]).difference(dead)
    cost = max(state.cost[0], size), state.cost[1] + size
    return _State(done, ready, left, size - sum(graph.sizes[b] for b in dead), cost, (node, state))


def _cost(graph: _Graph, order: Iterable[int]) -> tuple[int, int]:
    state = _start(graph)
    for node in order:
        state = _after(graph, state, node)
    return state.cost


def _rearranged(program: Program, graph: _Graph, order: Sequence[int]) -> Program:
    """The same nodes in another order, lifetimes adapted."""
    position = {node: place for place, node in enumerate(order)}
    uses: dict[int, list[int]] = {}
    for number, node in enumerate(program.nodes):
        for argument in node.arguments:
            if not argument.is_constant:
                uses.setdefault(argument.index, []).append(position[number])
    buffers = tuple(_moved(buffer, uses, graph, len(order) - 1) for buffer in program.buffers)
    return replace(program, buffers=buffers, nodes=tuple(program.nodes[i] for i in order))


def _moved(buffer: Buffer, uses: dict[int, list[int]], graph: _Graph, end: int) -> Buffer:
    places = uses.get(buffer.index, [0])
    first = 0 if buffer.index in graph.given else min(places)
    return replace(buffer, first=first, last=end if buffer.index in graph.kept else max(places))
