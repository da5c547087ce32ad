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
