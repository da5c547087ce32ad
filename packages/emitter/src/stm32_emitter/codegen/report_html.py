# SPDX-License-Identifier: Apache-2.0
"""``<m>_report.html``: the report as one page that needs nothing else, the memory plan drawn in it."""

from __future__ import annotations

from html import escape
from typing import Any

from stm32_emitter.codegen.report import report_record
from stm32_emitter.codegen.report_plan import plan_svg

_STYLE = """
:root { color-scheme: light; }
body { font: 14px/1.45 system-ui, sans-serif; margin: 2em auto; max-width: 1240px; padding: 0 1em; color: #1d2733; }
h1 { font-size: 1.5em; } h2 { font-size: 1.15em; margin-top: 2em; }
table { border-collapse: collapse; margin: .5em 0 1em; }
th, td { padding: .2em .7em; border-bottom: 1px solid #d7dde4; text-align: left; vertical-align: top; }
td { max-width: 34em; overflow-wrap: break-word; } td.prose { min-width: 15em; }
th { background: #f1f4f7; } td.n, th.n { text-align: right; font-variant-numeric: tabular-nums; white-space: nowrap; }
.scroll { overflow-x: auto; } .note { color: #5b6875; }
.key { display: inline-block; width: 1em; height: 1em; vertical-align: -.15em; margin: 0 .3em 0 1em; opacity: .6; }
svg text { font: 11px system-ui, sans-serif; fill: #1d2733; pointer-events: none; }
svg .axis { stroke: #9aa5b1; } svg .grid { stroke: #e4e8ed; }
svg rect.buffer { fill-opacity: .5; stroke-width: 1.2; } svg rect.buffer:hover { fill-opacity: .85; }
""" + "".join(
    f".{kind} {{ fill: {colour}; stroke: {colour}; background: {colour}; }}\n"
    for kind, colour in {
        "context": "#8894a0", "input": "#2f9e5b", "output": "#d9622b", "tensor": "#3b7dd8", "scratch": "#b8901f",
    }.items()
)  # fmt: skip


def report_html(record: dict[str, Any]) -> str:
    """The page, from the content of ``<m>.json``; names of tensors are shown whatever their characters."""
    report = report_record(record)
    title = f"{report['name']} for {report['target']}"
    parts = [
        "<!DOCTYPE html>",
        '<html lang="en"><head><meta charset="utf-8">',
        f"<title>{_text(title)}</title><style>{_STYLE}</style></head><body>",
        f"<h1>{_text(title)}</h1>",
        f'<p class="note">stm32-ai {_text(report["tool_version"])}, signature {report["signature"]:08X}</p>',
        _totals(report),
        "<h2>Memory plan</h2>",
        _legend(report),
        f'<div class="scroll">{plan_svg(report)}</div>',
        "<h2>Layers</h2>",
        _nodes(report["nodes"]),
        _folded(report["folded"]),
        *_regions(report, record),
        "</body></html>",
    ]
    return "\n".join(parts) + "\n"


def _text(value: object) -> str:
    """Text in HTML: escaped, characters that cannot be seen spelled out."""
    seen = "".join(c if c.isprintable() else f"\\x{ord(c):02x}" for c in str(value))
    return escape(seen, quote=True)


def _table(head: list[str], rows: list[list[Any]], note: str = "") -> str:
    """A table; integers are written with separators and stand at the right, None stays empty."""
    kinds = [_column_class([row[i] for row in rows]) for i in range(len(head))]

    def line(cells: list[Any], tag: str) -> str:
        shown = [_cell(cell) for cell in cells]
        return "<tr>" + "".join(f"<{tag}{c}>{s}</{tag}>" for c, s in zip(kinds, shown, strict=True)) + "</tr>"

    body = "\n".join([line(list(head), "th"), *(line(row, "td") for row in rows)])
    return f'<div class="scroll"><table>\n{body}\n</table></div>{note}'


def _column_class(cells: list[Any]) -> str:
    """Numbers are aligned, sentences get room."""
    if any(isinstance(cell, int | float) for cell in cells):
        return ' class="n"'
    return ' class="prose"' if any(" " in str(cell) and len(str(cell)) > _SENTENCE for cell in cells) else ""


_SENTENCE = 30
"""Characters from which a cell is no name any more."""


def _cell(value: Any) -> str:
    if value is None:
        return ""
    if isinstance(value, float):
        return f"{value:.2f}"
    return f"{value:,}" if isinstance(value, int) else _text(value)


def _totals(report: dict[str, Any]) -> str:
    totals = report["totals"]
    rows: list[list[Any]] = [
        ["layers", totals["nodes"], ""],
        ["multiply-accumulates", totals["macs"], "of one inference"],
        ["constants", totals["params_size"], "bytes of flash"],
        [
            "activations", totals["activations_size"],
            f"bytes of RAM: context {totals['context_bytes']:,}, planned {totals['planned_bytes']:,}",
        ],
        ["most bytes in use", totals["peak_live_bytes"], "of the planned ones, at one layer"],
    ]  # fmt: skip
    return _table(["", "figure", ""], rows)


def _legend(report: dict[str, Any]) -> str:
    names = ("context", "input", "output", "tensor", "scratch")
    keys = "".join(f'<span class="key {name}"></span>{name}' for name in names)
    total = report["totals"]["activations_size"]
    return (
        f"<p>From left to right the layers as they run, upwards the {total:,} bytes of the pool. Boxes that lie over "
        f"each other share memory while a layer works in place. Point at one for its figures.<br>{keys}</p>"
    )


def _nodes(nodes: list[dict[str, Any]]) -> str:
    rows: list[list[Any]] = []
    for number, node in enumerate(nodes):
        schedule, macs = node["schedule"], node["macs"]
        cycles = schedule["cycles"] or None
        per_mac = cycles / macs if cycles and macs else None
        what = [schedule["name"], schedule["description"], cycles, per_mac]
        lost = [node["constant_channels"] or None, node["unread_channels"] or None]
        rows.append([number, node["name"], node["kernel"], *what, macs, node["live_bytes"], *lost])
    head = ["", "layer", "kernel", "schedule", "blocking, layout", "expected cycles", "per MAC", "MACs", "bytes in use"]
    if any(node["constant_channels"] or node["unread_channels"] for node in nodes):
        return _table([*head, "constant channels", "unread channels"], rows)
    return _table(head, [row[: len(head)] for row in rows])


def _folded(names: list[str]) -> str:
    """The operators of which nothing is left."""
    return f'<p class="note">Folded into others: {_text(", ".join(names))}</p>' if names else ""


def _regions(report: dict[str, Any], record: dict[str, Any]) -> list[str]:
    """A table for each section that the linker places."""
    pool, flash = report["regions"]
    context = report["totals"]["context_bytes"]
    names = [node["name"] for node in report["nodes"]]

    def span(row: dict[str, Any]) -> str:
        ends = list(dict.fromkeys((row["first_node"], row["last_node"])))
        return " to ".join(names[number] for number in ends if number < len(names))

    plan: list[list[Any]] = [["instance context", "context", 0, context, "always"]]
    plan += [[r["label"], r["kind"], context + r["offset"], r["bytes"], span(r)] for r in report["memory"]]
    plan.append(["the whole pool", "", None, pool["bytes"], ""])
    constants: list[list[Any]] = [[c["name"], c["dtype"], c["elements"], c["bytes"]] for c in record["constants"]]
    constants.append(["all constants as linked", "", None, flash["bytes"]])
    return [
        f"<h2>RAM: section {_text(pool['section'] or 'of the caller')}</h2>",
        _table(["what", "kind", "from the pool's start", "bytes", "in use from layer"], plan),
        f"<h2>Flash: section {_text(flash['section'])}</h2>",
        _table(["constant", "type", "elements", "bytes"], constants),
    ]
