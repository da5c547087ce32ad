# SPDX-License-Identifier: Apache-2.0
"""Emitted kernels, compiled for this machine, with input and output at exactly the stated distances, and one closer."""

from __future__ import annotations

import ctypes
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np
import pytest
from stm32_emitter import CompiledModel, ModelRefused, compile_model
from stm32_emitter.planning.access import NotAnalysable, trace_of
from stm32_emitter.planning.overlap import Separation, separation
from stm32_emitter.testing.cases import cases, operators

CASES = 3
REPEATING = ("BROADCAST_TO", "FILL", "GATHER_ND", "ONE_HOT", "REDUCE_MAX", "REDUCE_MIN", "SPARSE_TO_DENSE", "SUM")
"""An element that is written over one that is still read seldom changes the result: it is that element, or one of many
that are reduced to one."""
APART = ("DYNAMIC_UPDATE_SLICE", "EMBEDDING_LOOKUP", "GATHER", "GATHER_ND")
"""What is read or written may depend on the data: then there is no distance, and the buffers never overlap."""
_MARGIN = 64
"""Bytes around the memory that a kernel may touch; they must stay as they are."""


@dataclass(frozen=True)
class Call:
    """One call of a kernel of a model, and what is known of an input and the output."""

    function: Any
    sizes: list[int]
    constants: dict[int, Any]
    dying: int
    born: int
    safe: Separation

    def run(self, rng: np.random.Generator, difference: int | None) -> bytes:
        """The output's bytes; None: input and output have memory of their own."""
        sizes, content = self.sizes, {}
        for i, size in enumerate(sizes):
            content[i] = rng.integers(0, 256, size, dtype=np.uint8)
        pointers: list[Any] = []
        shared = np.zeros(sum(sizes) + 2 * _MARGIN + max(sizes), np.uint8)
        start = _MARGIN + max(sizes[self.born], 0)
        for i in range(len(sizes)):
            if i in self.constants:
                pointers.append(self.constants[i])
            elif i == self.dying and difference is not None:
                shared[start : start + sizes[i]] = content[i]
                pointers.append(shared[start:])
            elif i == self.born and difference is not None:
                pointers.append(shared[start + difference :])
            else:
                pointers.append(content[i].copy())
        self.function(*(ctypes.c_void_p(pointer.ctypes.data) for pointer in pointers))
        return bytes(pointers[self.born][: sizes[self.born]])


def separation_of(op: str, kernel: Any, constants: dict[int, Any], dying: int, born: int) -> Separation | None:
    """Which distances are safe; None where they depend on the data."""
    try:
        return separation(trace_of(kernel, constants), [dying], [born])
    except NotAnalysable:
        assert op in APART
        return None


def calls(op: str, model: CompiledModel, library: Any) -> Iterator[Call]:
    """Each input with the first output of each node; bytes only, as other types would be off their alignment."""
    program = model.program
    for number, node in enumerate(program.nodes):
        kernel, written = program.kernels[node.kernel], program.written[node.kernel]
        constants = {i: program.constants[a.index].value for i, a in enumerate(node.arguments) if a.is_constant}
        arrays = {i: np.ascontiguousarray(value) for i, value in constants.items()}
        name = model.info["nodes"][number]["kernel"]
        for position, parameter in enumerate(kernel.parameters):
            bytes_only = {parameter.dtype, kernel.parameters[min(written)].dtype} <= {"int8", "uint8"}
            if position in constants or position in written or not bytes_only:
                continue
            safe = separation_of(op, kernel, constants, position, min(written))
            if safe is None:
                continue
            sizes = [p.bytes for p in kernel.parameters]
            yield Call(getattr(library, name), sizes, arrays, position, min(written), safe)


def stated(call: Call) -> set[int]:
    """The nearest differences that are said to be safe."""
    least, most = -call.sizes[call.born], call.sizes[call.dying]
    found = {max(call.safe.below, least), min(call.safe.above, most), call.safe.next(0), -call.safe.mirrored().next(0)}
    return {d for d in found if least <= d <= most and call.safe.allows(d)}


def closer(call: Call) -> set[int]:
    """The differences one byte nearer, where they are not safe."""
    found = {call.safe.below + 1, call.safe.above - 1}
    return {d for d in found if -call.sizes[call.born] < d < call.sizes[call.dying] and not call.safe.allows(d)}


@pytest.mark.parametrize("op", operators())
def test_outputs_are_equal_in_place(op: str, seed: int, host: Any) -> None:
    """At the stated distances bytes are those of disjoint buffers; one byte closer, some case differs."""
    models = []
    for number, case in enumerate(cases(op, seed % 1000, CASES)):
        try:
            models.append(compile_model(case.model, name=f"case{number}"))
        except ModelRefused:
            continue
    library = host.library(models, "-O1")
    tried, differs, nearer = 0, 0, 0
    for model in models:
        for call in calls(op, model, library):
            for difference in stated(call):
                expected = call.run(np.random.default_rng(seed), None)
                assert call.run(np.random.default_rng(seed), difference) == expected, (
                    model.name,
                    difference,
                    call.safe,
                )
                tried += 1
            for difference in closer(call):
                expected = call.run(np.random.default_rng(seed), None)
                differs += call.run(np.random.default_rng(seed), difference) != expected
                nearer += 1
    print(f"{op}: {tried} distances, {differs} of {nearer} differ one byte closer")  # noqa: T201
    assert not nearer or differs or op in REPEATING, "no distance of this operator is tight"
