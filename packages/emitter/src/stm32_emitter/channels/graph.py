# SPDX-License-Identifier: Apache-2.0
"""A module as layers between variables, what is known of each channel, and which channels have to stay."""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import dataclass, field

import numpy as np
import tvm
from tvm import relax

from stm32_emitter.channels.ranges import Mask, Range, full
from stm32_emitter.channels.registry import RESHAPE, rule_for
from stm32_emitter.channels.rules import Layer, Rule
from stm32_emitter.operators.base import KernelRequest, TensorSpec, kind_of, request_of
from stm32_emitter.operators.scope import constant_value, dtype_of, op_name, shape_of
from stm32_emitter.operators.table import EIGHT_BITS
from stm32_emitter.passes.bindings import ALIASES, bindings
from stm32_emitter.target import target_named

_ANY_CORE = target_named("host")
"""What is known of channels does not depend on the core."""
_SMALL = 64
"""Bytes of a constant that weigh less than any operator."""


@dataclass(frozen=True)
class Step:
    """A layer in its place: the variable it computes, and its inputs (None for a constant one)."""

    var: relax.Var
    rule: Rule
    layer: Layer
    arguments: tuple[relax.Expr, ...]

    @property
    def sources(self) -> Iterator[tuple[int, relax.Var]]:
        """Position and variable of each input that is no constant."""
        for position, spec in enumerate(self.layer.request.inputs):
            if spec.value is None:
                yield position, self.arguments[position]


@dataclass
class Graph:
    """``steps`` in order of execution; ``ranges`` of every tensor of 8 bits; ``kept`` of every variable with channels.

    A variable that is not computed by a step keeps all its channels.
    """

    steps: dict[relax.Var, Step] = field(default_factory=dict)
    ranges: dict[relax.Var, Range] = field(default_factory=dict)
    kept: dict[relax.Var, Mask] = field(default_factory=dict)

    def masks(self, step: Step) -> list[Mask]:
        """What is left of each input; all of a constant one."""
        found = [np.ones(step.layer.channels_of(i), bool) for i in range(len(step.arguments))]
        for position, var in step.sources:
            found[position] = self.kept[var]
        return found

    def is_whole(self, var: relax.Var) -> bool:
        """Whether all channels stay."""
        return var not in self.kept or bool(self.kept[var].all())

    def constant(self, step: Step) -> bool:
        """Whether all that is left of a layer's result is constant, and not larger than what computes it."""
        kept, request = self.kept[step.var], step.layer.request
        if not kept.any() or request.kind == RESHAPE or not self.ranges[step.var].constant[kept].all():
            return False
        size = math.prod(request.output.shape[:-1]) * int(kept.sum())
        return size <= max(_SMALL, sum(spec.value.nbytes for spec in request.inputs if spec.value is not None))


def analysed(mod: tvm.IRModule) -> Graph:
    """The graph of ``main``, with the least channels that have to stay."""
    graph, main = Graph(), mod["main"]
    for parameter in main.params:
        _enter(graph, parameter)
    whole: list[relax.Expr] = [main.body.body]
    for binding in bindings(main):
        step = _step(graph, binding)
        _enter(graph, binding.var, step)
        if step is None:
            whole.append(binding.value)
    _keep_all(graph, whole)
    _settle(graph)
    return graph


def _enter(graph: Graph, var: relax.Var, step: Step | None = None) -> None:
    """Notes a variable: what is known of it, and that nothing of it is needed yet unless no rule computes it."""
    if step is not None:
        graph.steps[var] = step
        graph.ranges[var] = step.rule.ranges(step.layer)
        graph.kept[var] = np.zeros(step.layer.channels, bool)
    elif isinstance(var.ty, relax.TensorType) and shape_of(var) and dtype_of(var) in EIGHT_BITS:
        channels = shape_of(var)[-1]
        graph.ranges[var] = full(dtype_of(var), channels)
        graph.kept[var] = np.ones(channels, bool)


def _step(graph: Graph, binding: relax.Binding) -> Step | None:
    value = binding.value
    if kind_of(value):
        arguments, request = tuple(value.args[1].fields), request_of(value, _ANY_CORE)
    elif op_name(value) in ALIASES:
        x = value.args[0]
        arguments = (x,)
        specs = [TensorSpec(shape_of(e), dtype_of(e), constant_value(e)) for e in (x, binding.var)]
        request = KernelRequest(RESHAPE, (specs[0],), specs[1], {}, _ANY_CORE)
    else:
        return None
    rule = rule_for(request)
    if rule is None:
        return None
    inputs = [
        None if spec.value is not None else graph.ranges[a] for spec, a in zip(request.inputs, arguments, strict=True)
    ]
    return Step(binding.var, rule, Layer(request, tuple(inputs)), arguments)


def _keep_all(graph: Graph, users: list[relax.Expr]) -> None:
    """Everything that is an output, or read by what has no rule."""
    for user in users:
        for var in relax.analysis.free_vars(user):
            if var in graph.kept:
                graph.kept[var][:] = True


def _settle(graph: Graph) -> None:
    """From what is needed to all that has to be there for it, until nothing is added."""
    changed = True
    while changed:
        changed = False
        for step in reversed(list(graph.steps.values())):
            changed |= _visit(graph, step)


def _visit(graph: Graph, step: Step) -> bool:
    """Takes one layer into account; returns whether a mask has grown."""
    kept = graph.kept[step.var]
    if not kept.any() or graph.constant(step):
        return False
    grown = _grow(graph, step.var, step.rule.implied(step.layer, kept, graph.masks(step)))
    needed = step.rule.needed(step.layer, graph.kept[step.var])
    for position, var in step.sources:
        grown |= _grow(graph, var, needed[position])
    return grown


def _grow(graph: Graph, var: relax.Var, mask: Mask) -> bool:
    if not np.any(mask & ~graph.kept[var]):
        return False
    graph.kept[var] = np.asarray(graph.kept[var] | mask)
    return True
