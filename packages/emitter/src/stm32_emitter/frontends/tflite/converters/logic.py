# SPDX-License-Identifier: Apache-2.0
"""Comparisons, logic, SELECT and CAST."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any

import numpy as np
from tvm import relax

from stm32_emitter.errors import ModelRefused

if TYPE_CHECKING:
    from stm32_emitter.frontends.tflite.importer import Converter
    from stm32_emitter.frontends.tflite.reader import Operator

_Convert = Callable[["Converter", "Operator"], relax.Expr]
_WHOLE = ("int8", "uint8", "int16", "int32", "int64")


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
    """The same number in another type; scales are ignored, as the reference kernels do."""
    source, target = op.input(0).dtype, op.outputs[0].dtype
    x = c.raw(op.input(0))
    if source == target:
        return relax.op.reshape(x, op.outputs[0].shape)
    if target == "bool":
        return relax.op.not_equal(x, relax.const(np.array(0, source), source))
    widens = source == "bool" or (
        source in _WHOLE and (target == "float32" or (target in _WHOLE and _least(target) <= _least(source)))
    )
    if not widens and (source, target) not in (("float32", "int32"), ("int64", "int32")):
        raise ModelRefused(
            f"casts from {source} to {target} are not supported, as results out of range differ between machines",
            hint="Use QUANTIZE, or cast to int32.",
        )
    return relax.op.astype(x, target)


def _least(dtype: str) -> int:
    return int(np.iinfo(dtype).min)


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
