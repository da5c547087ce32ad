# SPDX-License-Identifier: Apache-2.0
"""What only rearranges constants is done at compile time."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
import tvm
from numpy.typing import NDArray
from tvm import relax

from stm32_emitter.operators.base import constant
from stm32_emitter.operators.scope import constant_value, integers, op_name, shape_of
from stm32_emitter.passes.bindings import replace_values


def _permuted(call: relax.Call, value: NDArray[Any]) -> NDArray[Any]:
    return np.transpose(value, None if call.attrs.axes is None else integers(call.attrs.axes))


def _reshaped(call: relax.Call, value: NDArray[Any]) -> NDArray[Any]:
    return value.reshape(shape_of(call))


_FOLDED: dict[str, Callable[[relax.Call, NDArray[Any]], NDArray[Any]]] = {
    "permute_dims": _permuted,
    "reshape": _reshaped,
    "expand_dims": _reshaped,
    "squeeze": _reshaped,
    "flatten": _reshaped,
}


def fold_constants(mod: tvm.IRModule) -> tvm.IRModule:
    """Evaluates rearrangements of constants, and puts constants in the place of variables that stand for them.

    Before: ``w = permute_dims(const); y = matmul(x, w)``. After: ``y = matmul(x, transposed const)``.
    """
    known: dict[relax.Expr, relax.Expr] = {}

    def replace(var: relax.Var, value: relax.Expr) -> relax.Expr | None:
        substituted = _substituted(value, known)
        fold = _FOLDED.get(op_name(substituted))
        source = None if fold is None else constant_value(substituted.args[0])
        if fold is not None and source is not None:
            substituted = known[var] = constant(fold(value, source))
        return None if substituted is value else substituted

    folded = replace_values(mod, replace)
    if not known:
        return mod
    return relax.transform.DeadCodeElimination()(relax.transform.Normalize()(folded))


def _substituted(expr: relax.Expr, known: dict[relax.Expr, relax.Expr]) -> relax.Expr:
    """``expr`` with constants in the place of the variables in ``known``; itself where there are none."""
    if isinstance(expr, relax.Var):
        return known.get(expr, expr)
    if isinstance(expr, relax.Tuple):
        fields = [_substituted(item, known) for item in expr.fields]
        return expr if _same(fields, expr.fields) else relax.Tuple(fields)
    if isinstance(expr, relax.Call):
        arguments = [_substituted(item, known) for item in expr.args]
        return expr if _same(arguments, expr.args) else relax.Call(expr.op, arguments, expr.attrs, expr.ty_args)
    return expr


def _same(left: Sequence[relax.Expr], right: Sequence[relax.Expr]) -> bool:
    return all(a.same_as(b) for a, b in zip(left, right, strict=True))
