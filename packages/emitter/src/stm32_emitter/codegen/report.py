# SPDX-License-Identifier: Apache-2.0
"""``<m>_report.txt``: what a model needs, for people."""

from __future__ import annotations

from typing import Any


def report_text(record: dict[str, Any]) -> str:
    """The report of a model from the content of its ``<m>.json``."""
    lines = [
        f"{record['name']} for {record['target']} (stm32-ai {record['tool_version']})",
        "",
        f"multiply-accumulates  {record['macs']:>12,}",
        f"constants in flash    {record['params_size']:>12,} bytes",
        f"planned activations   {record['planned_bytes']:>12,} bytes (instance context comes on top)",
        f"signature             {record['signature']:>12X}",
        "",
        *_tensors("inputs", record["inputs"]),
        *_tensors("outputs", record["outputs"]),
        "",
        f"{'node':<34} {'kernel':<40} {'MACs':>12} {'live bytes':>12}",
    ]
    for number, node in enumerate(record["nodes"]):
        live = sum(
            t["bytes"]
            for t in record["tensors"]
            if t["first_node"] <= number <= t["last_node"] and t["offset"] is not None
        )
        lines.append(f"{node['name']:<34} {node['kernel']:<40} {node['macs']:>12,} {live:>12,}")
    return "\n".join(lines) + "\n"


def _tensors(title: str, entries: list[dict[str, Any]]) -> list[str]:
    lines = [title]
    for entry in entries:
        quantization = ""
        if entry["scale"]:
            quantization = f", scale {entry['scale'][0]:g}, zero point {entry['zero_point'][0]}"
        where = "caller's memory" if entry["offset"] is None else f"offset {entry['offset']}"
        lines.append(f"  {entry['name']}: {entry['dtype']}{entry['shape']}{quantization}, {where}")
    return lines
