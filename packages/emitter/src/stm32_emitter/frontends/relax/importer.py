# SPDX-License-Identifier: Apache-2.0
"""Relax, channels first -> Relax, channels last: see :mod:`stm32_emitter.frontends.graph.importer`."""

from __future__ import annotations

import tvm
from tvm import relax

from stm32_emitter.errors import ModelRefused, Refuse, raise_refusal
from stm32_emitter.frontends.graph.converters import CONVERTERS
from stm32_emitter.frontends.graph.importer import import_graph
from stm32_emitter.frontends.graph.one_dimensional import with_two_dimensions
from stm32_emitter.frontends.graph.records import GraphNode
from stm32_emitter.frontends.graph.simplify import with_biases
from stm32_emitter.frontends.relax.calls import CONVERTERS as CALLS
from stm32_emitter.frontends.relax.reader import Origins, read_relax
from stm32_emitter.operators.scope import op_name
from stm32_emitter.passes.bindings import bindings

_LAYOUTS = ("layout", "data_layout")


def is_channels_first(mod: tvm.IRModule) -> bool:
    """Whether some convolution, pool or normalization of ``main`` takes images with the channels in front."""
    return any(_channels_first(binding.value) for binding in bindings(mod["main"]))


def _channels_first(value: relax.Expr) -> bool:
    name = op_name(value)
    if name == "nn.batch_norm":
        return len(value.args[0].ty.shape) > int(value.attrs.axis) + 1
    if not name.startswith(("nn.", "image.")) or value.attrs is None:
        return False
    layouts = [str(getattr(value.attrs, key)) for key in _LAYOUTS if hasattr(value.attrs, key)]
    return any(layout.startswith("NC") for layout in layouts)


def import_relax(mod: tvm.IRModule, refuse: Refuse = raise_refusal, origins: Origins | None = None) -> tvm.IRModule:
    """Puts the axes of a module in the order that the kernels want, and its quantized groups in their usual form.

    Args:
        mod: a function ``main`` over tensors of static shapes, and functions that it calls by call_tir.
        refuse: told of each operator that is not supported; if it returns, the import goes on with what can be known.
        origins: what bindings are called in the model that ``mod`` was made from, by the names of their variables.

    Returns:
        A module of the same inputs and outputs.
    """
    prepared = tvm.transform.Sequential(
        [relax.transform.Normalize(), relax.transform.CanonicalizeBindings(), relax.transform.DeadCodeElimination()]
    )(mod)
    graph = with_two_dimensions(with_biases(read_relax(prepared["main"], origins or {})))
    others = {variable: function for variable, function in prepared.functions.items() if variable.name_hint != "main"}
    return import_graph(graph, {**CONVERTERS, **CALLS}, refuse, _explain, tvm.IRModule(others))


def _explain(node: GraphNode) -> ModelRefused:
    return ModelRefused(str(node.attributes["reason"]), hint=node.attributes.get("hint"))
