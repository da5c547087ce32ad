# SPDX-License-Identifier: Apache-2.0
"""The trace of a kernel: which bytes behind its parameters it touches, and when.

A kernel's TIR is walked once; its loops become axes of numpy arrays. Time is counted in ticks: a statement starts when
the one before it has ended, an iteration when the one before it has, whatever their nesting.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import partial
from typing import Any

import numpy as np
from numpy.typing import NDArray
from tvm import ir, tirx

from stm32_emitter.planning.evaluation import CONDITIONAL, Arrays, Environment, evaluate
from stm32_emitter.planning.footprints import Call, Footprint, Ints, Number, Touch, Unknown
from stm32_emitter.planning.runtime import FOOTPRINTS
from stm32_emitter.tir.lowering import LoweredKernel, element_bytes

MOST_ITERATIONS = 1 << 18
"""A kernel with more iterations is not analysed: no micro-kernel does its inner loops, so it is slow anyway."""


class NotAnalysable(Exception):
    """The kernel has a form that the analysis does not know, or calls a function without a footprint."""


@dataclass(frozen=True)
class Event:
    """One access of a statement, in all iterations of the loops around it.

    Attributes:
        parameter: position of the kernel's parameter.
        writes: whether it is written.
        owner: which iteration of the loops that are not unfolded yet each element belongs to.
        start: first byte.
        tick: when.
        length: neighbouring bytes.
        loops: (count, step in bytes, step in ticks) of the loops inside; see :class:`.footprints.Touch`.
        spread: how many ticks later it may be.
    """

    parameter: int
    writes: bool
    owner: Ints
    start: Ints
    tick: Ints
    length: Number
    loops: tuple[tuple[Number, Number, int], ...] = ()
    spread: int = 0

    def chosen(self, owner: Ints) -> Event:
        """The same with other owners."""
        return replace(self, owner=owner)


@dataclass(frozen=True)
class Trace:
    """All events of a kernel.

    Attributes:
        events: every access.
        ticks: how long it takes.
        sizes: bytes behind its parameters.
        used: positions of the constants whose values the trace depends on.
    """

    events: tuple[Event, ...]
    ticks: int
    sizes: tuple[int, ...]
    used: frozenset[int] = frozenset()

    def of(self, parameters: Sequence[int], *, writes: bool) -> list[Event]:
        """The reads or the writes of some parameters."""
        return [event for event in self.events if event.parameter in parameters and event.writes is writes]


def trace_of(kernel: LoweredKernel, constants: Mapping[int, NDArray[Any]]) -> Trace:
    """The trace of one call.

    Args:
        kernel: as :func:`~stm32_emitter.tir.lowering.lower` gives it.
        constants: the value of each parameter that is a constant, by position.

    Raises:
        NotAnalysable: its accesses cannot be bounded.
    """
    walker = _Walker(kernel, constants)
    try:
        events, ticks = walker.statement(kernel.function.body, {}, 1)
    except Unknown as reason:
        raise NotAnalysable(str(reason)) from None
    some = tuple(event for event in events if len(event.start))
    return Trace(some, ticks, walker.sizes, frozenset(walker.used))


_Walked = tuple[list[Event], int]
"""Events, with the iteration of the enclosing loops as owner, and ticks."""


@dataclass
class _Walker:
    kernel: LoweredKernel
    constants: Mapping[int, NDArray[Any]]
    parameter: dict[Any, int] = field(default_factory=dict)
    arrays: dict[Any, Callable[[], NDArray[Any]]] = field(default_factory=dict)
    used: set[int] = field(default_factory=set)
    item: dict[Any, int] = field(default_factory=dict)

    def __post_init__(self) -> None:
        self.parameter = {variable: i for i, variable in enumerate(self.kernel.function.params)}
        self.sizes = tuple(parameter.bytes for parameter in self.kernel.parameters)

    def statement(self, node: Any, environment: Environment, count: int) -> _Walked:
        """Events of ``node`` in ``count`` iterations of the loops around it."""
        if isinstance(node, tirx.SeqStmt):
            return self._sequence(node, environment, count)
        if isinstance(node, tirx.For):
            return self._loop(node, environment, count)
        if isinstance(node, tirx.IfThenElse):
            return self._branches(node, environment, count)
        if isinstance(node, tirx.BufferStore):
            return self._store(node, environment, count)
        if isinstance(node, tirx.Evaluate):
            return self._expression(node.value, environment, count)
        if isinstance(node, tirx.Bind):
            environment[node.var] = _value(node.value, environment, self.arrays)
            return self._expression(node.value, environment, count)
        if isinstance(node, tirx.DeclBuffer):
            self._declare(node)
            return [], 0
        if isinstance(node, tirx.AllocBuffer):
            return [], 0
        raise NotAnalysable(type(node).__name__)

    def _declare(self, node: Any) -> None:
        """Another name of a parameter's memory."""
        root = _root(node.data)
        if root in self.parameter:
            position = self.parameter[node.buffer] = self.parameter[root]
            self.item[node.buffer] = element_bytes(str(node.buffer.dtype))
            if position in self.constants:
                self.arrays[node.buffer] = partial(self._constant, position)

    def _constant(self, position: int, first: int = 0) -> NDArray[Any]:
        """The elements of a constant from ``first`` on; it is noted that the trace depends on them."""
        self.used.add(position)
        return self.constants[position].ravel()[first:]

    def _sequence(self, node: Any, environment: Environment, count: int) -> _Walked:
        events: list[Event] = []
        ticks = 0
        inner = dict(environment)
        for part in node.seq:
            found, taken = self.statement(part, inner, count)
            events += [_later(event, ticks) for event in found]
            ticks += taken
        return events, ticks

    def _loop(self, node: Any, environment: Environment, count: int) -> _Walked:
        first, extent = (evaluate(e, environment, self.arrays) for e in (node.min, node.extent))
        if not isinstance(extent, int) or node.kind not in (tirx.ForKind.SERIAL, tirx.ForKind.UNROLLED):
            raise NotAnalysable("a loop whose length is not constant")
        if count * extent > MOST_ITERATIONS:
            raise NotAnalysable("too many iterations")
        inner = {v: np.repeat(n, extent) if isinstance(n, np.ndarray) else n for v, n in environment.items()}
        start = np.repeat(first, extent) if isinstance(first, np.ndarray) else first
        inner[node.loop_var] = start + np.tile(np.arange(extent, dtype=np.int64), count)
        events, ticks = self.statement(node.body, inner, count * extent)
        unfolded = [replace(e, owner=e.owner // extent, tick=e.tick + e.owner % extent * ticks) for e in events]
        return unfolded, extent * ticks

    def _branches(self, node: Any, environment: Environment, count: int) -> _Walked:
        events, ticks = self._expression(node.condition, environment, count)
        condition = _value(node.condition, environment, self.arrays)
        taken = np.ones(count, bool) if condition is None else np.broadcast_to(np.asarray(condition, bool), count)
        refused = taken if condition is None else ~taken
        lengths = [0]
        for branch, chosen in ((node.then_case, taken), (node.else_case, refused)):
            if branch is None or not chosen.any():
                continue
            some = np.flatnonzero(chosen)
            inner = {v: n[some] if isinstance(n, np.ndarray) else n for v, n in environment.items()}
            found, length = self.statement(branch, inner, len(some))
            events += [_later(event.chosen(some[event.owner]), ticks) for event in found]
            lengths.append(length)
        return events, ticks + max(lengths)

    def _store(self, node: Any, environment: Environment, count: int) -> _Walked:
        """Everything that the value and the indices need is read before the element is written."""
        events: list[Event] = []
        for expression in (node.value, *node.indices):
            events += self._expression(expression, environment, count)[0]
        if node.buffer in self.parameter:
            events.append(_later(self._touch_element(node.buffer, node.indices, environment, count, True), 1))
        return events, 2

    def _expression(self, expr: Any, environment: Environment, count: int) -> _Walked:
        """The loads and calls in an expression."""
        events: list[Event] = []
        ticks = 1
        for node, reached in _loads_and_calls(expr, environment, self.arrays):
            if reached is not None and not reached.any():
                continue
            if isinstance(node, ir.Call):
                found, taken = self._call(node, environment, count)
                ticks = max(ticks, taken)
            elif node.source in self.parameter and node.source not in self.arrays:
                found = [self._touch_element(node.source, node.indices, environment, count, False)]
            else:
                continue
            events += found if reached is None else [_where(event, reached) for event in found]
        return events, ticks

    def _touch_element(self, buffer: Any, indices: Any, environment: Environment, count: int, writes: bool) -> Event:
        """A load or store; one whose index depends on data may touch every element."""
        position, item = self.parameter[buffer], self.item[buffer]
        index = _value(indices[0], environment, self.arrays) if len(indices) == 1 else None
        start, length = (0, self.sizes[position]) if index is None else (index * item, item)
        return Event(position, writes, np.arange(count), _each(start, count), _each(0, count), length)

    def _call(self, node: Any, environment: Environment, count: int) -> _Walked:
        """A call of a function of the runtime; one without pointers is a mere computation."""
        name, arguments = str(node.args[0].value), list(node.args[1:])
        pointers = {i: a for i, a in enumerate(arguments) if _is_pointer(a)}
        if not pointers:
            return [], 1
        if name not in FOOTPRINTS:
            raise NotAnalysable(f"a call of {name}")
        places = {i: self._place(a, environment) for i, a in pointers.items()}
        constants = {
            i: partial(self._constant, parameter, int(np.max(start)) // item)
            for i, (parameter, start, item) in places.items()
            if parameter in self.constants and np.min(start) == np.max(start)
        }
        numbers = [None if i in pointers else _value(a, environment, self.arrays) for i, a in enumerate(arguments)]
        footprint = FOOTPRINTS[name](Call(numbers, constants))
        written = {i for i, a in pointers.items() if int(a.args[_ACCESS]) & _WRITE}
        if written != {touch.pointer for touch in footprint.touches if touch.writes}:
            raise NotAnalysable(f"the footprint of {name} writes through other pointers than the kernel says")
        return list(_placed(footprint, places, self.constants, count)), footprint.ticks

    def _place(self, pointer: Any, environment: Environment) -> tuple[int, Number, int]:
        """(parameter or -1 for a local array, byte, bytes of an element) that a pointer points at."""
        buffer = _root(pointer.args[1])
        if buffer not in self.parameter:
            return -1, 0, 1
        item = self.item[buffer]
        return self.parameter[buffer], evaluate(pointer.args[2], environment, self.arrays) * item, item


_ACCESS, _WRITE = 4, 2
"""The argument of tvm_access_ptr that says how the memory is used, and its bit for writing."""


def _root(pointer: Any) -> Any:
    """The variable behind buffer.data."""
    return pointer.args[0] if isinstance(pointer, ir.Call) else pointer


def _is_pointer(argument: Any) -> bool:
    return isinstance(argument, ir.Call) and str(getattr(argument.op, "name", "")) == "tirx.tvm_access_ptr"


def _placed(
    footprint: Footprint, places: Mapping[int, tuple[int, Number, int]], constants: Mapping[int, Any], count: int
) -> Iterator[Event]:
    """The footprint's touches of memory in the pool."""
    for touch in footprint.touches:
        parameter, start, _ = places[touch.pointer]
        if parameter >= 0 and parameter not in constants:
            yield _touched(touch, parameter, start, count)


def _touched(touch: Touch, parameter: int, start: Number, count: int) -> Event:
    places = _each(start + touch.start, count)
    ticks = _each(touch.tick, count)
    return Event(parameter, touch.writes, np.arange(count), places, ticks, touch.length, touch.loops, touch.spread)


def _each(value: Number, count: int) -> Ints:
    """One value for each iteration."""
    return np.broadcast_to(np.asarray(value, np.int64), count)


def _later(event: Event, ticks: int) -> Event:
    return replace(event, tick=event.tick + ticks) if ticks else event


def _where(event: Event, reached: NDArray[np.bool_]) -> Event:
    """The event in some of the iterations; it has one element for each so far."""
    some = np.flatnonzero(np.broadcast_to(reached, len(event.owner)))

    def chosen(value: Number) -> Number:
        return value[some] if isinstance(value, np.ndarray) and value.ndim else value

    loops = tuple((chosen(count), chosen(step), tick) for count, step, tick in event.loops)
    return replace(
        event, owner=event.owner[some], start=event.start[some], tick=event.tick[some], length=chosen(event.length),
        loops=loops,
    )  # fmt: skip


def _value(expr: Any, environment: Environment, arrays: Arrays) -> Number | None:
    try:
        return evaluate(expr, environment, arrays)
    except Unknown:
        return None


_PARTS = ("a", "b", "value")


def _loads_and_calls(
    expr: Any, environment: Environment, arrays: Arrays, reached: NDArray[np.bool_] | None = None
) -> Iterator[tuple[Any, NDArray[np.bool_] | None]]:
    """Loads and calls of C functions inside an expression, and the iterations that reach them (None: all)."""
    if isinstance(expr, ir.Call):
        name = str(getattr(expr.op, "name", ""))
        if name == "tirx.call_extern":
            yield expr, reached
            parts = [a for a in expr.args[1:] if not _is_pointer(a)]
        elif name == CONDITIONAL:
            yield from _conditional(list(expr.args), environment, arrays, reached)
            return
        else:
            parts = list(expr.args)
    elif isinstance(expr, tirx.Select):
        branches = [expr.condition, expr.true_value, expr.false_value]
        yield from _conditional(branches, environment, arrays, reached)
        return
    elif isinstance(expr, ir.expr.TensorLoad):
        yield expr, reached
        parts = list(expr.indices)
    else:
        parts = [part for part in (getattr(expr, name, None) for name in _PARTS) if isinstance(part, ir.Expr)]
    for part in parts:
        yield from _loads_and_calls(part, environment, arrays, reached)


def _conditional(
    parts: Sequence[Any], environment: Environment, arrays: Arrays, reached: NDArray[np.bool_] | None
) -> Iterator[tuple[Any, NDArray[np.bool_] | None]]:
    """Of (condition, if true, if false) a branch is evaluated only where the condition says so, as in C."""
    yield from _loads_and_calls(parts[0], environment, arrays, reached)
    condition = _value(parts[0], environment, arrays)
    for branch, wanted in ((parts[1], True), (parts[2], False)):
        if condition is None:
            mask = reached
        else:
            mask = np.asarray(condition, bool) == wanted
            mask = mask if reached is None else mask & reached
        yield from _loads_and_calls(branch, environment, arrays, mask)
