# SPDX-License-Identifier: Apache-2.0
"""Builds the PrimFunc of a kernel with TVM's IR builder.

Parameters come in the order input tensors, constants, output tensors, scratch::

    with KernelBuilder("copy") as k:
        x = k.input("x", (8,), "int8")
        y = k.output("y", (8,), "int8")
        with k.loop("i", 8) as i:
            k.store(y, [i], x[i])
    kernel = k.kernel()
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from types import TracebackType
from typing import Any, Self

import numpy as np
from numpy.typing import NDArray
from tvm import tirx
from tvm.script.ir_builder import IRBuilder
from tvm.script.ir_builder import tirx as T  # noqa: N812 - as TVM spells it

SCRATCH = "stm32.scratch"
"""PrimFunc attribute: how many trailing parameters are scratch."""
KIND = "stm32.kind"
"""PrimFunc attribute: what the kernel is called in C, e.g. ``"conv_2d"``."""
MACS = "stm32.macs"
"""PrimFunc attribute: multiply-accumulate operations of one call."""
BACKWARD = "stm32.backward"
"""PrimFunc attribute: some loop runs backward, so that indices fall; :mod:`stm32_emitter.tir.lowering` minds it."""
SCHEDULE = "stm32.schedule"
"""PrimFunc attribute: the chosen schedule as a map of strings with name, description and cycles."""
SOURCE = "stm32.source"
"""PrimFunc attribute: the C text of a function that it calls and that is no function of the runtime, as a map of
strings with function, prototype, file and text."""


@dataclass(frozen=True)
class Kernel:
    """A PrimFunc and the constants that it takes behind its input tensors, in order."""

    function: tirx.PrimFunc
    constants: tuple[NDArray[Any], ...] = ()


@dataclass
class KernelBuilder:
    """Collects one kernel; use as a context manager.

    Attributes:
        name: what the kernel is called in C.
        macs: multiply-accumulate operations of one call.
    """

    name: str
    macs: int = 0
    _constants: list[NDArray[Any]] = field(default_factory=list)
    _scratch: int = 0
    _backward: bool = False
    _builder: Any = None
    _frame: Any = None
    _function: Any = None

    def __enter__(self) -> Self:
        self._builder = IRBuilder()
        self._builder.__enter__()
        self._frame = T.prim_func()
        self._frame.__enter__()
        T.func_name(self.name)
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._frame.__exit__(kind, error, trace)
        if error is None:
            self._function = self._builder.get()
        self._builder.__exit__(kind, error, trace)

    def kernel(self) -> Kernel:
        """The finished kernel."""
        function = self._function.with_attr(SCRATCH, self._scratch).with_attr(KIND, self.name)
        if self._backward:
            function = function.with_attr(BACKWARD, True)
        return Kernel(function.with_attr(MACS, self.macs), tuple(self._constants))

    def input(self, name: str, shape: Sequence[int], dtype: str) -> tirx.Buffer:
        """A tensor that the kernel reads."""
        return T.arg(name, T.buffer(tuple(shape), dtype))

    def output(self, name: str, shape: Sequence[int], dtype: str) -> tirx.Buffer:
        """A tensor that the kernel writes."""
        return T.arg(name, T.buffer(tuple(shape), dtype))

    def constant(self, name: str, value: NDArray[Any]) -> tirx.Buffer:
        """A constant array; it is placed in ``.nn_weights``."""
        self._constants.append(np.ascontiguousarray(value))
        return self.input(name, value.shape, str(value.dtype))

    def scratch(self, name: str, elements: int, dtype: str) -> tirx.Buffer:
        """Working memory that the planner places in the pool; declare it after the outputs."""
        self._scratch += 1
        return self.input(name, (elements,), dtype)

    @contextmanager
    def loop(self, name: str, stop: Any, start: Any = 0, *, backward: bool = False) -> Iterator[Any]:
        """for (name = start; name < stop; name++); ``backward`` gives stop - 1 first and start last."""
        self._backward |= backward
        with T.serial(start, stop) as variable:
            IRBuilder.name(name, variable)
            yield start + (stop - 1) - variable if backward else variable

    @contextmanager
    def when(self, condition: Any) -> Iterator[None]:
        """if (condition)."""
        with T.If(condition), T.Then():
            yield

    @contextmanager
    def choose(self, condition: Any) -> Iterator[tuple[Any, Any]]:
        """if (condition) ... else ...: gives two context managers, to be entered in this order."""
        with T.If(condition):
            yield T.Then(), T.Else()

    def local(self, name: str, dtype: str, elements: int = 1) -> tirx.Buffer:
        """A small array on the stack (64 bytes at most)."""
        buffer = T.alloc_buffer((elements,), dtype)
        IRBuilder.name(name, buffer)
        return buffer

    def store(self, buffer: tirx.Buffer, indices: Sequence[Any], value: Any) -> None:
        """buffer[indices] = value."""
        T.buffer_store(buffer, value, list(indices))

    def call(self, function: str, *arguments: Any) -> None:
        """A call of a C function of the runtime, for its effect."""
        T.evaluate(T.call_extern("int32", function, *arguments))


def expression(function: str, *arguments: Any, dtype: str = "int32") -> Any:
    """A call of a C function of the runtime, for its value."""
    return T.call_extern(dtype, function, *arguments)


def address(buffer: tirx.Buffer, offset: Any = 0, *, write: bool = False) -> Any:
    """&buffer[offset], counted in elements of the flat buffer."""
    return buffer.access_ptr("w" if write else "r", offset=offset, extent=1)
