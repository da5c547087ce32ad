# SPDX-License-Identifier: Apache-2.0
"""What an inference cost, as the dictionary that clients of this protocol know, and as text."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Sequence

    from ai_runner.device import NodeResult, RunResult

__all__ = ["Recorder", "format_profile"]


class Recorder:
    """Gathers the results of a series of samples into ``profile``.

    The dictionary holds ``info`` (of the model), ``mode``, ``c_durations`` (milliseconds, one for each sample),
    ``c_nodes`` (for each node name, id, durations, counters, tensors, and data when they were sent) and ``debug``
    (exec_times, host_duration, counters, stack_usage, heap_usage).
    """

    def __init__(self, info: dict[str, Any], mode: str) -> None:
        self.profile: dict[str, Any] = {
            "info": info,
            "mode": mode,
            "c_durations": [],
            "c_nodes": [],
            "debug": {
                "exec_times": [],
                "host_duration": 0.0,
                "counters": {"type": "CPU cycles", "values": []},
                "stack_usage": 0,
                "heap_usage": 0,
            },
        }

    def add(self, result: RunResult) -> None:
        """Take one sample."""
        debug = self.profile["debug"]
        operator = result.operator
        debug["exec_times"].append(operator.duration_ms)
        debug["counters"]["values"].append(list(operator.counters))
        debug["stack_usage"] = operator.stack_used
        debug["heap_usage"] = operator.heap_used
        nodes_ms = sum(node.operator.duration_ms for node in result.nodes)
        self.profile["c_durations"].append(nodes_ms if result.nodes else operator.duration_ms)
        for index, node in enumerate(result.nodes):
            self._add_node(index, node)

    def _add_node(self, index: int, node: NodeResult) -> None:
        nodes = self.profile["c_nodes"]
        if index >= len(nodes):
            nodes.append(_new_node(index, node))
        entry = nodes[index]
        entry["c_durations"].append(node.operator.duration_ms)
        entry["counters"]["values"].append(list(node.operator.counters))
        for values, value in zip(entry["data"], node.values, strict=False):
            if value is not None:
                values.append(value)


def _new_node(index: int, node: NodeResult) -> dict[str, Any]:
    return {
        "name": node.operator.name or f"node_{index}",
        "m_id": node.operator.id,
        "layer_type": node.operator.kind,
        "c_durations": [],
        "counters": {"type": "CPU cycles", "values": []},
        "shape": [tensor.shape for tensor in node.tensors],
        "type": [tensor.dtype for tensor in node.tensors],
        "scale": [tensor.scale for tensor in node.tensors],
        "zero_point": [tensor.zero_point for tensor in node.tensors],
        "io_tensors": list(node.tensors),
        "data": [[] for _ in node.tensors],
    }


def _average(values: Sequence[float]) -> float:
    return sum(values) / len(values) if values else 0.0


def format_profile(profile: dict[str, Any]) -> str:
    """Return durations, counters, stack and the per-node table as text."""
    debug = profile["debug"]
    times = debug["exec_times"]
    lines = [f"samples      : {len(times)}"]
    if times:
        lines.append(f"duration     : {_average(times):.3f} ms (min {min(times):.3f}, max {max(times):.3f})")
    cycles = [values[0] for values in debug["counters"]["values"] if values]
    if cycles:
        lines.append(f"cycles       : {round(_average(cycles)):,} (min {min(cycles):,}, max {max(cycles):,})")
    macc = profile["info"].get("macc") or 0
    if cycles and macc:
        lines.append(f"cycles/MACC  : {_average(cycles) / macc:.2f}")
    lines.append(f"stack, heap  : {debug['stack_usage']:,} B, {debug['heap_usage']:,} B")
    lines.append(f"on the host  : {debug['host_duration']:.1f} ms per sample")
    if profile["c_nodes"]:
        lines += ["", *_node_table(profile["c_nodes"])]
    return "\n".join(lines)


def _node_table(nodes: Sequence[dict[str, Any]]) -> list[str]:
    total = sum(_average(node["c_durations"]) for node in nodes) or 1.0
    lines = [f"{'node':>4}  {'name':<40} {'ms':>10} {'%':>6}  output"]
    for index, node in enumerate(nodes):
        duration = _average(node["c_durations"])
        outputs = ", ".join(f"{kind}{list(shape)}" for kind, shape in zip(node["type"], node["shape"], strict=True))
        lines.append(f"{index:>4}  {node['name']:<40} {duration:>10.3f} {100 * duration / total:>6.1f}  {outputs}")
    return lines
