# SPDX-License-Identifier: Apache-2.0
"""``<m>_report.html``: it needs nothing else, shows every tensor, and its boxes lie where the plan says."""

from __future__ import annotations

import re
import xml.etree.ElementTree as ET
from html.parser import HTMLParser
from typing import Any

import pytest
from stm32_emitter import CompiledModel, compile_model
from stm32_emitter.codegen.report import report_record
from stm32_emitter.codegen.report_html import report_html
from stm32_emitter.codegen.report_plan import plan_svg
from stm32_emitter.testing.graphs import graphs

SVG = "{http://www.w3.org/2000/svg}"
VOID = ("meta", "br", "rect", "line")


class Balanced(HTMLParser):
    """Checks that every element is closed in order, and collects the attributes that could load something."""

    def __init__(self) -> None:
        super().__init__()
        self.open: list[str] = []
        self.loads: list[str] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.loads += [f"{tag} {name}" for name, _ in attrs if name in ("src", "href", "data", "action", "srcset")]
        if tag not in VOID or tag == "rect":
            self.open.append(tag)

    def handle_startendtag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.loads += [f"{tag} {name}" for name, _ in attrs if name in ("src", "href")]

    def handle_endtag(self, tag: str) -> None:
        assert self.open.pop() == tag


@pytest.fixture(scope="module")
def models() -> list[CompiledModel]:
    """Two drawn graphs, and one whose tensors have names of any characters."""
    found = [*graphs(5, 2), next(g for g in graphs(0, 120) if b"line\nbreak" in g.model)]
    return [compile_model(graph.model, name=f"model{i}") for i, graph in enumerate(found)]


def page(model: CompiledModel) -> str:
    return model.files[f"{model.name}_report.html"].decode()


def test_it_is_one_page_that_loads_nothing(models: list[CompiledModel]) -> None:
    for model in models:
        parser = Balanced()
        parser.feed(page(model))
        parser.close()
        assert parser.open == []
        assert parser.loads == []
        assert not re.search(r"url\(|@import|<script|<link", page(model))


def boxes(report: dict[str, Any]) -> list[tuple[str, float, float, float, float]]:
    """Title, left, right, bottom, top of every box; heights from the pool's start, in pixels."""
    root = ET.fromstring(plan_svg(report))  # noqa: S314 - our own output
    found = []
    for rect in root.iter(f"{SVG}rect"):
        x, y, width, height = (float(rect.attrib[key]) for key in ("x", "y", "width", "height"))
        found.append((rect.find(f"{SVG}title").text or "", x, x + width, y + height, y))  # type: ignore[union-attr]
    return found


def test_boxes_are_the_plan(models: list[CompiledModel]) -> None:
    for model in models:
        report = report_record(model.info)
        context, total = report["totals"]["context_bytes"], report["totals"]["activations_size"]
        drawn = boxes(report)
        assert len(drawn) == len(report["memory"]) + 1
        bottom = next(box[3] for box in drawn if box[0].startswith("instance context"))
        left = min(box[1] for box in drawn)
        column = (max(box[2] for box in drawn) - left + 1.6) / len(report["nodes"])
        for row in report["memory"]:
            start = context + row["offset"]
            place = (left + row["first_node"] * column, left + (row["last_node"] + 1) * column - 1.6)
            text = f"{row['bytes']:,} bytes, {start:,} to {start + row['bytes']:,} of the pool"
            level = bottom - 460 * start / total
            found = [box for box in drawn if text in box[0] and box[1:4] == pytest.approx((*place, level), abs=0.2)]
            assert found, row


def test_every_buffer_and_constant_stands_in_a_table(models: list[CompiledModel]) -> None:
    for model in models:
        report = report_record(model.info)
        for row in report["memory"]:
            assert f'<td class="n">{report["totals"]["context_bytes"] + row["offset"]:,}</td>' in page(model)
        for constant in model.info["constants"]:
            assert f"<td>{constant['name']}</td>" in page(model)


def test_names_are_escaped() -> None:
    model = compile_model(next(iter(graphs(5, 1))).model, name="m")
    record = dict(model.info)
    record["tensors"] = [tensor | {"label": '<b>&"\n\x01'} for tensor in record["tensors"]]
    text = report_html(record)
    assert "<b>" not in text
    assert "&lt;b&gt;&amp;&quot;\\x0a\\x01" in text


def test_shared_bytes_count_once(models: list[CompiledModel]) -> None:
    record = dict(next(model.info for model in models if model.nodes))
    shared = {"label": "a", "offset": 0, "bytes": 100, "first_node": 0, "last_node": 0}
    record["tensors"] = [shared, shared | {"label": "b", "offset": 60}, shared | {"label": "c", "offset": 200}]
    record["nodes"] = [record["nodes"][0] | {"outputs": []}]
    assert report_record(record | {"inputs": [], "outputs": []})["nodes"][0]["live_bytes"] == 260
