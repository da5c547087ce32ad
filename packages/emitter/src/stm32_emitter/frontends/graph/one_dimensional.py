# SPDX-License-Identifier: Apache-2.0
"""Windows over one axis become windows over two, of which the first has size 1; no element moves for it."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np

from stm32_emitter.frontends.graph.records import Graph, GraphNode, counted

_WINDOWS = ("Conv", "MaxPool", "AveragePool")
_FOLLOWERS = (
    "Relu", "Clip", "LeakyRelu", "Sigmoid", "Tanh", "HardSwish", "BatchNormalization", "QuantizeLinear", "Dropout",
)  # fmt: skip
"""What may stand between a window and the place where the axis is taken out again, so that groups stay together."""
_AXIS = "#height"
_PAIRS = ("kernel_shape", "strides", "dilations")


def with_two_dimensions(graph: Graph) -> Graph:
    """The same graph with windows over two axes, between Unsqueeze and Squeeze."""
    changed: dict[str, list[GraphNode]] = {}
    for node in graph.nodes:
        if node.kind in _WINDOWS and len(node.outputs) == 1 and _spatial_rank(graph, node) == 1:
            changed.update(_widened(graph, node))
    if not changed:
        return graph
    nodes = tuple(new for node in graph.nodes for new in changed.get(node.outputs[0], [node]))
    constants = {**graph.constants, _AXIS: np.array([2], np.int64)}
    return replace(graph, nodes=nodes, constants=constants, uses=counted(nodes, graph.outputs))


def _spatial_rank(graph: Graph, node: GraphNode) -> int:
    """Over how many axes a window moves; 0: not known."""
    for key in _PAIRS:
        if key in node.attributes:
            return len(node.attributes[key])
    weights = graph.constants.get(node.given(1))
    return 0 if weights is None or node.kind != "Conv" else weights.ndim - 2


def _chain(graph: Graph, node: GraphNode) -> list[GraphNode]:
    found = [node]
    while (following := graph.follower(found[-1])) is not None:
        if following.kind not in _FOLLOWERS or following.inputs[0] != found[-1].outputs[0]:
            break
        found.append(following)
    return found


def _widened(graph: Graph, node: GraphNode) -> dict[str, list[GraphNode]]:
    """Output of a node -> what takes its place."""
    chain = _chain(graph, node)
    data, *others = node.inputs
    weights = [others[0]] if node.kind == "Conv" else []
    before = [_moved("Unsqueeze", node, name, _inner(name, node)) for name in (data, *weights)]
    first = replace(
        node,
        inputs=(*(entry.outputs[0] for entry in before), *others[len(weights) :]),
        outputs=(_inner(node.outputs[0]),),
        attributes=_attributes(node.attributes),
    )
    rest = [
        replace(member, inputs=(_inner(member.inputs[0]), *member.inputs[1:]), outputs=(_inner(member.outputs[0]),))
        for member in chain[1:]
    ]
    last = chain[-1]
    after = _moved("Squeeze", last, _inner(last.outputs[0]), last.outputs[0])
    made = {member.outputs[0]: [new] for member, new in zip(chain, [first, *rest], strict=True)}
    made[node.outputs[0]] = [*before, first]
    made[last.outputs[0]] = [*made[last.outputs[0]], after]
    return made


def _inner(name: str, user: GraphNode | None = None) -> str:
    return f"{name}~2d" if user is None else f"{name}~2d~{user.outputs[0]}"


def _moved(kind: str, node: GraphNode, source: str, result: str) -> GraphNode:
    return replace(node, kind=kind, inputs=(source, _AXIS), outputs=(result,), attributes={}, opset=17, origin=None)


def _attributes(given: dict[str, Any]) -> dict[str, Any]:
    """With an axis of size 1 in front; pads are (begin, end)."""
    wide = {key: [1, *given[key]] for key in _PAIRS if key in given}
    if "pads" in given:
        begin, end = given["pads"]
        wide["pads"] = [0, begin, 0, end]
    return {**given, **wide}
