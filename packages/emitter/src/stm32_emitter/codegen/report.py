# SPDX-License-Identifier: Apache-2.0
"""``<m>_report.txt`` and ``<m>_report.json``: what a model needs, for people and for scripts.

Sizes are those of a 32-bit core without the observer, and equal to what the linker reports of the model's sections.
"""

from __future__ import annotations

from typing import Any

TOP = 5
"""How many of the largest memory consumers are named."""


def report_record(record: dict[str, Any]) -> dict[str, Any]:
    """The report as data, from the content of ``<m>.json``.

    Returns:
        ``name``, ``target``, ``tool_version``, ``signature``; ``totals`` (macs, nodes, bytes); ``nodes`` with their
        schedule, the bytes of the pool that are in use while each runs and the channels that its result lost;
        ``folded``, the operators of which nothing is left; ``memory``, the rows of the plan by offset; ``regions``,
        what is linked of the model apart from code; ``largest``, the biggest buffers and constants. Sizes are bytes; a
        pool is ``activations_size`` = ``context_bytes`` + ``planned_bytes``.
    """
    memory = _memory(record)
    nodes = [_node(record, number) for number in range(len(record["nodes"]))]
    return {
        "schema": record["schema"],
        "name": record["name"],
        "target": record["target"],
        "tool_version": record["tool_version"],
        "signature": record["signature"],
        "totals": {
            "nodes": len(nodes),
            "macs": record["macs"],
            "params_size": record["params_size"],
            "planned_bytes": record["planned_bytes"],
            "context_bytes": record["context_bytes"],
            "activations_size": record["context_bytes"] + record["planned_bytes"],
            "peak_live_bytes": max((node["live_bytes"] for node in nodes), default=0),
        },
        "nodes": nodes,
        "folded": [f"{entry['index']}:{entry['kind']}" for entry in record["folded"]],
        "memory": memory,
        "regions": _regions(record),
        "largest": {"buffers": _largest(memory, "label"), "constants": _largest(record["constants"], "name")},
    }


def _node(record: dict[str, Any], number: int) -> dict[str, Any]:
    node = record["nodes"][number]
    placed = (t for t in record["tensors"] if t["first_node"] <= number <= t["last_node"] and t["offset"] is not None)
    spans = sorted((t["offset"], t["offset"] + t["bytes"]) for t in placed)
    values = [v for b in node["outputs"] for v in record["tensors"][b].get("removed", {"values": []})["values"]]
    return {key: node[key] for key in ("name", "kernel", "macs", "schedule")} | {
        "live_bytes": _covered(spans),
        "constant_channels": sum(value is not None for value in values),
        "unread_channels": sum(value is None for value in values),
    }


def _covered(spans: list[tuple[int, int]]) -> int:
    """Bytes in at least one of the spans (start, end), which are sorted; buffers of one node may overlap."""
    total, reached = 0, 0
    for start, end in spans:
        total += max(end - max(start, reached), 0)
        reached = max(reached, end)
    return total


def _memory(record: dict[str, Any]) -> list[dict[str, Any]]:
    kinds = {entry["buffer"]: kind for kind in ("input", "output") for entry in record[f"{kind}s"]}
    keys = ("label", "offset", "bytes", "first_node", "last_node")
    rows = [
        {key: tensor[key] for key in keys} | {"kind": kinds.get(number) or _kind(tensor["label"])}
        for number, tensor in enumerate(record["tensors"])
        if tensor["offset"] is not None
    ]
    return sorted(rows, key=lambda row: (row["offset"], row["first_node"], row["label"]))


def _kind(label: str) -> str:
    return "scratch" if label.startswith("scratch of ") else "tensor"


def _regions(record: dict[str, Any]) -> list[dict[str, Any]]:
    """What the linker places: the section of the pool, and the section of the constants (4-byte aligned arrays)."""
    constants = sum(-(-constant["bytes"] // 4) * 4 for constant in record["constants"])
    return [
        {
            "section": f".{record['name']}.nn_data_act" if record["options"]["include_activations"] else "",
            "memory": "RAM",
            "bytes": record["context_bytes"] + record["planned_bytes"],
        },
        {"section": ".nn_weights", "memory": "flash", "bytes": constants},
    ]


def _largest(rows: list[dict[str, Any]], label: str) -> list[dict[str, Any]]:
    ordered = sorted(rows, key=lambda row: (-row["bytes"], str(row[label])))
    return [{"name": row[label], "bytes": row["bytes"]} for row in ordered[:TOP]]


def report_text(record: dict[str, Any]) -> str:
    """The report for people, from the content of ``<m>.json``."""
    report = report_record(record)
    lines = [
        f"{record['name']} for {record['target']} (stm32-ai {record['tool_version']})",
        "",
        f"multiply-accumulates  {record['macs']:>12,}",
        f"constants in flash    {record['params_size']:>12,} bytes",
        _activations_line(report["totals"]),
        f"most bytes in use     {report['totals']['peak_live_bytes']:>12,} bytes",
        f"signature             {record['signature']:>12X}",
        "",
        *_tensors("inputs", record["inputs"]),
        *_tensors("outputs", record["outputs"]),
        "",
        *_consumers("largest buffers of the pool", report["largest"]["buffers"]),
        *_consumers("largest constants", report["largest"]["constants"]),
        "",
        f"{'node':<34} {'kernel':<40} {'MACs':>12} {'bytes in use':>12}  schedule",
        *map(_node_line, report["nodes"]),
    ]
    lines += _removed(report)
    lines += ["", f"{'memory plan: offset':<20} {'bytes':>12} {'nodes':>12}  buffer"]
    for row in report["memory"]:
        span = f"{row['first_node']}-{row['last_node']}"
        lines.append(f"{row['offset']:>20,} {row['bytes']:>12,} {span:>12}  {_one_line(row['label'])}")
    return "\n".join(lines) + "\n"


def _removed(report: dict[str, Any]) -> list[str]:
    """What the constant channels saved; nothing where there are none."""
    rows = [f"{name:<34} all of it" for name in report["folded"]]
    for node in report["nodes"]:
        counts = [(node[f"{kind}_channels"], kind) for kind in ("constant", "unread")]
        parts = [f"{count} {kind}" for count, kind in counts if count]
        if parts:
            rows.append(f"{node['name']:<34} {', '.join(parts)}")
    return ["", "channels that are not computed (constant, or read by no operator)", *rows] if rows else []


def _activations_line(totals: dict[str, Any]) -> str:
    parts = f"context {totals['context_bytes']:,}, planned {totals['planned_bytes']:,}"
    return f"activations           {totals['activations_size']:>12,} bytes ({parts})"


def _node_line(node: dict[str, Any]) -> str:
    line = f"{node['name']:<34} {node['kernel']:<40} {node['macs']:>12,} {node['live_bytes']:>12,}"
    return f"{line}  {schedule_text(node['schedule'], node['macs'])}"


def schedule_text(schedule: dict[str, Any], macs: int) -> str:
    """One line: name, description, expected cycles, and cycles per MAC where there are MACs."""
    parts = [schedule["name"]]
    if schedule["description"]:
        parts.append(schedule["description"])
    if schedule["cycles"]:
        per_mac = f", {schedule['cycles'] / macs:.2f} per MAC" if macs else ""
        parts.append(f"{schedule['cycles']:,} cycles expected{per_mac}")
    return "; ".join(parts)


def _consumers(title: str, rows: list[dict[str, Any]]) -> list[str]:
    return [title, *(f"  {row['bytes']:>12,}  {_one_line(row['name'])}" for row in rows)] if rows else []


def _tensors(title: str, entries: list[dict[str, Any]]) -> list[str]:
    lines = [title]
    for entry in entries:
        quantization = ""
        if entry["scale"]:
            quantization = f", scale {entry['scale'][0]:g}, zero point {entry['zero_point'][0]}"
        where = "caller's memory" if entry["offset"] is None else f"offset {entry['offset']}"
        lines.append(f"  {_one_line(entry['name'])}: {entry['dtype']}{entry['shape']}{quantization}, {where}")
    return lines


def _one_line(text: str) -> str:
    """A tensor's name on one line, whatever its characters."""
    return "".join(c if c.isprintable() else f"\\x{ord(c):02x}" for c in text)
