# SPDX-License-Identifier: Apache-2.0
"""A kernel's TIR as a Python function that reports every access in the order of the loops."""

from __future__ import annotations

from collections.abc import Callable, Collection, Sequence
from typing import Any, Protocol

from tvm import ir, tirx

from stm32_emitter.tir.lowering import LoweredKernel, element_bytes


class Replay(Protocol):
    """What the function is given."""

    def read(self, parameter: int, start: int, length: int) -> None:
        """Bytes behind a parameter are read."""

    def write(self, parameter: int, start: int, length: int) -> None:
        """Bytes behind a parameter are written."""

    def constant(self, parameter: int, index: int) -> int:
        """An element of a constant array."""

    def call(self, name: str, arguments: Sequence[int | tuple[int, int, int] | None]) -> None:
        """A function is called; pointers are (parameter, byte, bytes of an element), None is not known."""


def python_function(kernel: LoweredKernel, constants: Collection[int]) -> Callable[[Replay], None]:
    """``kernel`` as a function of a :class:`Replay`; ``constants`` are the parameters whose elements are known."""
    writer = _Writer(kernel, constants)
    writer.statement(kernel.function.body, 1)
    head = ["def kernel(replay):", "    read, write, call = replay.read, replay.write, replay.call"]
    source = "\n".join([*head, *writer.lines])
    names: dict[str, Any] = {"quotient": _quotient}
    exec(source, names)  # noqa: S102 - written above
    function: Callable[[Replay], None] = names["kernel"]
    return function


def _quotient(a: int, b: int) -> int:
    """C's division."""
    return abs(a) // abs(b) * (1 if (a < 0) == (b < 0) else -1)


_INFIX: dict[type, str] = {
    tirx.Add: "+", tirx.Sub: "-", tirx.Mul: "*", tirx.FloorDiv: "//", tirx.FloorMod: "%", tirx.EQ: "==", tirx.NE: "!=",
    tirx.LT: "<", tirx.LE: "<=", tirx.GT: ">", tirx.GE: ">=", tirx.And: "and", tirx.Or: "or",
    tirx.RShift: ">>", tirx.LShift: "<<", tirx.BitwiseAnd: "&", tirx.BitwiseOr: "|",
}  # fmt: skip
_PREFIX: dict[type, str] = {tirx.Min: "min", tirx.Max: "max", tirx.Div: "quotient"}
_CONDITIONAL = "prim.if_then_else"


class _Writer:
    """Collects the lines of the function."""

    def __init__(self, kernel: LoweredKernel, constants: Collection[int]) -> None:
        self.kernel, self.constants = kernel, constants
        self.lines: list[str] = []
        self.parameters: dict[Any, int] = {v: i for i, v in enumerate(kernel.function.params)}
        self.names: dict[Any, str] = {}
        self.unknown: set[Any] = set()

    def line(self, depth: int, text: str) -> None:
        """One line of Python."""
        self.lines.append("    " * depth + text)

    def name(self, variable: Any) -> str:
        """A name for a variable of TIR."""
        return self.names.setdefault(variable, f"v{len(self.names)}")

    def statement(self, node: Any, depth: int) -> None:  # noqa: C901 - one branch for each form
        """A statement and everything below it."""
        if isinstance(node, tirx.SeqStmt):
            for part in node.seq:
                self.statement(part, depth)
        elif isinstance(node, tirx.For):
            start, extent = self.value(node.min), self.value(node.extent)
            self.line(depth, f"for {self.name(node.loop_var)} in range({start}, {start} + {extent}):")
            self.line(depth + 1, "pass")
            self.statement(node.body, depth + 1)
        elif isinstance(node, tirx.IfThenElse):
            self._branches(node, depth)
        elif isinstance(node, tirx.BufferStore):
            self._store(node, depth)
        elif isinstance(node, tirx.Evaluate):
            self.accesses(node.value, depth)
        elif isinstance(node, tirx.Bind):
            self.accesses(node.value, depth)
            value = self.value(node.value)
            if value is None:
                self.unknown.add(node.var)
            else:
                self.line(depth, f"{self.name(node.var)} = {value}")
        elif isinstance(node, tirx.DeclBuffer):
            self._declare(node)
        elif not isinstance(node, tirx.AllocBuffer):
            raise NotImplementedError(type(node).__name__)

    def _declare(self, node: Any) -> None:
        root = node.data.args[0] if isinstance(node.data, ir.Call) else node.data
        if root in self.parameters:
            self.parameters[node.buffer] = self.parameters[root]

    def _branches(self, node: Any, depth: int) -> None:
        """Where the condition depends on data, both branches are run."""
        self.accesses(node.condition, depth)
        condition = self.value(node.condition)
        for head, branch in ((f"if {condition}:", node.then_case), ("else:", node.else_case)):
            if branch is not None and condition is not None:
                self.line(depth, head)
                self.line(depth + 1, "pass")
            if branch is not None:
                self.statement(branch, depth + (condition is not None))

    def _store(self, node: Any, depth: int) -> None:
        for expression in (node.value, *node.indices):
            self.accesses(expression, depth)
        if node.buffer in self.parameters:
            self._element("write", node.buffer, node.indices, depth)

    def _element(self, access: str, buffer: Any, indices: Any, depth: int) -> None:
        parameter, size = self.parameters[buffer], element_bytes(str(buffer.dtype))
        index = self.value(indices[0])
        if index is None:
            self.line(depth, f"{access}({parameter}, 0, {self.kernel.parameters[parameter].bytes})")
        else:
            self.line(depth, f"{access}({parameter}, {index} * {size}, {size})")

    def accesses(self, expr: Any, depth: int) -> None:
        """Lines for the loads and calls in an expression."""
        operator = str(getattr(expr.op, "name", "")) if isinstance(expr, ir.Call) else ""
        if isinstance(expr, ir.expr.TensorLoad):
            self.accesses(expr.indices[0], depth)
            if expr.source in self.parameters:
                self._element("read", expr.source, expr.indices, depth)
        elif operator == "tirx.call_extern":
            self._call(expr, depth)
        elif operator == _CONDITIONAL:
            self._conditional(list(expr.args), depth)
        elif isinstance(expr, tirx.Select):
            self._conditional([expr.condition, expr.true_value, expr.false_value], depth)
        else:
            for part in expr.args if operator else [getattr(expr, p, None) for p in ("a", "b", "value")]:
                if isinstance(part, ir.Expr):
                    self.accesses(part, depth)

    def _conditional(self, parts: Sequence[Any], depth: int) -> None:
        """The accesses of (condition, if true, if false)."""
        condition = self.value(parts[0])
        self.accesses(parts[0], depth)
        for head, part in ((f"if {condition}:", parts[1]), ("else:", parts[2])):
            if condition is not None:
                self.line(depth, head)
                self.line(depth + 1, "pass")
            self.accesses(part, depth + (condition is not None))

    def _call(self, expr: Any, depth: int) -> None:
        arguments = [self._argument(argument, depth) for argument in expr.args[1:]]
        if any(_is_pointer(argument) for argument in expr.args[1:]):
            self.line(depth, f"call({str(expr.args[0].value)!r}, [{', '.join(arguments)}])")

    def _argument(self, argument: Any, depth: int) -> str:
        if not _is_pointer(argument):
            self.accesses(argument, depth)
            return str(self.value(argument))
        buffer, item = argument.args[1].args[0], element_bytes(str(argument.args[1].args[0].dtype))
        parameter = self.parameters.get(buffer, -1)
        return f"({parameter}, {self.value(argument.args[2])} * {item}, {item})"

    def value(self, expr: Any) -> str | None:  # noqa: PLR0911 - one for each form
        """An integer expression in Python; None if it depends on data."""
        if isinstance(expr, tirx.IntImm):
            return str(int(expr.value))
        if isinstance(expr, tirx.Var):
            return None if expr in self.unknown else self.name(expr)
        parts = [self.value(part) for part in self._operands(expr)]
        if not parts or None in parts:
            return None
        if type(expr) in _INFIX:
            return f"({parts[0]} {_INFIX[type(expr)]} {parts[1]})"
        if type(expr) in _PREFIX:
            return f"{_PREFIX[type(expr)]}({parts[0]}, {parts[1]})"
        if isinstance(expr, tirx.Not):
            return f"(not {parts[0]})"
        if isinstance(expr, tirx.Cast):
            return parts[0] if str(expr.ty.dtype).startswith(("int", "uint", "bool")) else None
        if isinstance(expr, ir.expr.TensorLoad):
            return f"replay.constant({self.parameters[expr.source]}, {parts[0]})"
        return f"({parts[1]} if {parts[0]} else {parts[2]})"

    def _operands(self, expr: Any) -> list[Any]:
        """The operands of a form that has a value in Python; none for other forms."""
        if type(expr) in _INFIX or type(expr) in _PREFIX:
            return [expr.a, expr.b]
        if isinstance(expr, tirx.Not):
            return [expr.a]
        if isinstance(expr, tirx.Cast):
            return [expr.value]
        if isinstance(expr, tirx.Select):
            return [expr.condition, expr.true_value, expr.false_value]
        if isinstance(expr, ir.expr.TensorLoad) and self._is_constant(expr.source):
            return list(expr.indices)
        name = str(getattr(expr.op, "name", "")) if isinstance(expr, ir.Call) else ""
        return list(expr.args) if name == _CONDITIONAL else []

    def _is_constant(self, buffer: Any) -> bool:
        """Whether the elements of a buffer are known."""
        return self.parameters.get(buffer) in self.constants


def _is_pointer(argument: Any) -> bool:
    return isinstance(argument, ir.Call) and str(getattr(argument.op, "name", "")) == "tirx.tvm_access_ptr"
