# SPDX-License-Identifier: Apache-2.0
"""The lowest plan there is, by an exact solver (``stm32-ai-emitter[optimum]``): what the planner is compared with."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from stm32_emitter.planning.overlap import Separation
from stm32_emitter.planning.plan import ALIGNMENT, Separations, allowed, live_together, lower_bound, plan_memory
from stm32_emitter.program import Buffer


@dataclass(frozen=True)
class Optimum:
    """What the solver found.

    Attributes:
        bytes: of the lowest plan that it knows.
        bound: no plan needs less.
    """

    bytes: int
    bound: int

    @property
    def proven(self) -> bool:
        """Whether the solver finished."""
        return self.bytes == self.bound


def optimum(buffers: Sequence[Buffer], separations: Separations, seconds: float = 60.0) -> Optimum:
    """The lowest plan under the constraints of :func:`.plan.plan_memory`.

    Args:
        buffers: with their lifetimes; all of them are placed.
        separations: pairs that may share memory although they live together.
        seconds: when to give up.

    Raises:
        ImportError: ortools is not installed.
    """
    from ortools.sat.python import cp_model

    known = plan_memory(buffers, separations=separations)
    least = lower_bound(buffers, separations)
    if known.bytes == least:
        return Optimum(least, least)
    model = cp_model.CpModel()
    height = model.new_int_var(least // ALIGNMENT, known.bytes // ALIGNMENT, "height")
    places = [_place(model, buffer, known.bytes // ALIGNMENT, height) for buffer in buffers]
    for i, a in enumerate(buffers):
        for j in range(i + 1, len(buffers)):
            if live_together(a, buffers[j]):
                _separate(model, places[j] - places[i], allowed(a, buffers[j], separations))
        model.add_hint(places[i], (known.offsets[a.index] or 0) // ALIGNMENT)
    model.minimize(height)
    solver = cp_model.CpSolver()
    solver.parameters.max_time_in_seconds = seconds
    solver.parameters.num_workers = 2
    status = solver.solve(model)
    if status not in (cp_model.OPTIMAL, cp_model.FEASIBLE):
        return Optimum(known.bytes, round(solver.best_objective_bound) * ALIGNMENT)
    return Optimum(round(solver.objective_value) * ALIGNMENT, round(solver.best_objective_bound) * ALIGNMENT)


def _place(model: Any, buffer: Buffer, most: int, height: Any) -> Any:
    """The offset of a buffer in units of the alignment."""
    size = -(-buffer.bytes // ALIGNMENT)
    place = model.new_int_var(0, most - size, f"place{buffer.index}")
    model.add(place + size <= height)
    return place


def _separate(model: Any, difference: Any, safe: Separation) -> None:
    """``difference`` (in units) is one of the safe ones."""
    below, above = (model.new_bool_var("") for _ in range(2))
    model.add(difference <= safe.below // ALIGNMENT).only_enforce_if(below)
    model.add(difference >= safe.above // ALIGNMENT).only_enforce_if(above)
    choices = [below, above]
    if safe.period:
        choices += _multiples(model, difference, safe)
    model.add_bool_or(choices)


def _multiples(model: Any, difference: Any, safe: Separation) -> list[Any]:
    """Two choices: k * period with k <= last, and with k >= first."""
    least, most = safe.below // safe.period, -(-safe.above // safe.period)
    found = []
    for low, high in ((least, min(safe.last, most)), (max(safe.first, least), most)):
        if low <= high:
            k, chosen = model.new_int_var(low, high, ""), model.new_bool_var("")
            model.add(difference == k * (safe.period // ALIGNMENT)).only_enforce_if(chosen)
            found.append(chosen)
    return found
