# SPDX-License-Identifier: Apache-2.0
"""A graph in ONNX's terms, wherever it was read from: nodes, constants, inputs with static shapes."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import Any

from numpy.typing import NDArray


@dataclass(frozen=True)
class GraphNode:
    """One node; an empty name among ``inputs`` stands for an optional one that is left out.

    Attributes:
        index: its place in the original model.
        kind: ``op_type`` of ONNX, or a name of the frontend's own.
        name: in the original model.
        inputs: names of tensors.
        outputs: names of tensors.
        attributes: by ONNX's names.
        opset: the version of ONNX's operators that ``attributes`` and ``inputs`` follow.
        origin: the node as its frontend has it.
        operator: what the original model calls ``kind``, where that is another name.
        tensor: what the original model calls the first output, where that is another name.
    """

    index: int
    kind: str
    name: str
    inputs: tuple[str, ...]
    outputs: tuple[str, ...]
    attributes: dict[str, Any]
    opset: int
    origin: Any = None
    operator: str = ""
    tensor: str = ""

    def given(self, position: int) -> str:
        """Name of an input, empty where it is left out."""
        return self.inputs[position] if position < len(self.inputs) else ""

    @property
    def title(self) -> str:
        """The operator's name for people."""
        return self.operator or self.kind

    def called(self, position: int = 0) -> str:
        """The name of an output for people."""
        return self.tensor if self.tensor and position == 0 else self.outputs[position]


@dataclass(frozen=True)
class GraphInput:
    """An input of the model with its static shape."""

    name: str
    shape: tuple[int, ...]
    dtype: str


Evaluate = Callable[[GraphNode, "list[NDArray[Any] | None]"], "list[NDArray[Any]]"]
"""What a node computes from constants."""


@dataclass(frozen=True)
class Graph:
    """A model that has been read.

    Attributes:
        nodes: in an order of execution.
        inputs: without those that only name a constant.
        outputs: names.
        constants: by name.
        uses: how often a tensor is read; being an output of the model counts.
        evaluate: computes a node from constants.
        titles: what the original model calls ``outputs``; empty: the same.
    """

    nodes: tuple[GraphNode, ...]
    inputs: tuple[GraphInput, ...]
    outputs: tuple[str, ...]
    constants: dict[str, NDArray[Any]]
    uses: Counter[str]
    evaluate: Evaluate
    titles: tuple[str, ...] = ()

    def follower(self, node: GraphNode) -> GraphNode | None:
        """The only node that reads what ``node`` computes; None if there are others, or it is an output."""
        if len(node.outputs) != 1 or self.uses[node.outputs[0]] != 1:
            return None
        return next((other for other in self.nodes if node.outputs[0] in other.inputs), None)


def counted(nodes: Iterable[GraphNode], outputs: Iterable[str]) -> Counter[str]:
    """``Graph.uses``."""
    uses = Counter(name for node in nodes for name in node.inputs if name)
    uses.update(outputs)
    return uses
