# SPDX-License-Identifier: Apache-2.0
"""Replays a planned program byte by byte: every byte that is read was last written by the tensor it should belong to.

This shares nothing with the analysis but the footprints: kernels become Python functions that run iteration after
iteration and report each access to a :class:`_Memory`, which knows the owner of each byte of the pool.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from stm32_emitter.planning.footprints import Call, Ints, Touch
from stm32_emitter.planning.plan import Plan
from stm32_emitter.planning.replay import Replay, python_function
from stm32_emitter.planning.runtime import FOOTPRINTS
from stm32_emitter.program import Node, Program

_NOBODY = -1


class PlanBroken(AssertionError):  # noqa: N818 - as ModelRefused
    """A byte is read that another tensor has overwritten."""


def check_plan(program: Program, plan: Plan) -> int:
    """Runs the program's accesses in order.

    Returns:
        How many accesses were checked.

    Raises:
        PlanBroken: the plan loses data.
    """
    memory = _Memory(program, plan)
    functions: dict[int, Callable[[Replay], None]] = {}
    kept = [state.buffer for state in program.states]
    for buffer in (*kept, *(entry.buffer for entry in program.inputs)):
        memory.fill(buffer)
    for number, node in enumerate(program.nodes):
        memory.begin(f"node {number} ({node.name})", scratch_of(program, node))
        if node.kernel not in functions:
            known = [i for i, argument in enumerate(node.arguments) if argument.is_constant]
            functions[node.kernel] = python_function(program.kernels[node.kernel], known)
        functions[node.kernel](_Run(program, node, memory))
    memory.begin("the end", ())
    for buffer in (*kept, *(entry.buffer for entry in program.outputs)):
        memory.read(buffer, 0, program.buffers[buffer].bytes)
    return memory.accesses


def scratch_of(program: Program, node: Node) -> Sequence[int]:
    """Buffers that a node only works in."""
    count = program.kernels[node.kernel].scratch
    return [argument.index for argument in node.arguments[len(node.arguments) - count :]] if count else []


class _Memory:
    """The owner of each byte. Buffers outside of the pool lie behind it."""

    def __init__(self, program: Program, plan: Plan) -> None:
        self.program, self.accesses, self.place = program, 0, "the start"
        end, self.offsets = plan.bytes, []
        for buffer in program.buffers:
            offset = plan.offsets[buffer.index]
            self.offsets.append(end if offset is None else offset)
            end += buffer.bytes if offset is None else 0
        self.owner = np.full(end, _NOBODY, np.int32)
        self.written: dict[int, NDArray[np.bool_]] = {}

    def begin(self, place: str, scratch: Iterable[int]) -> None:
        """A node starts; what was in its scratch does not count."""
        self.place = place
        self.written = {buffer: np.zeros(self.program.buffers[buffer].bytes, bool) for buffer in scratch}

    def fill(self, buffer: int) -> None:
        """A whole buffer gets its content."""
        self.write(buffer, 0, self.program.buffers[buffer].bytes)

    def read(self, buffer: int, start: int, length: int) -> None:
        """Neighbouring bytes of a buffer are read."""
        self.accesses += 1
        at = self.offsets[buffer] + start
        self._inside(buffer, start, start + length)
        self._verify(buffer, self.owner[at : at + length], slice(start, start + length))

    def write(self, buffer: int, start: int, length: int) -> None:
        """Neighbouring bytes of a buffer are written."""
        self.accesses += 1
        at = self.offsets[buffer] + start
        self._inside(buffer, start, start + length)
        self.owner[at : at + length] = buffer
        if buffer in self.written:
            self.written[buffer][start : start + length] = True

    def read_all(self, buffer: int, places: Ints) -> None:
        """Some bytes of a buffer are read."""
        self.accesses += 1
        self._inside(buffer, int(places.min()), int(places.max()) + 1)
        self._verify(buffer, self.owner[self.offsets[buffer] + places], places)

    def write_all(self, buffer: int, places: Ints) -> None:
        """Some bytes of a buffer are written."""
        self.accesses += 1
        self._inside(buffer, int(places.min()), int(places.max()) + 1)
        self.owner[self.offsets[buffer] + places] = buffer
        if buffer in self.written:
            self.written[buffer][places] = True

    def _inside(self, buffer: int, first: int, end: int) -> None:
        if first < 0 or end > self.program.buffers[buffer].bytes:
            raise PlanBroken(f"{self.place} reaches outside of {self._name(buffer)}: bytes {first} to {end}")

    def _verify(self, buffer: int, owners: NDArray[np.int32], places: slice | Ints) -> None:
        """Scratch may be read before it is written: such values are not used."""
        wrong = owners != buffer
        if buffer in self.written:
            wrong &= self.written[buffer][places]
        if wrong.any():
            thief = int(owners[wrong][0])
            taken = "nothing was written to it" if thief == _NOBODY else f"{self._name(thief)} has overwritten it"
            raise PlanBroken(f"{self.place} reads {self._name(buffer)}, but {taken}")

    def _name(self, buffer: int) -> str:
        return f"buffer {buffer} '{self.program.buffers[buffer].label}'"


@dataclass(frozen=True)
class _Step:
    """Bytes that one tick of a call touches behind a pointer."""

    pointer: int
    writes: bool
    places: Ints


class _Run(Replay):
    """One node: the accesses of its kernel's parameters become accesses of buffers."""

    def __init__(self, program: Program, node: Node, memory: _Memory) -> None:
        self.memory, self.arguments = memory, node.arguments
        self.values = {
            i: program.constants[a.index].value.ravel() for i, a in enumerate(node.arguments) if a.is_constant
        }
        self.steps: dict[Any, list[_Step]] = {}

    def read(self, parameter: int, start: int, length: int) -> None:
        """Reads of constants cannot go wrong."""
        if parameter not in self.values:
            self.memory.read(self.arguments[parameter].index, start, length)

    def write(self, parameter: int, start: int, length: int) -> None:
        """Neighbouring bytes behind a parameter."""
        self.memory.write(self.arguments[parameter].index, start, length)

    def constant(self, parameter: int, index: int) -> int:
        """An element of a constant."""
        return int(self.values[parameter][index])

    def call(self, name: str, arguments: Sequence[int | tuple[int, int, int] | None]) -> None:
        """A function of the runtime; a pointer is (parameter or -1 for a local array, byte, bytes of an element)."""
        for step in self._steps(name, arguments):
            parameter, start, _ = arguments[step.pointer]  # type: ignore[misc]
            if parameter < 0 or parameter in self.values:
                continue
            access = self.memory.write_all if step.writes else self.memory.read_all
            access(self.arguments[parameter].index, step.places + start)

    def _steps(self, name: str, arguments: Sequence[Any]) -> list[_Step]:
        """What a call touches, in order; where the pointers to the pool point does not matter."""
        key = (name, *(a if not isinstance(a, tuple) or a[0] in self.values else None for a in arguments))
        if key not in self.steps:
            numbers = [None if isinstance(a, tuple) else a for a in arguments]
            constants = {
                i: _behind(self.values[a[0]], a[1] // a[2])
                for i, a in enumerate(arguments)
                if isinstance(a, tuple) and a[0] in self.values
            }
            self.steps[key] = list(_in_order(FOOTPRINTS[name](Call(numbers, constants)).touches))
        return self.steps[key]


def _behind(values: NDArray[Any], first: int) -> Callable[[], NDArray[Any]]:
    return lambda: values[first:]


def _in_order(touches: Sequence[Touch]) -> Iterator[_Step]:
    """Writes at their earliest, reads at their latest tick; in one tick, reads come first."""
    found: dict[tuple[int, bool, int], list[Ints]] = {}
    for touch in touches:
        for tick, start in _iterations(touch):
            found.setdefault((tick, touch.writes, touch.pointer), []).append(start)
    for (_, writes, pointer), places in sorted(found.items(), key=lambda item: item[0]):
        together = np.concatenate(places)
        if len(together):
            yield _Step(pointer, writes, together)


def _iterations(touch: Touch) -> Iterator[tuple[int, Ints]]:
    """(tick, bytes) of the loops of a touch that take time; the others are unfolded."""
    places = np.arange(int(touch.length))
    counters = [(0, 0)]
    for count, step, tick in touch.loops:
        if tick:
            counters = [(s + i * int(step), t + i * tick) for s, t in counters for i in range(int(count))]
        else:
            places = (np.arange(int(count))[:, None] * int(step) + places).ravel()
    first = touch.tick if touch.writes else touch.tick + touch.spread
    for start, tick in counters:
        yield first + tick, places + int(touch.start) + start
