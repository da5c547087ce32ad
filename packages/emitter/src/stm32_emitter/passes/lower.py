# SPDX-License-Identifier: Apache-2.0
"""Fused operators become calls of kernels; what is left of Relax is lowered by TVM's own library."""

from __future__ import annotations

import json
from dataclasses import replace
from typing import Any

import tvm
from tvm import ir, relax, te, tirx, topi

from stm32_emitter.errors import ModelRefused, Refusals, Refuse, raise_refusal
from stm32_emitter.model_info import SourceOperator, info_of
from stm32_emitter.operators import BY_KIND
from stm32_emitter.operators.base import KernelRequest, constant, kind_of, request_of
from stm32_emitter.operators.schedule import Choices, Schedule, choose, layer_key
from stm32_emitter.operators.scope import dtype_of, op_name, shape_of
from stm32_emitter.operators.size import size_schedules
from stm32_emitter.passes.bindings import ALIASES, bindings, replace_values
from stm32_emitter.passes.schedule import schedule_library
from stm32_emitter.target import Target
from stm32_emitter.tir.builder import KIND, SCHEDULE, Kernel

OFFERS = "stm32.offers"
"""Attribute of ``main``: JSON, name of a binding -> [layer key, names of the schedules that it could have had]."""


def lower_operators(mod: tvm.IRModule, target: Target, choices: Choices = Choices()) -> tvm.IRModule:  # noqa: B008
    """After it, every binding of ``main`` is a call_tir, an alias (see :data:`ALIASES`), or a tuple access.

    Args:
        mod: with fused operators.
        target: the core.
        choices: how a schedule is chosen where an operator has several.

    Raises:
        ModelRefused: an operator is neither one of ours nor one that TVM can lower.
    """
    refusals = Refusals()
    refuse_leftovers(mod, refusals)
    legal = _legalized(mod)
    _refuse_unlowered(legal, refusals)
    refusals.raise_all()
    legal = schedule_library(legal)
    return relax.transform.DeadCodeElimination()(_lower_fused(legal, target, choices))


def _legalized(mod: tvm.IRModule) -> tvm.IRModule:
    """What TVM's library can compute, as calls of its PrimFuncs."""
    own = {f"relax.{name}": lambda _builder, call: call for name in ALIASES}
    own |= {"relax.take": _take, "relax.abs": _abs, "relax.floor_mod": _floor_mod}
    return relax.transform.LegalizeOps(own)(mod)


def _abs(builder: relax.BlockBuilder, call: relax.Call) -> relax.Expr:
    """|x|; TVM's own form is an intrinsic that its C generator does not know."""

    def absolute(x: te.Tensor) -> te.Tensor:
        return te.compute(x.shape, lambda *i: _magnitude(x[i]), name="absolute")

    return builder.call_te(absolute, call.args[0], primfunc_name_hint="abs")


def _floor_mod(builder: relax.BlockBuilder, call: relax.Call) -> relax.Expr:
    """x - floor(x / y) * y; of float32 by the exact remainder, as the reference: x / y would be rounded first."""
    if str(call.ty.dtype) != "float32":
        return builder.call_te(topi.floor_mod, *call.args, primfunc_name_hint="floor_mod")

    def remainder(x: te.Tensor, y: te.Tensor) -> te.Tensor:
        a, b = (topi.broadcast_to(value, shape_of(call)) for value in (x, y))
        return te.compute(a.shape, lambda *i: _floored(a[i], b[i]), name="floor_mod")

    return builder.call_te(remainder, *call.args, primfunc_name_hint="floor_mod")


def _floored(x: Any, y: Any) -> Any:
    """The remainder of x / y with the sign of y."""
    rest, zero = tirx.call_pure_extern("float32", "fmodf", x, y), tirx.const(0.0, "float32")
    turned = tirx.all(rest != zero, tirx.any(tirx.all(rest < zero, y > zero), tirx.all(rest > zero, y < zero)))
    return tirx.Select(turned, rest + y, rest)


def _magnitude(value: Any) -> Any:
    dtype = str(value.ty.dtype) if hasattr(value, "ty") else str(value.dtype)
    return tirx.call_pure_extern(dtype, "fabsf", value) if dtype == "float32" else tirx.max(value, -value)


def _take(builder: relax.BlockBuilder, call: relax.Call) -> relax.Expr:
    """x at indices of one axis; at those computed at run time the nearest element inside. TVM's own form warns."""
    if call.attrs.axis is None or not _is_constant(call.args[1]):
        axis = None if call.attrs.axis is None else int(call.attrs.axis)
        return builder.call_te(topi.take, *call.args, axis, mode="clip", primfunc_name_hint="take")
    axis = int(call.attrs.axis)

    def taken(x: te.Tensor, indices: te.Tensor) -> te.Tensor:
        shape, end = [*x.shape[:axis], *indices.shape, *x.shape[axis + 1 :]], axis + len(indices.shape)
        return te.compute(shape, lambda *i: x[(*i[:axis], indices(*i[axis:end]), *i[end:])], name="taken")

    return builder.call_te(taken, *call.args, primfunc_name_hint="take")


def _refuse_unlowered(legal: tvm.IRModule, refuse: Refuse) -> None:
    """Tells of operators that neither we nor TVM's library can compute."""
    info = info_of(legal)
    for binding in bindings(legal["main"]):
        value = binding.value
        known = not isinstance(value, relax.Call) or kind_of(value) or op_name(value) in ("call_tir", *ALIASES)
        if not known and op_name(value) not in ("quantize", "dequantize"):
            source = info.sources.get(str(binding.var.name))
            refusal = ModelRefused(f"'{binding.var.name}' ({described(value)}) has no lowering to C")
            refuse(refusal if source is None else refusal.at(source.kind, source.index, source.output))


def described(value: relax.Expr) -> str:
    """What stands in a binding, for a refusal."""
    if isinstance(value, relax.Call) and value.args and isinstance(value.args[0], relax.ExternFunc):
        return f"{op_name(value)} of the external function '{value.args[0].global_symbol}'"
    if isinstance(value, relax.Call) and isinstance(value.op, ir.GlobalVar):
        return f"call of the function '{value.op.name_hint}'"
    return op_name(value) or type(value).__name__


def _lower_fused(mod: tvm.IRModule, target: Target, choices: Choices) -> tvm.IRModule:
    info, builder = info_of(mod), relax.BlockBuilder(mod)
    offers: dict[str, tuple[str, list[str]]] = {}

    def replace(var: relax.Var, value: relax.Expr) -> relax.Expr | None:
        kind = kind_of(value)
        if not kind:
            return None
        request, source = request_of(value, target), info.sources.get(str(var.name))
        kernel, offered = _kernel(request, choices, source)
        if len(offered) > 1:
            offers[str(var.name)] = (layer_key(request), offered)
        function = builder.add_func(kernel.function, str(kernel.function.attrs[KIND]))
        arguments = [a for a in value.args[1].fields if not _is_constant(a)]
        return _call_tir(function, [*arguments, *map(constant, kernel.constants)], value.ty_args[0])

    main = replace_values(mod, replace)["main"]
    result = builder.get()
    result["main"] = main.with_attr(OFFERS, json.dumps(offers, sort_keys=True)) if offers else main
    return result


def offered_schedules(mod: tvm.IRModule, target: Target) -> list[tuple[KernelRequest, list[Schedule]]]:
    """Every fused operator of ``main`` with its schedules."""
    requests = [request_of(b.value, target) for b in bindings(mod["main"]) if kind_of(b.value)]
    return [(request, _schedules(request)) for request in requests]


def _schedules(request: KernelRequest) -> list[Schedule]:
    return [*BY_KIND[request.kind].schedules(request), *size_schedules(request)]


def _is_constant(expr: relax.Expr) -> bool:
    return isinstance(expr, ir.expr.GenericConst)


def _call_tir(function: ir.GlobalVar, arguments: list[relax.Expr], result: relax.TensorType) -> relax.Call:
    return relax.Call(ir.Op.get("relax.call_tir"), [function, relax.Tuple(arguments)], ty_args=[result])


def _kernel(request: KernelRequest, choices: Choices, source: SourceOperator | None) -> tuple[Kernel, list[str]]:
    """A layer's kernel, and the names of the schedules that may be chosen for it."""
    try:
        offered = _schedules(request)
        schedule = choose(offered, request, choices)
        kernel = schedule.build()
    except ModelRefused as refusal:
        raise (refusal if source is None else refusal.at(source.kind, source.index, source.output)) from None
    names = [offer.name for offer in offered if choices.optimize in offer.goals]
    if schedule.name == "plain" and len(names) < 2 and not schedule.description and not schedule.cycles:
        return kernel, names
    facts = {"name": schedule.name, "description": schedule.description, "cycles": str(round(schedule.cycles))}
    return replace(kernel, function=kernel.function.with_attr(SCHEDULE, facts)), names


def refuse_leftovers(mod: tvm.IRModule, refuse: Refuse = raise_refusal) -> None:
    """Quantized arithmetic that nobody recognised must not silently become float arithmetic.

    Args:
        mod: after :func:`~stm32_emitter.passes.fuse.fuse_operators`.
        refuse: told of each operator of the original model in which something is left.
    """
    info, pending = info_of(mod), None
    for binding in bindings(mod["main"]):
        if op_name(binding.value) in ("quantize", "dequantize"):
            pending = pending or binding
        source = info.sources.get(str(binding.var.name))
        if pending is None or (source is None and info.sources):
            continue
        refuse(_refusal(pending, source))
        pending = None
    if pending is not None:
        refuse(_refusal(pending, None))


def refuse_kernels(mod: tvm.IRModule, target: Target, refuse: Refuse) -> None:
    """Tells of the operators that have no kernel; costs as much as making all kernels."""
    _refuse_unlowered(_legalized(mod), refuse)
    info = info_of(mod)
    for binding in bindings(mod["main"]):
        if kind_of(binding.value) in BY_KIND:
            source = info.sources.get(str(binding.var.name))
            try:
                _kernel(request_of(binding.value, target), Choices(), source)
            except ModelRefused as refusal:
                refuse(refusal)


def _refusal(binding: relax.Binding, source: SourceOperator | None) -> ModelRefused:
    """``source`` is the operator that the first unrecognised binding leads to."""
    return ModelRefused(
        f"this use of quantized arithmetic ({dtype_of(binding.value.args[0])}) is not supported",
        operator=source.kind if source else op_name(binding.value),
        index=source.index if source else None,
        name=source.output if source else str(binding.var.name),
        hint="Quantize the whole operator to int8 (inputs, weights and outputs), or leave it in float32.",
    )
