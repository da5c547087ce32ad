# SPDX-License-Identifier: Apache-2.0
"""``<m>.json`` and ``<m>_report.json`` of several models: valid under the package's schemas, true to the program."""

from __future__ import annotations

import json
from typing import Any

import numpy as np
import pytest
from stm32_emitter import CompiledModel, compile_model
from stm32_emitter.codegen.report import TOP, report_text
from stm32_emitter.schema import load_schema
from stm32_emitter.testing.graphs import graphs
from tvm import relax

OPTIONS: list[dict[str, Any]] = [
    {},
    {"include_inputs": False},
    {"include_outputs": False, "include_activations": False, "target": "cortex-m7"},
]


def relax_module() -> Any:
    builder, x = relax.BlockBuilder(), relax.Var("x", relax.TensorType((), "float32"))
    with builder.function("main", [x]):
        with builder.dataflow():
            y = builder.emit(relax.op.add(x, relax.const(1.0)))
            out = builder.emit_output(relax.Tuple([y, relax.const(np.zeros(3, np.int8))]))
        builder.emit_func_output(out)
    return builder.get()


@pytest.fixture(scope="module")
def compiled() -> list[CompiledModel]:
    found = [compile_model(relax_module(), name="by_hand")]
    for graph, options in zip(graphs(3, len(OPTIONS)), OPTIONS, strict=True):
        found.append(compile_model(graph.model, name=graph.name, **options))
    return found


def test_every_record_is_valid_under_its_schema(compiled: list[CompiledModel]) -> None:
    jsonschema = pytest.importorskip("jsonschema", reason="needs the package jsonschema")
    for kind, suffix in (("model", ".json"), ("report", "_report.json")):
        schema = load_schema("model" if kind == "model" else "report")
        jsonschema.Draft202012Validator.check_schema(schema)
        validator = jsonschema.Draft202012Validator(schema)
        for model in compiled:
            validator.validate(json.loads(model.files[model.name + suffix]))


def test_the_schema_refuses_another_record(compiled: list[CompiledModel]) -> None:
    jsonschema = pytest.importorskip("jsonschema", reason="needs the package jsonschema")
    validator = jsonschema.Draft202012Validator(load_schema("model"))
    good = json.loads(compiled[1].files[f"{compiled[1].name}.json"])
    for change in ({"schema": 2}, {"extra": 1}, {"signature": -1}, {"outputs": []}, {"name": "A b"}):
        assert list(validator.iter_errors(good | change)), change
    without = {key: value for key, value in good.items() if key != "nodes"}
    assert list(validator.iter_errors(without))


def test_info_is_what_is_written(compiled: list[CompiledModel]) -> None:
    for model in compiled:
        assert json.loads(model.files[f"{model.name}.json"]) == json.loads(json.dumps(model.info))


def test_the_report_sums_up(compiled: list[CompiledModel]) -> None:
    for model in compiled:
        report = json.loads(model.files[f"{model.name}_report.json"])
        assert sum(node["macs"] for node in report["nodes"]) == report["totals"]["macs"] == model.macs
        assert report["totals"]["nodes"] == len(model.nodes)
        assert report["totals"]["peak_live_bytes"] <= report["totals"]["planned_bytes"] == model.planned_bytes
        assert all(row["offset"] + row["bytes"] <= model.planned_bytes for row in report["memory"])
        sizes = [row["bytes"] for row in report["largest"]["buffers"]]
        assert sizes == sorted((row["bytes"] for row in report["memory"]), reverse=True)[:TOP]


def test_external_tensors_are_not_in_the_plan(compiled: list[CompiledModel]) -> None:
    without_inputs = compiled[2]
    assert all(entry["offset"] is None for entry in without_inputs.info["inputs"])
    assert "caller's memory" in without_inputs.report_text


def test_names_of_any_characters_stay_on_their_line() -> None:
    graph = next(g for g in graphs(0, 120) if b"line\nbreak" in g.model)
    model = compile_model(graph.model, name="odd")
    assert report_text(model.info) == model.report_text
    assert not any(line.startswith("break") for line in model.report_text.splitlines())
