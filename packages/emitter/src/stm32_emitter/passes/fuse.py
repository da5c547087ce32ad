# SPDX-License-Identifier: Apache-2.0
"""Groups of Relax operators become fused operators with fixed-point arithmetic."""

from __future__ import annotations

from collections import defaultdict

import tvm
from tvm import relax

from stm32_emitter.errors import ModelRefused, Refuse, raise_refusal
from stm32_emitter.model_info import ModelInfo, info_of
from stm32_emitter.operators import REGISTRY
from stm32_emitter.operators.base import OperatorDefinition, unknown_value
from stm32_emitter.operators.scope import Scope, dtype_of, op_name, shape_of
from stm32_emitter.passes.bindings import replace_values


def fuse_operators(mod: tvm.IRModule, refuse: Refuse = raise_refusal) -> tvm.IRModule:
    """Replaces every group that an operator recognises; what nobody recognises stays as it is.

    ``refuse`` is told of groups that an operator recognises and cannot compute; if it returns, unknown values take
    their place.

    Before: ``c = quantize(add(conv2d(dequantize(a), dequantize(w)), dequantize(b)))`` in single bindings.
    After: ``c = call_dps_packed("stm32.CONV_2D", (a, w, b, multipliers, shifts))``; unused bindings are gone.
    """
    info = info_of(mod)
    scope = Scope(mod["main"], info.sources, info.unsigned, nearest=info.nearest)
    by_root: dict[str, list[OperatorDefinition]] = defaultdict(list)
    for definition in REGISTRY:
        for root in definition.roots:
            by_root[root].append(definition)

    def replace(var: relax.Var, value: relax.Expr) -> relax.Expr | None:
        for definition in by_root.get(op_name(value), ()):
            fused = _match(definition, scope, value, info, str(var.name), refuse)
            if fused is not None:
                return fused
        return None

    return relax.transform.DeadCodeElimination()(replace_values(mod, replace))


def _match(
    definition: OperatorDefinition, scope: Scope, root: relax.Call, info: ModelInfo, name: str, refuse: Refuse
) -> relax.Expr | None:
    try:
        fused = definition.match(scope, root)
    except ModelRefused as refusal:
        source = info.sources.get(name)
        refuse(refusal if source is None else refusal.at(source.kind, source.index, source.output))
        return unknown_value(root.args, shape_of(root), dtype_of(root))
    return None if fused is None else fused.call()
