# SPDX-License-Identifier: Apache-2.0
"""States: the value after a run has to lie where the value before it lay."""

from __future__ import annotations

import tvm
from tvm import relax

from stm32_emitter.model_info import info_of
from stm32_emitter.operators import BY_KIND
from stm32_emitter.operators.base import Fused, kind_of
from stm32_emitter.operators.scope import dtype_of, shape_of
from stm32_emitter.passes.bindings import bindings
from stm32_emitter.passes.outputs import result_fields, root_of, with_results


def state_pairs(mod: tvm.IRModule) -> list[tuple[relax.Var, relax.Expr]]:
    """(parameter, result) of each state of ``main``: its value before and after a run."""
    count = len(info_of(mod).states)
    main = mod["main"]
    return list(zip(main.params[-count:], result_fields(main)[-count:], strict=True)) if count else []


def settle_states(mod: tvm.IRModule) -> tvm.IRModule:
    """Copies states whose value after the run is computed while the one before it is still needed.

    After it, what computes a state's value may write it over the value before. Before: ``s1 = f(s0); y = g(s0)``.
    After: ``s1 = f(s0); y = g(s0); s2 = copy(s1)``, and the state's result is s2.
    """
    main = mod["main"]
    values = {binding.var: binding.value for binding in bindings(main)}
    place = {var: number for number, var in enumerate(values)}
    last = _last_uses(main, values, place)
    results = result_fields(main)
    pairs = state_pairs(mod)
    extra: list[relax.Binding] = []
    for position, (before, after) in enumerate(pairs, len(results) - len(pairs)):
        root = root_of(after, values)
        if _may_overwrite(values[root], before, place[root], last.get(before, -1)):
            continue
        copy = relax.Var(f"state_after{position}", relax.TensorType(shape_of(after), dtype_of(after)))
        extra.append(relax.VarBinding(copy, Fused("COPY", (after,), shape_of(after), dtype_of(after)).call()))
        results[position] = copy
    return with_results(mod, extra, results) if extra else mod


def _may_overwrite(value: relax.Expr, before: relax.Var, here: int, last: int) -> bool:
    """Whether what is computed at place ``here`` may lie where the state did, which is last used at ``last``."""
    if not isinstance(value, relax.Call):
        return False
    definition = BY_KIND.get(kind_of(value))
    updates = definition is not None and definition.updates_in_place and value.args[1].fields[0].same_as(before)
    return last < here or (last == here and updates)


def _last_uses(
    main: relax.Function, values: dict[relax.Var, relax.Expr], place: dict[relax.Var, int]
) -> dict[relax.Expr, int]:
    """For each parameter the place of the last binding that reads its bytes, also under another name."""
    last: dict[relax.Expr, int] = {}
    for binding in bindings(main):
        for used in relax.analysis.free_vars(binding.value):
            last[root_of(used, values)] = place[binding.var]
    return last
