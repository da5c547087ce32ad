# SPDX-License-Identifier: Apache-2.0
"""The memory plan as a picture: offset in the pool over time, in SVG."""

from __future__ import annotations

from dataclasses import dataclass
from html import escape
from typing import Any

_LEFT, _TOP, _HEIGHT, _BOTTOM = 76.0, 14.0, 460.0, 120.0
_MOST_WIDTH, _LEAST_COLUMN, _MOST_COLUMN = 1060.0, 26.0, 90.0
_CHARACTER, _LINE = 6.1, 12.0  # pixels of an 11 px letter
_STEPS = (1, 2, 4, 5, 8, 10)


@dataclass(frozen=True)
class _Scale:
    """Maps nodes and bytes to pixels."""

    columns: int
    bytes: int

    @property
    def column(self) -> float:
        """Pixels of one node."""
        return min(_MOST_COLUMN, max(_LEAST_COLUMN, _MOST_WIDTH / self.columns))

    @property
    def right(self) -> float:
        """Where the last node ends."""
        return self.x(self.columns)

    def x(self, node: int) -> float:
        """Where a node begins."""
        return _LEFT + node * self.column

    def y(self, offset: int) -> float:
        """Where a byte of the pool lies; the first one is at the bottom."""
        return _TOP + _HEIGHT * (1 - offset / self.bytes)


def plan_svg(report: dict[str, Any]) -> str:
    """The picture, from the content of ``<m>_report.json``."""
    names = [node["name"] for node in report["nodes"]]
    totals = report["totals"]
    scale = _Scale(max(len(names), 1), max(totals["activations_size"], 1))
    width, height = scale.right + 60, _TOP + _HEIGHT + _BOTTOM
    context = {"label": "instance context", "kind": "context", "bytes": totals["context_bytes"]}
    rows = [context | {"offset": 0, "first_node": 0, "last_node": scale.columns - 1}]
    rows += [row | {"offset": row["offset"] + totals["context_bytes"]} for row in report["memory"]]
    # Small ones last, so that they can be pointed at where boxes overlap.
    rows.sort(key=lambda row: -row["bytes"] * (row["last_node"] - row["first_node"] + 1))
    boxes = [_box(row, scale, names) for row in rows]
    labels = [_label(row, rows, scale) for row in rows]
    size = f'width="{width:.0f}" height="{height:.0f}" viewBox="0 0 {width:.0f} {height:.0f}"'
    head = f'<svg xmlns="http://www.w3.org/2000/svg" {size} role="img" aria-label="memory plan">'
    return "\n".join([head, *_byte_axis(scale), *_node_axis(scale, names), *boxes, *filter(None, labels), "</svg>"])


def _text(value: str) -> str:
    seen = "".join(c if c.isprintable() else f"\\x{ord(c):02x}" for c in value)
    return escape(seen, quote=True)


def _shape(row: dict[str, Any], scale: _Scale) -> tuple[float, float, float, float]:
    """Left, top, width, height of a box in pixels."""
    left, top = scale.x(row["first_node"]), scale.y(row["offset"] + row["bytes"])
    return left, top, scale.x(row["last_node"] + 1) - left, scale.y(row["offset"]) - top


def _box(row: dict[str, Any], scale: _Scale, names: list[str]) -> str:
    left, top, width, height = _shape(row, scale)
    end = row["offset"] + row["bytes"]
    ends = list(dict.fromkeys((row["first_node"], row["last_node"])))
    when = " to ".join(names[number] for number in ends if number < len(names))
    hint = f"{row['label']} ({row['kind']})\n{row['bytes']:,} bytes, {row['offset']:,} to {end:,} of the pool\n"
    title = "\n".join(_text(line) for line in f"{hint}{when}".split("\n"))
    return (
        f'<rect class="buffer {row["kind"]}" x="{left + 0.8:.1f}" y="{top:.1f}" width="{width - 1.6:.1f}" '
        f'height="{max(height, 0.8):.1f}"><title>{title}</title></rect>'
    )


def _label(row: dict[str, Any], rows: list[dict[str, Any]], scale: _Scale) -> str:
    """The name in the box, upright where there is little width; empty where not even its beginning fits."""
    start, end = _own_nodes(row, rows)
    low, high = _own_bytes(row, rows)
    top, height = scale.y(high), scale.y(low) - scale.y(high)
    left, width = scale.x(start), scale.x(end) - scale.x(start)
    label = "scratch" if row["kind"] == "scratch" else row["label"]
    upright = width < min(len(label), 12) * _CHARACTER + 6 and height > width
    room, across = (height, width) if upright else (width, height)
    letters = int((room - 6) / _CHARACTER)
    if across < _LINE or letters < 3:
        return ""
    text = label if len(label) <= letters else label[: letters - 1] + "…"
    if upright:
        x, y = left + width / 2 + 4, top + height / 2
        turned = f' transform="rotate(-90 {x:.1f} {y:.1f})"'
    else:
        x, y, turned = left + width / 2, top + height / 2 + 4, ""
    return f'<text x="{x:.1f}" y="{y:.1f}" text-anchor="middle"{turned}>{_text(text)}</text>'


def _shares(row: dict[str, Any], other: dict[str, Any]) -> bool:
    """Whether two rows have bytes in common."""
    return bool(
        row is not other
        and other["offset"] < row["offset"] + row["bytes"]
        and row["offset"] < other["offset"] + other["bytes"]
    )


def _own_bytes(row: dict[str, Any], rows: list[dict[str, Any]]) -> tuple[int, int]:
    """The bytes where the label goes, end excluded: without those of one that begins together and lives longer."""
    low, high = row["offset"], row["offset"] + row["bytes"]
    for other in rows:
        same = other["first_node"] == row["first_node"] and other["last_node"] > row["last_node"]
        if same and _shares(row, other):
            start, end = other["offset"], other["offset"] + other["bytes"]
            low, high = (max(low, end), high) if high - end > start - low else (low, min(high, start))
    return (low, high) if low < high else (row["offset"], row["offset"] + row["bytes"])


def _own_nodes(row: dict[str, Any], rows: list[dict[str, Any]]) -> tuple[int, int]:
    """The nodes, end excluded, where the label goes: those before another box begins in the same bytes."""
    others = [other for other in rows if _shares(row, other)]
    first, last = row["first_node"], row["last_node"]
    return first, min([last + 1, *(other["first_node"] for other in others if first < other["first_node"] <= last)])


def _byte_axis(scale: _Scale) -> list[str]:
    lines = []
    for offset in _ticks(scale.bytes):
        y = scale.y(offset)
        lines.append(f'<line class="grid" x1="{_LEFT}" y1="{y:.1f}" x2="{scale.right:.1f}" y2="{y:.1f}"/>')
        lines.append(f'<text x="{_LEFT - 6}" y="{y + 4:.1f}" text-anchor="end">{offset:,}</text>')
    top = scale.y(scale.bytes)
    lines.append(f'<line class="axis" x1="{_LEFT}" y1="{top:.1f}" x2="{scale.right:.1f}" y2="{top:.1f}"/>')
    return [*lines, f'<line class="axis" x1="{_LEFT}" y1="{top:.1f}" x2="{_LEFT}" y2="{scale.y(0):.1f}"/>']


def _ticks(size: int) -> list[int]:
    """About eight round offsets, and the size itself."""
    step = next(s * 10**power for power in range(12) for s in _STEPS if s * 10**power * 8 >= size)
    inner = [offset for offset in range(0, size, step) if size - offset > step / 3]
    return [*inner, size]


def _node_axis(scale: _Scale, names: list[str]) -> list[str]:
    lines = [
        f'<line class="axis" x1="{_LEFT}" y1="{scale.y(0):.1f}" x2="{scale.right:.1f}" y2="{scale.y(0):.1f}"/>',
    ]
    for number, name in enumerate(names):
        x, y = scale.x(number) + scale.column / 2, scale.y(0) + 14
        shown = name if len(name) <= 26 else name[:25] + "…"
        lines.append(f'<text x="{x:.1f}" y="{y:.1f}" transform="rotate(38 {x:.1f} {y:.1f})">{_text(shown)}</text>')
    return lines
