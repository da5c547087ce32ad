# SPDX-License-Identifier: Apache-2.0
"""What can be done to a graph before anything is converted: constants are computed, nodes that do nothing are left out.

QuantizeLinear and DequantizeLinear stay: the scales they hold are what integer arithmetic is made of.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

from numpy.typing import NDArray

from stm32_emitter.errors import ModelRefused
from stm32_emitter.frontends.graph.records import Graph, GraphNode, counted

_KEPT = ("QuantizeLinear", "DequantizeLinear", "If", "Loop", "Scan", "RandomNormal", "RandomUniform")


def simplified(graph: Graph) -> Graph:
    """The same graph with fewer nodes; indices of those that stay are the file's."""
    constants = dict(graph.constants)
    names: dict[str, str] = {}
    nodes: list[GraphNode] = []
    for original in graph.nodes:
        node = replace(original, inputs=tuple(names.get(name, name) for name in original.inputs))
        if node.kind in ("Identity", "Dropout") and node.outputs[0] not in graph.outputs:
            names[node.outputs[0]] = node.inputs[0]
        elif node.kind not in _KEPT and all(not name or name in constants for name in node.inputs):
            constants.update(folded(graph, node, constants))
        else:
            nodes.append(node)
    return replace(graph, nodes=tuple(nodes), constants=constants, uses=counted(nodes, graph.outputs))


def folded(graph: Graph, node: GraphNode, constants: Mapping[str, NDArray[Any]]) -> dict[str, NDArray[Any]]:
    """The outputs of a node whose inputs are constants.

    Raises:
        ModelRefused: it cannot be computed.
    """
    try:
        results = graph.evaluate(node, [constants[name] if name else None for name in node.inputs])
    except Exception as error:
        raise ModelRefused(f"it cannot be computed from its constants: {error}"[:300]).at(
            node.title, node.index, node.called()
        ) from error
    return dict(zip(node.outputs, results, strict=False))


def with_biases(graph: Graph) -> Graph:
    """An Add of one constant for each channel behind a Conv becomes the third input of that Conv."""
    constants = dict(graph.constants)
    merged: dict[str, GraphNode | None] = {}
    for node in graph.nodes:
        following = graph.follower(node) if node.kind == "Conv" and not node.given(2) else None
        bias = None if following is None else _bias_of(graph, node, following)
        if following is None or bias is None:
            continue
        name = f"{following.outputs[0]}~bias"
        constants[name] = bias
        inputs = (*node.inputs[:2], name)
        merged[node.outputs[0]] = replace(node, inputs=inputs, outputs=following.outputs, tensor=following.tensor)
        merged[following.outputs[0]] = None
    nodes = [merged.get(node.outputs[0], node) for node in graph.nodes]
    kept = tuple(node for node in nodes if node is not None)
    return replace(graph, nodes=kept, constants=constants, uses=counted(kept, graph.outputs))


def _bias_of(graph: Graph, conv: GraphNode, add: GraphNode) -> NDArray[Any] | None:
    """What an Add adds to each channel, [channels]; None if it is another sum."""
    if add.kind != "Add":
        return None
    other = next((name for name in add.inputs if name != conv.outputs[0]), "")
    value = graph.constants.get(other)
    rank = len(conv.attributes.get("strides", (1, 1))) + 2
    if value is None or value.ndim not in (rank, rank - 1) or value.dtype.kind != "f":
        return None
    channel = value.ndim - rank + 1
    return value.ravel() if value.shape[channel] == value.size else None
