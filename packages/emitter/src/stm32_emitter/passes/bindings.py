# SPDX-License-Identifier: Apache-2.0
"""Rebuilds ``main`` with some of its bindings replaced; variables, and so their names, stay."""

from __future__ import annotations

from collections.abc import Callable, Iterator

import tvm
from tvm import relax

ALIASES = ("reshape", "squeeze", "expand_dims", "flatten", "memory.view")
"""Relax operators that only look at the same bytes with another shape."""


def bindings(function: relax.Function) -> Iterator[relax.Binding]:
    """All bindings in order of execution."""
    for block in function.body.blocks:
        yield from block.bindings


def replace_values(mod: tvm.IRModule, replace: Callable[[relax.Var, relax.Expr], relax.Expr | None]) -> tvm.IRModule:
    """A copy of ``mod`` in which each binding's value is ``replace(var, value)`` where that is not None."""
    function = mod["main"]
    blocks = []
    for block in function.body.blocks:
        new = [_replaced(binding, replace) for binding in block.bindings]
        kind = relax.DataflowBlock if isinstance(block, relax.DataflowBlock) else relax.BindingBlock
        blocks.append(kind(new))
    body = relax.SeqExpr(blocks, function.body.body)
    result = tvm.IRModule(dict(mod.functions.items()), attrs=mod.attrs)
    result["main"] = relax.Function(
        function.params, body, function.ret_ty, is_pure=function.is_pure, attrs=function.attrs
    )
    return result


def _replaced(binding: relax.Binding, replace: Callable[[relax.Var, relax.Expr], relax.Expr | None]) -> relax.Binding:
    if not isinstance(binding, relax.VarBinding):
        return binding
    value = replace(binding.var, binding.value)
    return binding if value is None else relax.VarBinding(binding.var, value)
