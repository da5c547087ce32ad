# SPDX-License-Identifier: Apache-2.0
"""Which families of schedules are worth their code.

Layers that use the same micro-kernels pay for them once, so the choice is one for the whole model: a family stays if
the cycles that it saves over all layers are worth its bytes. A kilobyte has to save half a percent of the model's
cycles.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from stm32_emitter.operators.base import KernelRequest
from stm32_emitter.operators.schedule import Choices, Schedule, permitted

_SHARE = 0.005
"""Of the model's cycles, for :data:`_BYTES` of code."""
_BYTES = 1024

Offer = tuple[KernelRequest, Sequence[Schedule]]
"""A layer and its schedules."""


@dataclass(frozen=True)
class _Option:
    """The fastest schedule of a family in one layer."""

    family: str
    cycles: float
    code: int


def left_out(offers: Sequence[Offer], choices: Choices) -> frozenset[str]:
    """Families that a model does better without.

    Args:
        offers: all layers.
        choices: the limits of working memory.
    """
    layers = [_options(request, permitted(schedules, request, choices)) for request, schedules in offers]
    layers = [layer for layer in layers if layer]
    price = _SHARE / _BYTES * sum(min(option.cycles for option in layer) for layer in layers)
    out: frozenset[str] = frozenset()
    while True:
        cost, used = _total(layers, out, price)
        trials = [(_total(layers, out | {family}, price)[0], family) for family in sorted(used)]
        best = min(trials, default=(cost, ""))
        if best[0] >= cost:
            return out
        out |= {best[1]}


def _options(request: KernelRequest, schedules: Sequence[Schedule]) -> list[_Option]:
    found = [_Option(s.family_of(request.kind), s.cycles, s.code) for s in schedules]
    return sorted(found, key=lambda option: option.cycles)


def _total(layers: Sequence[Sequence[_Option]], out: frozenset[str], price: float) -> tuple[float, set[str]]:
    """Cycles and code of the whole model, in cycles; the families in use that could be left out."""
    cycles, code, forced = 0.0, {}, set()
    for layer in layers:
        open_ = [option for option in layer if option.family not in out] or layer
        cycles += open_[0].cycles
        code[open_[0].family] = open_[0].code
        if len({option.family for option in open_}) == 1:
            forced.add(open_[0].family)
    return cycles + price * sum(code.values()), set(code) - forced
