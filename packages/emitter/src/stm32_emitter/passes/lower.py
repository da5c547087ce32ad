# SPDX-License-Identifier: Apache-2.0
"""Fused operators become calls of kernels; what is left of Relax is lowered by TVM's own library."""

from __future__ import annotations

import dataclasses

import tvm
from tvm import ir, relax

from stm32_emitter.errors import ModelRefused
from stm32_emitter.model_info import SourceOperator, info_of
from stm32_emitter.operators import BY_KIND
from stm32_emitter.operators.base import KernelRequest, constant, kind_of, request_of
from stm32_emitter.operators.schedule import Choices, choose
from stm32_emitter.operators.scope import dtype_of, op_name
from stm32_emitter.passes.bindings import ALIASES, bindings, replace_values
from stm32_emitter.passes.schedule import schedule_library
from stm32_emitter.passes.slack import working_memory
from stm32_emitter.target import Target
from stm32_emitter.tir.builder import KIND, SCHEDULE, Kernel


def lower_operators(mod: tvm.IRModule, target: Target, choices: Choices = Choices()) -> tvm.IRModule:  # noqa: B008
    """After it, every binding of ``main`` is a call_tir, an alias (see :data:`ALIASES`), or a tuple access.

    Args:
        mod: with fused operators.
        target: the core.
        choices: how a schedule is chosen where an operator has several.

    Raises:
        ModelRefused: an operator is neither one of ours nor one that TVM can lower.
    """
    _refuse_leftovers(mod)
    keep = {f"relax.{name}": lambda _builder, call: call for name in ALIASES}
    legal = schedule_library(relax.transform.LegalizeOps(keep)(mod))
    return relax.transform.DeadCodeElimination()(_lower_fused(legal, target, choices))


def _lower_fused(mod: tvm.IRModule, target: Target, choices: Choices) -> tvm.IRModule:
    info, builder, slack = info_of(mod), relax.BlockBuilder(mod), working_memory(mod)

    def replace(var: relax.Var, value: relax.Expr) -> relax.Expr | None:
        kind = kind_of(value)
        if not kind:
            return None
        request = dataclasses.replace(request_of(value, target), slack=slack[str(var.name)])
        kernel = _kernel(request, choices, info.sources.get(str(var.name)))
        function = builder.add_func(kernel.function, str(kernel.function.attrs[KIND]))
        arguments = [a for a in value.args[1].fields if not _is_constant(a)]
        return _call_tir(function, [*arguments, *map(constant, kernel.constants)], value.ty_args[0])

    main = replace_values(mod, replace)["main"]
    result = builder.get()
    result["main"] = main
    return result


def _is_constant(expr: relax.Expr) -> bool:
    return isinstance(expr, ir.expr.GenericConst)


def _call_tir(function: ir.GlobalVar, arguments: list[relax.Expr], result: relax.TensorType) -> relax.Call:
    return relax.Call(ir.Op.get("relax.call_tir"), [function, relax.Tuple(arguments)], ty_args=[result])


def _kernel(request: KernelRequest, choices: Choices, source: SourceOperator | None) -> Kernel:
    try:
        schedule = choose(BY_KIND[request.kind].schedules(request), request, choices)
        kernel = schedule.build()
    except ModelRefused as refusal:
        raise (refusal if source is None else refusal.at(source.kind, source.index, source.output)) from None
    if not schedule.description:
        return kernel
    facts = {"name": schedule.name, "description": schedule.description, "cycles": str(round(schedule.cycles))}
    return dataclasses.replace(kernel, function=kernel.function.with_attr(SCHEDULE, facts))


def _refuse_leftovers(mod: tvm.IRModule) -> None:
    """Quantized arithmetic that nobody recognised must not silently become float arithmetic."""
    info, pending = info_of(mod), None
    for binding in bindings(mod["main"]):
        if op_name(binding.value) in ("quantize", "dequantize"):
            pending = pending or binding
        source = info.sources.get(str(binding.var.name))
        if pending is None or (source is None and info.sources):
            continue
        raise _refusal(pending, source)
    if pending is not None:
        raise _refusal(pending, None)


def _refusal(binding: relax.Binding, source: SourceOperator | None) -> ModelRefused:
    """``source`` is the operator that the first unrecognised binding leads to."""
    return ModelRefused(
        f"this use of quantized arithmetic ({dtype_of(binding.value.args[0])}) is not supported",
        operator=source.kind if source else op_name(binding.value),
        index=source.index if source else None,
        name=source.output if source else str(binding.var.name),
        hint="Quantize the whole operator to int8 (inputs, weights and outputs), or leave it in float32.",
    )
