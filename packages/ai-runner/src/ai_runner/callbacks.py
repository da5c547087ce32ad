# SPDX-License-Identifier: Apache-2.0
"""Who wants to be told of samples and nodes while a model runs."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from numpy.typing import NDArray

    from ai_runner.device import NodeResult


class AiRunnerCallback:
    """Override what is of interest; all methods do nothing here."""

    def on_sample_begin(self, index: int) -> None:
        """Sample ``index`` is about to be sent."""

    def on_sample_end(self, index: int, outputs: Sequence[NDArray[Any]], logs: dict[str, Any]) -> None:
        """Sample ``index`` gave ``outputs``; ``logs`` has ``dur`` in milliseconds."""

    def on_node_begin(self, index: int, logs: dict[str, Any]) -> None:
        """Node ``index`` was announced; ``logs`` has its ``name``."""

    def on_node_end(self, index: int, outputs: Sequence[NDArray[Any] | None], logs: dict[str, Any]) -> None:
        """Node ``index`` gave ``outputs`` (None without data); ``logs`` has name, dur, shape, m_id, layer_type."""


def node_listener(listener: AiRunnerCallback) -> Callable[[int, NodeResult], None]:
    """What a device calls for each node, which tells a listener."""

    def on_node(index: int, node: NodeResult) -> None:
        operator = node.operator
        listener.on_node_begin(index, {"name": operator.name})
        logs = {
            "name": operator.name,
            "dur": operator.duration_ms,
            "shape": [tensor.shape for tensor in node.tensors],
            "m_id": operator.id,
            "layer_type": operator.kind,
        }
        listener.on_node_end(index, node.values, logs)

    return on_node
