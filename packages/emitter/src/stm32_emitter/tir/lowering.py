# SPDX-License-Identifier: Apache-2.0
"""A scheduled PrimFunc becomes one whose parameters are plain pointers and whose large locals are parameters too."""

from __future__ import annotations

import itertools
import math
import re
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any

import tvm
from tvm import ir, s_tir, tirx

from stm32_emitter.errors import ModelRefused
from stm32_emitter.tir.builder import BACKWARD, KIND, MACS, SCHEDULE, SCRATCH, SOURCE
from stm32_emitter.tir.unread import without_unread_locals

MAX_LOCAL_BYTES = 64
"""A local array that is larger goes to the activation pool."""

ELEMENT_TYPES = (
    *("bool", "int8", "uint8", "int16", "uint16", "int32", "uint32", "int64", "uint64"),
    *("float32", "float64"),
)
"""Element types of tensors that C99 has."""

_RESERVED = frozenset((
    *("auto", "break", "case", "char", "const", "continue", "default", "do", "double", "else", "enum", "extern"),
    *("float", "for", "goto", "if", "inline", "int", "long", "register", "restrict", "return", "short", "signed"),
    *("sizeof", "static", "struct", "switch", "typedef", "union", "unsigned", "void", "volatile", "while", "bool"),
    *("true", "false", "main", "NULL", "NAN", "INFINITY", "memcpy", "memset", "memmove"),
))  # fmt: skip

_PASSES = (
    s_tir.transform.CanonicalizeLoop,
    s_tir.transform.LowerInitBlock,
    s_tir.transform.PlanAndUpdateBufferAllocationLocation,
    s_tir.transform.ConvertBlocksToOpaque,
    s_tir.transform.CompactBufferAllocation,
    s_tir.transform.LowerMatchBuffer,
    s_tir.transform.StmtSimplify,
    s_tir.transform.LowerOpaqueBlock,
    tirx.transform.FlattenBuffer,
    lambda: tirx.transform.NarrowDataType(32),
    s_tir.transform.LoopPartition,
    lambda: tirx.transform.VectorizeLoop(False),
    tirx.transform.StorageRewrite,
    tirx.transform.UnrollLoop,
    s_tir.transform.RenormalizeSplitPattern,
    tirx.transform.StmtSimplify,
    tirx.transform.RemoveNoOp,
    tirx.transform.CommonSubexprElim,
)


@dataclass(frozen=True)
class Parameter:
    """A pointer that the C function takes."""

    name: str
    dtype: str
    elements: int

    @property
    def bytes(self) -> int:
        """Bytes behind the pointer."""
        return self.elements * element_bytes(self.dtype)


@dataclass(frozen=True)
class ScheduleFacts:
    """The schedule that a kernel was built by.

    Attributes:
        name: see :class:`stm32_emitter.operators.schedule.Schedule`; "library" for a kernel of TVM's own.
        description: blocking and layout in a few words; may be empty.
        cycles: expected Cortex-M4 cycles of one call, 0 if nobody has an estimate.
    """

    name: str = "plain"
    description: str = ""
    cycles: int = 0


@dataclass(frozen=True)
class ExternalFunction:
    """A C function that a kernel calls and that comes with an operator from outside.

    Attributes:
        function: its name in ``text``.
        prototype: how the kernel calls it, e.g. ``"void f(const float *x, float *y, int32_t count)"``.
        file: name of the file that ``text`` was in, without its end.
        text: C source that defines it.
    """

    function: str
    prototype: str
    file: str
    text: str


@dataclass(frozen=True)
class LoweredKernel:
    """A kernel that is ready to be printed.

    Attributes:
        function: PrimFunc over pointer variables.
        parameters: the PrimFunc's own parameters in order, then scratch that was found inside.
        hoisted: how many trailing parameters are such scratch.
        kind: what it is called in C.
        macs: multiply-accumulate operations of one call.
        scratch: how many trailing parameters are working memory, hoisted ones included.
        schedule: what it was built by.
        external: a function that it calls and that is none of the runtime's, or None.
    """

    function: tirx.PrimFunc
    parameters: tuple[Parameter, ...]
    hoisted: int
    kind: str
    macs: int
    scratch: int = 0
    schedule: ScheduleFacts = ScheduleFacts()
    external: ExternalFunction | None = None


def element_bytes(dtype: str) -> int:
    """Bytes of one element."""
    return 1 if dtype == "bool" else (tvm.DataType(dtype).bits + 7) // 8


def check_element(dtype: str, name: str) -> None:
    """Refuses an element type that C99 does not have.

    Raises:
        ModelRefused: e.g. float16, bfloat16, int4.
    """
    if dtype not in ELEMENT_TYPES:
        raise ModelRefused(
            f"'{name}' has elements of type {dtype}, which C99 does not have",
            hint=f"Convert it to one of {', '.join(ELEMENT_TYPES)}.",
        )


def lower(function: tirx.PrimFunc, name: str) -> LoweredKernel:
    """Lowers one kernel; ``name`` without its number is what a function of TVM's library is called in C."""
    passes = tvm.transform.Sequential([make() for make in _passes(function)])
    lowered = passes(tvm.IRModule({name: function}))[name]
    large: list[tirx.Buffer] = []
    body = _without_large_locals(without_unread_locals(lowered.body), large.append)
    buffers = [*lowered.params, *large]
    names = c_names([*(p.name for p in lowered.params), *(f"scratch{number}" for number in range(len(large)))])
    parameters = [Parameter(n, str(b.dtype), _elements(b)) for n, b in zip(names, buffers, strict=True)]
    pointers = [_pointer(n, b.dtype) for n, b in zip(names, buffers, strict=True)]
    declared = [tirx.DeclBuffer(b, data=pointer) for b, pointer in zip(buffers, pointers, strict=True)]
    plain = tirx.PrimFunc(pointers, tirx.SeqStmt([*declared, body]), ret_type=None)
    attrs = function.attrs or {}
    (kind,) = c_names([str(attrs[KIND]) if KIND in attrs else name.rstrip("0123456789").rstrip("_") or "kernel"])
    macs = int(attrs[MACS]) if MACS in attrs else 0
    scratch = len(large) + (int(attrs[SCRATCH]) if SCRATCH in attrs else 0)
    return LoweredKernel(plain, tuple(parameters), len(large), kind, macs, scratch, _facts(attrs), _external(attrs))


def _external(attrs: Mapping[str, Any]) -> ExternalFunction | None:
    if SOURCE not in attrs:
        return None
    return ExternalFunction(**{str(key): str(value) for key, value in attrs[SOURCE].items()})


def _passes(function: tirx.PrimFunc) -> list[Callable[[], tvm.transform.Pass]]:
    """The passes that are right for a kernel.

    FlattenBuffer of TVM 0.27 takes (11 - v) // 2 for v // -2 + 5, which is wrong for odd v; buffers of kernels with
    falling indices are flat as they are.
    """
    if BACKWARD not in (function.attrs or {}):
        return list(_PASSES)
    assert all(len(buffer.shape) == 1 for buffer in function.params), function.attrs[KIND]  # noqa: S101
    return [make for make in _PASSES if make is not tirx.transform.FlattenBuffer]


def _facts(attrs: Mapping[str, Any]) -> ScheduleFacts:
    if SCHEDULE not in attrs:
        return ScheduleFacts("plain" if KIND in attrs else "library")
    found = {str(key): str(value) for key, value in attrs[SCHEDULE].items()}
    return ScheduleFacts(found.get("name", "plain"), found.get("description", ""), int(found.get("cycles", "0")))


def c_names(names: Iterable[str]) -> list[str]:
    """Names as C parameters: other characters than letters, digits and _ replaced, no keyword, no name twice."""
    taken: set[str] = set()
    result = []
    for name in names:
        base = re.sub(r"[^A-Za-z0-9_]", "_", name)
        if not base or not base[0].isalpha() or base in _RESERVED:
            base = f"p_{base.lstrip('_')}"
        unique = next(c for c in _candidates(base) if c not in taken)
        taken.add(unique)
        result.append(unique)
    return result


def _candidates(base: str) -> Iterator[str]:
    yield base
    yield from (f"{base}_{number}" for number in itertools.count(1))


def _pointer(name: str, dtype: str) -> tirx.Var:
    return tirx.Var(name, ir.PointerType(ir.PrimType(dtype)))


def _elements(buffer: tirx.Buffer) -> int:
    return math.prod(int(dim) for dim in buffer.shape)


def _without_large_locals(statement: tirx.Stmt, found: Callable[[tirx.Buffer], None]) -> tirx.Stmt:
    """``statement`` without the allocations of large arrays, which are reported."""
    if isinstance(statement, tirx.AllocBuffer):
        buffer = statement.buffer
        if _elements(buffer) * element_bytes(str(buffer.dtype)) <= MAX_LOCAL_BYTES:
            return statement
        found(buffer)
        return tirx.Evaluate(tirx.const(0, "int32"))
    if isinstance(statement, tirx.SeqStmt):
        return tirx.SeqStmt([_without_large_locals(part, found) for part in statement.seq])
    if isinstance(statement, tirx.For):
        body = _without_large_locals(statement.body, found)
        return tirx.For(
            statement.loop_var, statement.min, statement.extent, statement.kind, body,
            statement.thread_binding, statement.annotations,
        )  # fmt: skip
    if isinstance(statement, tirx.IfThenElse):
        other = statement.else_case
        return tirx.IfThenElse(
            statement.condition,
            _without_large_locals(statement.then_case, found),
            None if other is None else _without_large_locals(other, found),
        )
    return statement
