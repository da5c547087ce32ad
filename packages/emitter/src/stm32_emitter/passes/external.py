# SPDX-License-Identifier: Apache-2.0
"""Functions of a Relax module that a registered operator stands for become calls of it."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import tvm
from tvm import ir, relax

from stm32_emitter.errors import ModelRefused
from stm32_emitter.operators.scope import constant_value, dtype_of, op_name, shape_of
from stm32_emitter.passes.bindings import bindings, replace_values

if TYPE_CHECKING:
    from stm32_emitter.extension.operator import Operator

FUNCTIONS: dict[str, Operator] = {}
"""Registered operators by the name of the Relax function that they stand for."""

_COMPOSITE = "Composite"
"""Attribute that TVM's FuseOpsByPattern gives to the functions it makes: the name of the pattern."""


def bind_operators(mod: tvm.IRModule) -> tvm.IRModule:
    """Before: ``y = call_dps_packed("my.op", (x,), out_ty=...)``, or ``y = my_op(x)`` of a function in the module.

    After: ``y = call_dps_packed("stm32.MY_OP", (x,))``, where an operator MY_OP is registered for that name.

    Raises:
        ModelRefused: the operator refuses the call, or computes something else than the module says.
    """
    names = {b.var: name for b in bindings(mod["main"]) if (name := _function(mod, b.value)) in FUNCTIONS}
    if not names:
        return mod
    main = {binding.var: binding.value for binding in bindings(mod["main"])}
    replaced = {main[var].op for var in names if isinstance(main[var].op, ir.GlobalVar)}

    def replace(var: relax.Var, value: relax.Expr) -> relax.Expr | None:
        return _bound(FUNCTIONS[names[var]], var, value) if var in names else None

    result = replace_values(mod, replace)
    kept = {v: f for v, f in result.functions.items() if v not in replaced}
    return tvm.IRModule(kept, attrs=mod.attrs)


def _function(mod: tvm.IRModule, value: relax.Expr) -> str:
    """Name of the function that a binding calls; empty for anything else."""
    if op_name(value) == "call_dps_packed":
        return str(value.args[0].global_symbol)
    if not isinstance(value, relax.Call) or not isinstance(value.op, ir.GlobalVar):
        return ""
    attrs = mod[value.op].attrs or {}
    return str(attrs[_COMPOSITE]) if _COMPOSITE in attrs else str(value.op.name_hint)


def _bound(operator: Operator, var: relax.Var, value: relax.Call) -> relax.Call:
    from stm32_emitter.extension.call import Call, Tensor, fused_call

    inputs = list(value.args[1].fields) if op_name(value) == "call_dps_packed" else list(value.args)
    tensors = tuple(Tensor(shape_of(e), dtype_of(e), value=constant_value(e)) for e in inputs)
    try:
        call = operator.resolved(Call(operator.name, tensors))
    except ModelRefused as refusal:
        raise refusal.at(operator.name, None, str(var.name)) from None
    found = [str(tensor) for tensor in call.outputs]
    declared = [f"{tensor.dtype}{[int(dim) for dim in tensor.shape]}" for tensor in _types(var)]
    if declared != found:
        raise ModelRefused(
            f"the module says that '{var.name}' is {', '.join(declared)}, operator '{operator.name}' computes "
            f"{', '.join(found)}"
        )
    return fused_call(call, inputs)


def _types(var: relax.Var) -> list[Any]:
    return list(var.ty.fields) if isinstance(var.ty, relax.TupleType) else [var.ty]
