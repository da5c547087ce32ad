# SPDX-License-Identifier: Apache-2.0
"""Integer expressions of TIR, for all iterations of a loop nest at once."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

import numpy as np
from numpy.typing import NDArray
from tvm import ir, tirx

from stm32_emitter.planning.footprints import Number, Unknown

Environment = dict[Any, Number | None]
"""Value of each variable: a number, one for each iteration, or None where it is not known."""
Arrays = Mapping[Any, Callable[[], NDArray[Any]]]
"""Gives the value of each constant buffer."""

_BINARY: dict[type, Callable[[Any, Any], Any]] = {
    tirx.Add: np.add, tirx.Sub: np.subtract, tirx.Mul: np.multiply,
    tirx.FloorDiv: np.floor_divide, tirx.FloorMod: np.mod,
    tirx.Div: lambda a, b: np.sign(a) * np.sign(b) * (np.abs(a) // np.abs(b)), tirx.Mod: np.fmod,
    tirx.Min: np.minimum, tirx.Max: np.maximum,
    tirx.EQ: np.equal, tirx.NE: np.not_equal, tirx.LT: np.less, tirx.LE: np.less_equal,
    tirx.GT: np.greater, tirx.GE: np.greater_equal, tirx.And: np.logical_and, tirx.Or: np.logical_or,
    tirx.RShift: np.right_shift, tirx.LShift: np.left_shift, tirx.BitwiseAnd: np.bitwise_and,
    tirx.BitwiseOr: np.bitwise_or,
}  # fmt: skip
CONDITIONAL = "prim.if_then_else"
"""Name of the call that evaluates one of two expressions."""
_CALLS: dict[str, Callable[..., Any]] = {CONDITIONAL: np.where, "prim.likely": lambda a: a}


def evaluate(expr: Any, environment: Environment, arrays: Arrays) -> Number:  # noqa: PLR0911 - one for each form
    """The value of an integer or boolean expression.

    Raises:
        Unknown: it depends on data, or has a form that is not known here.
    """
    if isinstance(expr, tirx.IntImm):
        return int(expr.value)
    if isinstance(expr, tirx.Var):
        return _variable(expr, environment)
    operation = _BINARY.get(type(expr))
    if operation is not None:
        return _plain(operation(evaluate(expr.a, environment, arrays), evaluate(expr.b, environment, arrays)))
    if isinstance(expr, tirx.Not):
        return _plain(np.logical_not(evaluate(expr.a, environment, arrays)))
    if isinstance(expr, tirx.Cast):
        return _cast(expr, environment, arrays)
    if isinstance(expr, tirx.Select):
        parts = (expr.condition, expr.true_value, expr.false_value)
        return _plain(np.where(*(evaluate(part, environment, arrays) for part in parts)))
    if isinstance(expr, ir.expr.TensorLoad):
        return _element(expr, environment, arrays)
    if isinstance(expr, ir.Call) and str(getattr(expr.op, "name", "")) in _CALLS:
        return _plain(_CALLS[str(expr.op.name)](*(evaluate(a, environment, arrays) for a in expr.args)))
    raise Unknown(str(type(expr).__name__))


def _plain(value: Any) -> Number:
    """A Python number for a numpy scalar."""
    result: Number = value if np.ndim(value) else int(value)
    return result


def _variable(variable: Any, environment: Environment) -> Number:
    value = environment.get(variable)
    if value is None:
        raise Unknown(str(variable.name))
    return value


def _cast(expr: Any, environment: Environment, arrays: Arrays) -> Number:
    if not str(expr.ty.dtype).startswith(("int", "uint", "bool")):
        raise Unknown("a number that is no integer")
    return evaluate(expr.value, environment, arrays)


def _element(expr: Any, environment: Environment, arrays: Arrays) -> Number:
    """Elements of a constant array."""
    if expr.source not in arrays or len(expr.indices) != 1:
        raise Unknown(f"an element of {expr.source.name}")
    index = evaluate(expr.indices[0], environment, arrays)
    array = arrays[expr.source]()
    if array.dtype.kind not in "iub":
        raise Unknown(f"elements of type {array.dtype}")
    if np.min(index) < 0 or np.max(index) >= array.size:
        raise Unknown(f"an index outside of {expr.source.name}")
    return _plain(array.ravel()[index].astype(np.int64))
