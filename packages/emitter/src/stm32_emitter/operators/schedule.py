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
        code: bytes of runtime code that no other schedule of this kind needs.
        goals: values of ``optimize`` for which it may be chosen without being named by a tuning table.
    """

    name: str
    build: Callable[[], Kernel]
    description: str = ""
    cycles: float = 0.0
    scratch: int = 0
    constants: int = 0
    code: int = 0
    goals: frozenset[str] = frozenset(OPTIMIZE)


@dataclass(frozen=True)
class Choices:
    """How schedules are chosen.

    Attributes:
        optimize: one of :data:`OPTIMIZE`.
        tuned: layer key -> name of the schedule that measured best.
        everywhere: name of a schedule that is taken wherever it is offered, before anything else; for tests.
    """

    optimize: str = "balanced"
    tuned: Mapping[str, str] = field(default_factory=dict)
    everywhere: str = ""


def choose(schedules: Sequence[Schedule], request: KernelRequest, choices: Choices) -> Schedule:
    """The tuned schedule if the table has one that is offered, else the best estimate for the goal.

    Speed orders by cycles, balanced by cycles and a quarter of the bytes of code, size by code and constants, ram by
    scratch; equal ones by their place in the sequence, so a definition lists the preferred one first. Balanced leaves
    out what takes more scratch than the request has to spare, unless all of them do.
    """
    for named in (choices.everywhere, choices.tuned.get(layer_key(request))):
        for schedule in schedules:
            if schedule.name == named:
                return schedule
    allowed = [s for s in schedules if choices.optimize in s.goals] or list(schedules)
    if choices.optimize == "balanced" and request.slack is not None:
        least = min(s.scratch for s in allowed)
        allowed = [s for s in allowed if s.scratch <= max(least, request.slack)]
    orders: dict[str, Callable[[Schedule], float]] = {
        "size": lambda s: s.code + s.constants,
        "ram": lambda s: s.scratch,
        "balanced": lambda s: s.cycles + s.code / 4,
    }
    return min(allowed, key=orders.get(choices.optimize, lambda s: s.cycles))


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
