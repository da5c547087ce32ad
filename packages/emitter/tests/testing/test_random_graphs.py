# SPDX-License-Identifier: Apache-2.0
"""Random graphs: reproducible, accepted by the reference interpreter, and of the promised variety."""

import numpy as np
import pytest
import tflite
from stm32_emitter.testing.graphs import FAMILIES, graphs
from stm32_emitter.testing.reference import Reference

SEEDS = 30


def test_a_graph_depends_on_its_seed_only() -> None:
    several = list(graphs(7, 3))
    (alone,) = graphs(8, 1)
    assert alone.model == several[1].model
    assert all(np.array_equal(a, b) for a, b in zip(alone.inputs[0], several[1].inputs[0], strict=True))


@pytest.mark.parametrize("family", FAMILIES)
def test_the_reference_accepts_every_graph(family: str) -> None:
    pytest.importorskip("ai_edge_litert")
    for graph in graphs(0, SEEDS, family):
        handles = family == "streaming"  # whose values the interpreter's Python binding cannot read
        reference = Reference(graph.model, keep_all=not handles)
        outputs = reference.run(graph.inputs[0])
        assert len(outputs) == len(reference.outputs), graph.name
        if handles:
            continue
        assert {detail["index"] for detail in reference.outputs} <= set(reference.tensors()), graph.name


def test_graphs_have_branches_odd_names_and_float_edges() -> None:
    found = dict.fromkeys(("several inputs", "several outputs", "consumed output", "float", "odd", "reshape"), 0)
    for graph in graphs(0, 120):
        model = tflite.Model.GetRootAs(graph.model).Subgraphs(0)
        operators = [model.Operators(i) for i in range(model.OperatorsLength())]
        consumed = {int(index) for operator in operators for index in operator.InputsAsNumpy()}
        outputs = {int(index) for index in model.OutputsAsNumpy()}
        names = [model.Tensors(i).Name().decode() for i in range(model.TensorsLength())]
        found["several inputs"] += model.InputsLength() > 1
        found["several outputs"] += len(outputs) > 1
        found["consumed output"] += bool(outputs & consumed)
        found["float"] += "DEQUANTIZE" in graph.operators
        found["odd"] += any(not name.isidentifier() for name in names)
        found["reshape"] += graph.operators[-1] == "RESHAPE"
        assert len(graph.operators) >= 3, graph.name
    assert min(found.values()) >= 5, found


def test_families_have_the_operators_and_formats_that_they_promise() -> None:
    found: dict[str, set[str]] = {family: set() for family in FAMILIES}
    for family in FAMILIES:
        for graph in graphs(0, SEEDS, family):
            found[family] |= set(graph.operators)
    assert {"SPLIT", "UNPACK", "GATHER", "SELECT_V2", "ARG_MAX", "SUM", "PRELU"} <= set.union(*found.values())
    assert {"READ_VARIABLE", "ASSIGN_VARIABLE", "VAR_HANDLE"} <= found["streaming"]
    assert {"QUANTIZE", "DEQUANTIZE"} <= found["mixed"]
    assert all(len(operators) > 20 for operators in found.values()), found


@pytest.mark.parametrize("family", ["int8", "uint8", "int16", "float32"])
def test_a_family_of_one_format_has_no_other(family: str) -> None:
    quantized = {"INT8": "int8", "UINT8": "uint8", "INT16": "int16", "FLOAT32": "float32"}
    names = {value: name for name, value in vars(tflite.TensorType).items()}
    for graph in graphs(0, SEEDS, family):
        model = tflite.Model.GetRootAs(graph.model).Subgraphs(0)
        made = {int(i) for o in range(model.OperatorsLength()) for i in model.Operators(o).OutputsAsNumpy()}
        kinds = {quantized.get(names[model.Tensors(i).Type()]) for i in made - set(model.OutputsAsNumpy().tolist())}
        assert kinds - {None} <= {family}, graph.name
