# SPDX-License-Identifier: Apache-2.0
"""Looks backwards through a Relax function: what a variable is bound to, and the parts of a quantized group."""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray
from tvm import ir, relax


@dataclass(frozen=True)
class Dequantized:
    """``dequantize(value)``: ``scale`` and ``zero_point`` have 1 element or one per index of ``axis``."""

    value: relax.Expr
    scale: NDArray[np.float32]
    zero_point: NDArray[np.int32]
    axis: int

    @property
    def shape(self) -> tuple[int, ...]:
        """Shape of the quantized tensor."""
        return shape_of(self.value)

    @property
    def dtype(self) -> str:
        """Element type of the quantized tensor."""
        return dtype_of(self.value)


@dataclass(frozen=True)
class Quantized:
    """``quantize(activation(value))``: a per-tensor result.

    Attributes:
        value: the real-valued expression in front of the activation.
        scale: of the result.
        zero_point: of the result.
        dtype: of the result.
        low: lower bound of the activation as a real number, or None.
        high: upper bound of the activation as a real number, or None.
    """

    value: relax.Expr
    scale: float
    zero_point: int
    dtype: str
    low: float | None
    high: float | None


class Scope:
    """The bindings of one Relax function.

    Args:
        function: to look through.
        operators: names of the variables that hold an operator's result in the original model. A group never reaches
            across them. Empty: not known, every variable can be inside of a group.
        unsigned: names of the variables that are int8 here and uint8 in the original model.
        nearest: tables of one byte are those of real numbers, rounded once (see ``ModelInfo``).
    """

    def __init__(
        self,
        function: relax.Function,
        operators: Collection[str] = (),
        unsigned: Collection[str] = (),
        *,
        nearest: bool = False,
    ) -> None:
        self.nearest = nearest
        self._values = relax.analysis.get_var2val(function)
        self._operators = frozenset(operators)
        self._unsigned = frozenset(unsigned)
        self._names = {value: str(var.name) for var, value in self._values.items()}
        self._uses = _uses(function)

    def resolve(self, expr: relax.Expr) -> relax.Expr:
        """What ``expr`` stands for: a call, a constant, or a variable that is a parameter."""
        while isinstance(expr, relax.Var) and expr in self._values:
            expr = self._values[expr]
        return expr

    def unsigned(self, root: relax.Expr) -> bool:
        """Whether the bound value ``root`` of int8 is uint8 in the original model, with zero point + 128."""
        return self._names.get(root) in self._unsigned

    def is_operator(self, root: relax.Expr) -> bool:
        """Whether the bound value ``root`` can be the result of an operator of the original model."""
        return not self._operators or self._names.get(root) in self._operators

    def is_boundary(self, expr: relax.Expr) -> bool:
        """Whether ``expr`` is there before its user starts: a constant, a parameter or an operator's result."""
        value = self.resolve(expr)
        return not isinstance(value, relax.Call) or self.is_operator(value)

    def used_once(self, var: relax.Var) -> bool:
        """Whether ``var`` is read in one place only, so that a group may keep it to itself."""
        return self._uses[var] == 1

    def call(self, expr: relax.Expr, *names: str) -> relax.Call | None:
        """``expr`` as a call of one of the operators ``names`` (without ``relax.``), or None."""
        if isinstance(expr, relax.Var) and str(expr.name) in self._operators:
            return None
        value = self.resolve(expr)
        return value if op_name(value) in names else None

    def constant(self, expr: relax.Expr) -> NDArray[Any] | None:
        """The value of ``expr`` if it is a constant."""
        value = self.resolve(expr)
        return constant_value(value)

    def dequantized(self, expr: relax.Expr) -> Dequantized | None:
        """``expr`` as a dequantize with constant parameters, or None; of int64 it is astype(value, float32) * scale."""
        call = self.call(expr, "dequantize")
        if call is None:
            return self._scaled(expr)
        scale, zero_point = self.constant(call.args[1]), self.constant(call.args[2])
        if scale is None or zero_point is None:
            return None
        return Dequantized(
            call.args[0],
            np.atleast_1d(scale).astype(np.float32),
            np.atleast_1d(zero_point).astype(np.int32),
            int(call.attrs.axis),
        )

    def _scaled(self, expr: relax.Expr) -> Dequantized | None:
        call = self.call(expr, "multiply")
        scale = None if call is None else self.constant(call.args[1])
        widened = None if call is None else self.call(call.args[0], "astype")
        if widened is None or scale is None or dtype_of(widened.args[0]) != "int64":
            return None
        scales = np.atleast_1d(scale).astype(np.float32)
        return Dequantized(widened.args[0], scales, np.zeros(len(scales), np.int32), 0)

    def quantized(self, expr: relax.Expr) -> Quantized | None:
        """``expr`` as a per-tensor quantize of an optionally clamped value, or None."""
        call = self.call(expr, "quantize")
        if call is None:
            return None
        scale, zero_point = self.constant(call.args[1]), self.constant(call.args[2])
        if scale is None or zero_point is None or scale.size != 1:
            return None
        value, low, high = self.clamped(call.args[0])
        return Quantized(value, float(scale.ravel()[0]), int(zero_point.ravel()[0]), dtype_of(call), low, high)

    def clamped(self, expr: relax.Expr) -> tuple[relax.Expr, float | None, float | None]:
        """(value, low, high) of relu(value) or clip(value, low, high); bounds are None where there are none."""
        call = self.call(expr, "nn.relu", "clip")
        if call is None:
            return expr, None, None
        if op_name(call) == "nn.relu":
            return call.args[0], 0.0, None
        return call.args[0], prim_value(call.args[1]), prim_value(call.args[2])

    def biased(self, expr: relax.Expr) -> tuple[relax.Expr, relax.Expr | None]:
        """(value, bias) of add(value, bias) with a bias that is constant in its quantized form."""
        call = self.call(expr, "add")
        if call is None:
            return expr, None
        bias = self.dequantized(call.args[1])
        constant = self.constant(call.args[1] if bias is None else bias.value)
        return (expr, None) if constant is None else (call.args[0], call.args[1])


def _uses(function: relax.Function) -> Counter[relax.Var]:
    """How often each variable is read."""
    uses: Counter[relax.Var] = Counter()

    def count(expr: relax.Expr) -> None:
        if isinstance(expr, relax.Call):
            uses.update(argument for argument in expr.args if isinstance(argument, relax.Var))
        elif isinstance(expr, relax.Tuple):
            uses.update(item for item in expr.fields if isinstance(item, relax.Var))
        elif isinstance(expr, relax.TupleGetItem):
            uses[expr.tuple_value] += 1
        elif isinstance(expr, relax.SeqExpr):
            uses[expr.body] += 1

    relax.analysis.post_order_visit(function, count)
    return uses


def constant_value(expr: relax.Expr) -> NDArray[Any] | None:
    """The value of a Relax constant; None for any other expression."""
    return np.asarray(expr.value.numpy()) if isinstance(expr, ir.expr.GenericConst) else None


def op_name(expr: relax.Expr) -> str:
    """Name of the operator that ``expr`` calls, without ``relax.``; empty for anything else."""
    if isinstance(expr, relax.Call) and isinstance(expr.op, ir.Op):
        return str(expr.op.name).removeprefix("relax.")
    return ""


def shape_of(expr: relax.Expr) -> tuple[int, ...]:
    """Static shape of a tensor expression."""
    return tuple(int(dim) for dim in expr.ty.shape)


def dtype_of(expr: relax.Expr) -> str:
    """Element type of a tensor expression."""
    return str(expr.ty.dtype)


def prim_value(expr: Any) -> float:
    """A Relax scalar argument as a number."""
    value = getattr(expr, "value", expr)
    return float(getattr(value, "value", value))


def integers(values: Any) -> list[int]:
    """Integers of an attribute."""
    return [int(value) for value in values]
