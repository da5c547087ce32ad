# SPDX-License-Identifier: Apache-2.0
"""Which buffers of a program may share memory although both are alive at one node, and how."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field

from stm32_emitter.planning.access import NotAnalysable, Trace, trace_of
from stm32_emitter.planning.overlap import Separation, separation
from stm32_emitter.program import Node, Program

Separations = dict[tuple[int, int], Separation]
"""(dying buffer, born buffer) -> safe differences offset(born) - offset(dying), where these let them overlap."""

_BYTES = ("int8", "uint8", "bool")
"""Types that C lets share memory with any other type."""


def separations(program: Program) -> Separations:
    """Every pair of a buffer that dies and one that is born at a node whose kernel lets them overlap."""
    analysed = _Analysed(program)
    found: Separations = {}
    for number, node in enumerate(program.nodes):
        for pair in _pairs(program, number, node):
            dying, born = (
                tuple(i for i, a in enumerate(node.arguments) if not a.is_constant and a.index == buffer)
                for buffer in pair
            )
            result = analysed.separation(node, dying, born)
            if result is not None and result.overlaps(*(program.buffers[buffer].bytes for buffer in pair)):
                found[pair] = result
    return found


_Parameters = tuple[int, ...]


@dataclass
class _Analysed:
    """Traces and separations of the kernels so far: nodes that differ in names and weights only have the same."""

    program: Program
    traces: dict[int, list[tuple[Node, Trace | None]]] = field(default_factory=dict)
    results: dict[tuple[int, _Parameters, _Parameters], Separation | None] = field(default_factory=dict)

    def separation(self, node: Node, dying: _Parameters, born: _Parameters) -> Separation | None:
        """Of two arguments of a node; None if its kernel cannot be analysed."""
        trace = self._trace(node)
        if trace is None:
            return None
        key = (id(trace), dying, born)
        if key not in self.results:
            try:
                self.results[key] = separation(trace, dying, born)
            except NotAnalysable:
                self.results[key] = None
        return self.results[key]

    def _trace(self, node: Node) -> Trace | None:
        known = self.traces.setdefault(node.kernel, [])
        for other, trace in known:
            used = frozenset() if trace is None else trace.used
            if all(node.arguments[i] == other.arguments[i] for i in used):
                return trace
        trace = self._computed(node)
        known.append((node, trace))
        return trace

    def _computed(self, node: Node) -> Trace | None:
        constants = self.program.constants
        values = {i: constants[a.index].value for i, a in enumerate(node.arguments) if a.is_constant}
        try:
            return trace_of(self.program.kernels[node.kernel], values)
        except NotAnalysable:
            return None


def _pairs(program: Program, number: int, node: Node) -> list[tuple[int, int]]:
    """(dying, born) buffers: input or scratch with output, input with scratch."""
    written = program.written[node.kernel]
    outputs = set(_results(program, node))
    used = {argument.index for argument in node.arguments if not argument.is_constant}
    inputs = {a.index for i, a in enumerate(node.arguments) if not a.is_constant and i not in written}
    scratch = used - inputs - outputs
    # A state is alive before it is written and after it is read.
    states = {entry.buffer for entry in program.states}
    kept = {entry.buffer for entry in program.outputs} | states
    outputs -= states
    dying = sorted(b for b in inputs - kept if program.buffers[b].last == number) + sorted(scratch)
    pairs = [(a, b) for a in dying for b in sorted(outputs | scratch) if a != b and not {a, b} <= scratch]
    return [pair for pair in pairs if _may_alias(program, node, pair)]


def _results(program: Program, node: Node) -> Sequence[int]:
    """Written buffers that are not the scratch of this node alone."""
    kernel = program.kernels[node.kernel]
    written = sorted(program.written[node.kernel])
    return [node.arguments[i].index for i in written if i < len(kernel.parameters) - kernel.scratch]


def _may_alias(program: Program, node: Node, pair: tuple[int, int]) -> bool:
    """Whether C's aliasing rules let a compiler see both accesses: equal types, or one of them single bytes."""
    parameters = program.kernels[node.kernel].parameters
    types = [
        {parameters[i].dtype for i, a in enumerate(node.arguments) if not a.is_constant and a.index == buffer}
        for buffer in pair
    ]
    return types[0] == types[1] or any(kinds <= set(_BYTES) for kinds in types)
