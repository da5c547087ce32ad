# SPDX-License-Identifier: Apache-2.0
"""Schedules of a layer: several kernels that give the same bytes, and the choice between them.

A schedule is chosen by what is provable of the layer (a definition offers only kernels that are exact for it), then by
the option ``optimize`` and the schedules' own estimates, and last by a table that ``stm32 tune`` measured. Nothing here
knows a model: a layer is known by its :func:`layer_key`, which leaves out names, weights and quantization.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from stm32_emitter.tir.builder import Kernel

if TYPE_CHECKING:
    from stm32_emitter.operators.base import KernelRequest

OPTIMIZE = ("speed", "balanced", "size", "ram")
"""What can be optimised for; the default is ``"balanced"``."""
SIZE_ONLY = frozenset(("size",))
"""Goals of a schedule that is made for small code, whatever it costs in cycles."""

TOLERATED = 2.0
"""How many times slower a schedule may be that is taken for its little working memory."""


@dataclass(frozen=True)
class Schedule:
    """One way to compute a layer.

    Attributes:
        name: stable, of [a-z0-9-], e.g. ``"d8-4x2"``; tuning tables hold it.
        build: makes the kernel.
        description: blocking and layout in a few words, for people.
        cycles: expected Cortex-M4 cycles of one call, 0 if nobody has an estimate.
        scratch: bytes of working memory.
        constants: bytes in flash.
        code: bytes of runtime code that its family needs.
        goals: values of ``optimize`` for which it may be chosen without being named by a tuning table.
        family: schedules of one operator with the same family share their code; default: the name.
    """

    name: str
    build: Callable[[], Kernel]
    description: str = ""
    cycles: float = 0.0
    scratch: int = 0
    constants: int = 0
    code: int = 0
    goals: frozenset[str] = frozenset(OPTIMIZE)
    family: str = ""

    def family_of(self, kind: str) -> str:
        """Its family, unique over all operators."""
        return f"{kind}/{self.family or self.name}"


ANY_LAYER = "*"
"""Stands for every layer key in a tuning table."""


@dataclass(frozen=True)
class Choices:
    """How schedules are chosen.

    Attributes:
        optimize: one of :data:`OPTIMIZE`.
        tuned: layer key, or :data:`ANY_LAYER` -> name of the schedule that measured best.
        scratch: layer key -> bytes of working memory that a schedule may take; None: as many as it likes.
        free_scratch: bytes that it may take in any case.
        left_out: families that are not worth their code (:mod:`stm32_emitter.planning.families`).
    """

    optimize: str = "balanced"
    tuned: Mapping[str, str] = field(default_factory=dict)
    scratch: Mapping[str, int] | None = None
    free_scratch: int = 0
    left_out: frozenset[str] = frozenset()


def choose(schedules: Sequence[Schedule], request: KernelRequest, choices: Choices) -> Schedule:
    """The tuned schedule if the table has one that is offered, else the best estimate for the goal within the limits.

    Speed and balanced order by cycles, size by code and constants behind what is made for size alone, ram by scratch;
    equal ones by their place in the sequence, so a definition lists the preferred one first.
    """
    key = layer_key(request)
    for named in (choices.tuned.get(ANY_LAYER), choices.tuned.get(key)):
        for schedule in schedules:
            if schedule.name == named:
                return schedule
    orders: dict[str, Callable[[Schedule], tuple[float, ...]]] = {
        "size": lambda s: (s.goals != SIZE_ONLY, s.code + s.constants),
        "ram": lambda s: (s.scratch,),
    }
    allowed = permitted(schedules, request, choices)
    return min(allowed, key=orders.get(choices.optimize, lambda s: (s.cycles,)))


def permitted(schedules: Sequence[Schedule], request: KernelRequest, choices: Choices) -> list[Schedule]:
    """What the goal and the limits leave; at least one.

    Limits of working memory never lead to a schedule that takes more than :data:`TOLERATED` times the cycles of the
    fastest, and families are left out only where another one is there.
    """
    allowed = [s for s in schedules if choices.optimize in s.goals] or list(schedules)
    allowed = [s for s in allowed if s.family_of(request.kind) not in choices.left_out] or allowed
    if choices.scratch is None:
        return allowed
    limit = max(choices.scratch.get(layer_key(request), 0), choices.free_scratch)
    best = min(s.cycles for s in allowed)
    allowed = [s for s in allowed if s.cycles <= TOLERATED * best]
    return [s for s in allowed if s.scratch <= limit] or [min(allowed, key=lambda s: s.scratch)]


def layer_key(request: KernelRequest) -> str:
    """Identifies a class of equal layers on one core: operator, shapes, element types, geometry."""
    geometry = {
        name: [int(v) for v in value] if isinstance(value, list | tuple) or hasattr(value, "__len__") else int(value)
        for name, value in request.attributes.items()
        if name in _GEOMETRY
    }
    shapes = [[list(spec.shape), spec.dtype] for spec in (*request.inputs, request.output)]
    text = json.dumps([request.kind, shapes, geometry, request.target.name], sort_keys=True)
    return f"{request.kind.lower()}-{hashlib.sha256(text.encode()).hexdigest()[:16]}"


_GEOMETRY = frozenset(("strides", "padding", "dilation", "groups", "axis", "kernel", "pool_size"))
