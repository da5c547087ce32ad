# SPDX-License-Identifier: Apache-2.0
"""How much working memory each operator of ``main`` may take without raising the model's peak."""

from __future__ import annotations

import math

import numpy as np
import tvm
from tvm import relax

from stm32_emitter.operators.scope import dtype_of, op_name, shape_of
from stm32_emitter.passes.bindings import ALIASES, bindings

_SHARE, _MOST = 4, 1024
"""A scratch of one part in so many of the peak is always allowed, but not more than so many bytes."""


def working_memory(mod: tvm.IRModule) -> dict[str, int]:
    """Bytes by the name of each binding's variable, from lifetimes alone: an estimate, the planner has the last word.

    A tensor lives from the binding that makes it (inputs from the start) to the last one that reads it (results to
    the end); nothing is computed in place.
    """
    function, order = mod["main"], list(bindings(mod["main"]))
    owner: dict[relax.Var, relax.Var] = {}
    born, dies = dict.fromkeys(function.params, 0), dict.fromkeys(function.params, 0)
    for position, binding in enumerate(order):
        for used in _used(binding.value, owner):
            dies[used] = position
        source = binding.value.args[0] if op_name(binding.value) in ALIASES else binding.value
        if isinstance(source, relax.Var):
            owner[binding.var] = owner.get(source, source)
        else:
            born[binding.var] = dies[binding.var] = position
    for used in _used(function.body.body, owner):
        dies[used] = len(order)
    live = [sum(_bytes(v) for v in born if born[v] <= at <= dies[v]) for at in range(len(order))]
    peak = max(live, default=0)
    return {str(b.var.name): peak - size + min(peak // _SHARE, _MOST) for b, size in zip(order, live, strict=True)}


def _used(expr: relax.Expr, owner: dict[relax.Var, relax.Var]) -> list[relax.Var]:
    found: list[relax.Var] = []
    relax.analysis.post_order_visit(expr, lambda e: found.append(e) if isinstance(e, relax.Var) else None)
    return [owner.get(var, var) for var in found]


def _bytes(var: relax.Var) -> int:
    if not isinstance(var.ty, relax.TensorType):
        return 0
    return math.prod(shape_of(var)) * np.dtype(dtype_of(var)).itemsize
