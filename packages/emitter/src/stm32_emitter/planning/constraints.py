# SPDX-License-Identifier: Apache-2.0
"""Which buffers of a program may share memory although both are alive at one node, and how."""

from __future__ import annotations

from collections.abc import Sequence

from stm32_emitter.planning.access import NotAnalysable, Trace, trace_of
from stm32_emitter.planning.overlap import Separation, separation
from stm32_emitter.program import Node, Program

Separations = dict[tuple[int, int], Separation]
"""(dying buffer, born buffer) -> safe differences offset(born) - offset(dying), where they are more than disjointness."""

_BYTES = ("int8", "uint8", "bool")
"""Types that C lets share memory with any other type."""


def separations(program: Program) -> Separations:
    """Every pair of a buffer that dies and one that is born at a node whose kernel lets them overlap."""
    traces: dict[tuple[int, tuple[int, ...]], Trace | None] = {}
    found: Separations = {}
    for number, node in enumerate(program.nodes):
        pairs = _pairs(program, number, node)
        if not pairs:
            continue
        constants = tuple(a.index for a in node.arguments if a.is_constant)
        key = (node.kernel, constants)
        if key not in traces:
            traces[key] = _trace(program, node)
        trace = traces[key]
        if trace is not None:
            found |= _separations(trace, node, pairs)
    return found


def _trace(program: Program, node: Node) -> Trace | None:
    values = {i: program.constants[a.index].value for i, a in enumerate(node.arguments) if a.is_constant}
    try:
        return trace_of(program.kernels[node.kernel], values)
    except NotAnalysable:
        return None


def _pairs(program: Program, number: int, node: Node) -> list[tuple[int, int]]:
    """(dying, born) buffers: input or scratch with output, input with scratch."""
    written = program.written[node.kernel]
    outputs = {output for output in _results(program, node)}
    used = {argument.index for argument in node.arguments if not argument.is_constant}
    inputs = {a.index for i, a in enumerate(node.arguments) if not a.is_constant and i not in written}
    scratch = used - inputs - outputs
    kept = {entry.buffer for entry in program.outputs}
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


def _separations(trace: Trace, node: Node, pairs: Sequence[tuple[int, int]]) -> Separations:
    found: Separations = {}
    for pair in pairs:
        dying, born = (
            [i for i, a in enumerate(node.arguments) if not a.is_constant and a.index == buffer] for buffer in pair
        )
        try:
            result = separation(trace, dying, born)
        except NotAnalysable:
            continue
        if result.overlaps(trace.sizes[dying[0]], trace.sizes[born[0]]):
            found[pair] = result
    return found
