# SPDX-License-Identifier: Apache-2.0
"""Which nodes become one operator: a sum with its bias, its activation and the QuantizeLinear behind them."""

from __future__ import annotations

from dataclasses import dataclass

from stm32_emitter.frontends.graph.records import Graph, GraphNode

_PRODUCTS = ("Conv", "Gemm", "MatMul")
_ACTIVATED = (*_PRODUCTS, "Add", "Sub", "Mul", "AveragePool")
QUANTIZED = (
    *_ACTIVATED, "Relu", "Clip", "LeakyRelu", "Sigmoid", "Tanh", "HardSwish", "GlobalAveragePool", "ReduceMean",
)  # fmt: skip
"""Heads of groups that are integer arithmetic between DequantizeLinear and QuantizeLinear."""
MOVED = (
    "Concat", "Dropout", "Flatten", "GlobalMaxPool", "Identity", "MaxPool", "Pad", "Reshape", "Slice", "Split",
    "Squeeze", "Transpose", "Unsqueeze",
)  # fmt: skip
"""What passes quantized elements on as they are; everything else is float32 even between quantized tensors."""


@dataclass(frozen=True)
class Group:
    """The nodes in order, the first one computes; ``quantized``: the last one is a QuantizeLinear."""

    nodes: tuple[GraphNode, ...]

    @property
    def head(self) -> GraphNode:
        """What the operator is called by."""
        return self.nodes[0]

    @property
    def last(self) -> GraphNode:
        """Whose output is the operator's."""
        return self.nodes[-1]

    @property
    def quantized(self) -> bool:
        """Whether it ends with QuantizeLinear."""
        return len(self.nodes) > 1 and self.last.kind == "QuantizeLinear"


def group_of(graph: Graph, node: GraphNode, *, quantized: bool) -> Group:
    """The group that begins with ``node``.

    Args:
        graph: the model.
        node: the first one.
        quantized: all inputs of ``node`` that are computed are quantized, so that the group is integer arithmetic if
            it ends with a QuantizeLinear.
    """
    nodes = [node]

    def take(*kinds: str) -> None:
        following = graph.follower(nodes[-1])
        if following is not None and following.kind in kinds and following.inputs[0] == nodes[-1].outputs[0]:
            nodes.append(following)

    if node.kind in ("Conv", "Gemm") and not quantized:
        take("BatchNormalization")
    if len(nodes) == 1 and node.kind in _PRODUCTS and not (node.kind == "Conv" and node.given(2)):
        following = graph.follower(node)
        if following is not None and following.kind == "Add" and _adds_constant(graph, following):
            nodes.append(following)
    if node.kind in _ACTIVATED:
        take("Relu", "Clip")
    if quantized and node.kind in QUANTIZED:
        take("QuantizeLinear")
        if nodes[-1].kind != "QuantizeLinear":
            return group_of(graph, node, quantized=False)
    return Group(tuple(nodes))


def _adds_constant(graph: Graph, node: GraphNode) -> bool:
    """Whether one operand is a constant, which may be dequantized."""
    made = {name: other for other in graph.nodes for name in other.outputs}

    def constant(name: str) -> bool:
        maker = made.get(name)
        if maker is not None and maker.kind == "DequantizeLinear":
            return maker.inputs[0] in graph.constants
        return name in graph.constants or (maker is not None and maker.kind == "Constant")

    return any(constant(name) for name in node.inputs)
