# SPDX-License-Identifier: Apache-2.0
"""A plain schedule for the functions of TVM's library.

Reductions start from their initial value before the loop; steps of a function of single elements become one.
"""

from __future__ import annotations

from typing import Any

import tvm
from tvm import s_tir, tirx


def schedule_library(mod: tvm.IRModule) -> tvm.IRModule:
    """Splits the initialisation off every reduction of every PrimFunc made of schedulable blocks.

    Before: ``for k: if k == 0: acc = 0; acc += x[k]``. After: ``acc = 0; for k: acc += x[k]``.
    """
    result = tvm.IRModule(dict(mod.functions.items()), attrs=mod.attrs)
    for variable, function in mod.functions.items():
        if isinstance(function, tirx.PrimFunc) and bool((function.attrs or {}).get("tirx.noalias", False)):
            result[variable] = scheduled(function)
    return result


def scheduled(function: tirx.PrimFunc) -> tirx.PrimFunc:
    """The same for one function."""
    schedule = s_tir.Schedule(function)
    reductions = _reduction_blocks(schedule)
    if not reductions:
        _inline(schedule)
    for name in reductions:
        block = schedule.get_sblock(name)
        loops = schedule.get_loops(block)
        first = _first_reduction_loop(schedule, block)
        if first is not None and first < len(loops):
            schedule.decompose_reduction(block, loops[first])
    return schedule.mod["main"]


def _inline(schedule: Any) -> None:
    """Computes what is in between, e.g. x * sqrt(1/2) of GELU, where it is needed: it takes no memory then."""
    blocks = schedule.get_child_blocks(schedule.get_sblock("root"))
    for block in blocks:
        if schedule.get_consumers(block):
            schedule.compute_inline(block)


def _reduction_blocks(schedule: Any) -> list[str]:
    root = schedule.get_sblock("root")
    blocks = schedule.get_child_blocks(root)
    return [str(schedule.get(block).name_hint) for block in blocks if schedule.get(block).init is not None]


def _first_reduction_loop(schedule: Any, block: Any) -> int | None:
    """Position of the outermost loop that a reduction axis is bound to; loops stand in the order of the axes."""
    axes = schedule.get(block).iter_vars
    kinds = [axis.iter_type == tirx.IterVar.CommReduce for axis in axes]
    return kinds.index(True) if True in kinds else None
