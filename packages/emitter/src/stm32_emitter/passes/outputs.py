# SPDX-License-Identifier: Apache-2.0
"""Every output gets memory of its own."""

from __future__ import annotations

import tvm
from tvm import relax

from stm32_emitter.operators.base import Fused
from stm32_emitter.operators.scope import dtype_of, op_name, shape_of
from stm32_emitter.passes.bindings import ALIASES, bindings


def separate_outputs(mod: tvm.IRModule) -> tvm.IRModule:
    """Copies outputs that are an input, a constant, or the same bytes as an earlier output.

    Before: ``return (x, reshape(a), a)``. After: ``return (copy(x), reshape(a), copy(a))``.
    """
    main = mod["main"]
    values = {binding.var: binding.value for binding in bindings(main)}
    results = result_fields(main)
    taken: set[object] = set(main.params)
    final: list[relax.Expr] = []
    extra: list[relax.Binding] = []
    for position, expr in enumerate(results):
        root = root_of(expr, values)
        if isinstance(root, relax.Var) and root not in taken:
            taken.add(root)
            final.append(expr)
            continue
        copy = relax.Var(f"output{position}", relax.TensorType(shape_of(expr), dtype_of(expr)))
        extra.append(relax.VarBinding(copy, Fused("COPY", (expr,), shape_of(expr), dtype_of(expr)).call()))
        final.append(copy)
    return with_results(mod, extra, final) if extra else mod


def result_fields(main: relax.Function) -> list[relax.Expr]:
    """What a function returns: the fields of its tuple, or the one value."""
    values = {binding.var: binding.value for binding in bindings(main)}
    body = main.body.body
    while isinstance(body, relax.Var) and isinstance(values.get(body), relax.Var | relax.Tuple):
        body = values[body]
    return list(body.fields) if isinstance(body, relax.Tuple) else [body]


def root_of(expr: relax.Expr, values: dict[relax.Var, relax.Expr]) -> relax.Expr:
    """The variable whose memory ``expr`` looks at."""
    while True:
        value = values.get(expr) if isinstance(expr, relax.Var) else None
        if isinstance(value, relax.Var):
            expr = value
        elif value is not None and op_name(value) in ALIASES:
            expr = value.args[0]
        elif value is not None and not isinstance(value, relax.Call | relax.TupleGetItem):
            return value
        else:
            return expr


def with_results(mod: tvm.IRModule, extra: list[relax.Binding], final: list[relax.Expr]) -> tvm.IRModule:
    """A copy of ``mod`` whose ``main`` has more bindings at its end and returns ``final``."""
    main = mod["main"]
    body = final[0] if len(final) == 1 else relax.Tuple(final)
    result = tvm.IRModule(dict(mod.functions.items()), attrs=mod.attrs)
    result_type = body.ty if len(final) == 1 else relax.TupleType([item.ty for item in final])
    result["main"] = relax.Function(
        main.params, relax.SeqExpr([*main.body.blocks, relax.BindingBlock(extra)], body), result_type,
        is_pure=main.is_pure, attrs=main.attrs,
    )  # fmt: skip
    return relax.transform.ConvertToDataflow(min_size=1)(relax.transform.Normalize()(result))
