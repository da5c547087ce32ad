# SPDX-License-Identifier: Apache-2.0
"""How each layer of a model is computed, what that should cost, and what it did cost."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from stm32_cli.console import plain_table

if TYPE_CHECKING:
    from collections.abc import Sequence

    from stm32_cli.project.measured import Measurement

_HEAD = ["layer", "kernel", "schedule", "blocking, layout", "MACs", "expected", "per MAC"]
_MEASURED = ["measured", "per MAC"]


def explain_text(info: dict[str, Any], measured: Measurement | None) -> str:
    """A table with a row for each layer; cycles.

    Args:
        info: content of `<m>.json`.
        measured: of the same model, or None.
    """
    nodes = info["nodes"]
    rows = [_expected(node) for node in nodes]
    head = list(_HEAD)
    if measured:
        head += _MEASURED
        for row, node, figures in zip(rows, nodes, measured.nodes, strict=True):
            row.extend(_figures(figures.cycles, node["macs"]))
    return "\n".join([plain_table(head, [*rows, _sum(info, measured)]), *_remarks(nodes, measured)])


def _expected(node: dict[str, Any]) -> list[str]:
    schedule = node["schedule"]
    facts = [node["name"], _kernel(node), schedule["name"], schedule["description"] or "-", _number(node["macs"])]
    return [*facts, *_figures(schedule["cycles"], node["macs"])]


def _kernel(node: dict[str, Any]) -> str:
    """The kernel's name behind the model's."""
    return str(node["kernel"]).partition("_K_")[2]


def _figures(cycles: int, macs: int) -> list[str]:
    """Cycles, and cycles per MAC where there are both."""
    return [_number(cycles), f"{cycles / macs:.2f}" if cycles and macs else ""]


def _number(value: int) -> str:
    return f"{value:,}" if value else ""


def _sum(info: dict[str, Any], measured: Measurement | None) -> list[str]:
    """The whole inference; without an expectation where a layer has none."""
    cycles = [node["schedule"]["cycles"] for node in info["nodes"]]
    known = sum(cycles) if all(cycles) else 0
    row = ["one inference", "", "", "", _number(info["macs"]), *_figures(known, info["macs"])]
    return row + (_figures(measured.total.cycles, info["macs"]) if measured else [])


def _remarks(nodes: Sequence[dict[str, Any]], measured: Measurement | None) -> list[str]:
    lines = ["expected and measured are cycles of one inference"]
    if unknown := [node for node in nodes if not node["schedule"]["cycles"]]:
        kinds = dict.fromkeys(_kernel(node).rstrip("0123456789").rstrip("_") for node in unknown)
        lines.append(f"no estimate for {len(unknown)} of {len(nodes)} layers: {', '.join(kinds)}")
    if measured:
        return [*lines, f"measured on {measured.board}: {measured.how}"]
    return [*lines, "not measured: stm32 build DIR --app perf, then stm32 run --explain"]


def explain_json(info: dict[str, Any], measured: Measurement | None) -> dict[str, Any]:
    """The same as data: the content of `<m>.json`, and the measurement under "measured"."""
    return info | {"measured": measured.as_json() if measured else None}
