# SPDX-License-Identifier: Apache-2.0
"""Comparisons, logic, SELECT and CAST."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any

import numpy as np
from tvm import relax

from stm32_emitter.frontends.tflite.support import ANY, EIGHT_BITS, WHOLE, Limit, Support, takes

if TYPE_CHECKING:
    from stm32_emitter.frontends.tflite.importer import Converter
    from stm32_emitter.frontends.tflite.reader import Operator

_Convert = Callable[["Converter", "Operator"], relax.Expr]
_CAST = ("float32", "int8", "uint8", "int16", "int32", "int64", "bool")
CASTS = Limit(f"both element types are among {', '.join(_CAST)}")


def _compared(operation: Callable[..., relax.Expr], *, ordered: bool = True) -> _Convert:
    """Of real numbers, or of bytes as they are; ``ordered`` ones ignore the scales of int16, as the reference does."""

    def convert(c: Converter, op: Operator) -> relax.Expr:
        taken = c.raw if ordered and op.input(0).dtype == "int16" else c.real
        return operation(*(c.bb.normalize(taken(op.input(i))) for i in range(2)))

    return convert


def _logical(operation: Callable[..., relax.Expr]) -> _Convert:
    return lambda c, op: operation(c.raw(op.input(0)), c.raw(op.input(1)))


def convert_not(c: Converter, op: Operator) -> relax.Expr:
    """The opposite."""
    return relax.op.logical_not(c.raw(op.input(0)))


def convert_select_v2(c: Converter, op: Operator) -> relax.Expr:
    """Elements of the second input where the first is true, else of the third; all three broadcast."""
    return relax.op.where(*(c.raw(op.input(i)) for i in range(3)))


def convert_select(c: Converter, op: Operator) -> relax.Expr:
    """As SELECT_V2; a condition of one axis chooses whole rows of the first axis."""
    condition, x = op.input(0), op.input(1)
    chosen = c.raw(condition)
    if len(condition.shape) == 1 and len(x.shape) > 1:
        chosen = c.bb.normalize(relax.op.reshape(chosen, (*condition.shape, *[1] * (len(x.shape) - 1))))
    return relax.op.where(chosen, c.raw(x), c.raw(op.input(2)))


def convert_cast(c: Converter, op: Operator) -> relax.Expr:
    """The number in another type; scales are ignored, as the reference kernels do.

    Integers wrap around, float32 is truncated and limited to the type (``operators/cast.py``).
    """
    source, target = op.input(0).dtype, op.outputs[0].dtype
    x = c.raw(op.input(0))
    if source == target:
        return relax.op.reshape(x, op.outputs[0].shape)
    if target == "bool":
        return relax.op.not_equal(x, relax.const(np.array(0, source), source))
    CASTS.require(source in _CAST and target in _CAST, f"it casts from {source} to {target}")
    return relax.op.astype(x, target)


CONVERTERS: dict[str, Callable[[Any, Any], relax.Expr]] = {
    "CAST": convert_cast,
    "EQUAL": _compared(relax.op.equal, ordered=False),
    "GREATER": _compared(relax.op.greater),
    "GREATER_EQUAL": _compared(relax.op.greater_equal),
    "LESS": _compared(relax.op.less),
    "LESS_EQUAL": _compared(relax.op.less_equal),
    "LOGICAL_AND": _logical(relax.op.logical_and),
    "LOGICAL_NOT": convert_not,
    "LOGICAL_OR": _logical(relax.op.logical_or),
    "NOT_EQUAL": _compared(relax.op.not_equal, ordered=False),
    "SELECT": convert_select,
    "SELECT_V2": convert_select_v2,
}

_COMPARED = takes(*EIGHT_BITS, "int16", "float32", *WHOLE)
_EQUAL = takes(*EIGHT_BITS, "int16", "float32", *WHOLE, "bool")
SUPPORT: dict[str, Support] = {
    "CAST": takes(*ANY, limits=(CASTS,)),
    "EQUAL": _EQUAL,
    "GREATER": _COMPARED,
    "GREATER_EQUAL": _COMPARED,
    "LESS": _COMPARED,
    "LESS_EQUAL": _COMPARED,
    "LOGICAL_AND": takes("bool"),
    "LOGICAL_NOT": takes("bool"),
    "LOGICAL_OR": takes("bool"),
    "NOT_EQUAL": _EQUAL,
    "SELECT": takes(*ANY),
    "SELECT_V2": takes(*ANY),
}
