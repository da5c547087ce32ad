# SPDX-License-Identifier: Apache-2.0
"""Random graphs: reproducible, accepted by the reference interpreter, and of the promised variety."""

import numpy as np
import pytest
import tflite
from stm32_emitter.testing.graphs import graphs
from stm32_emitter.testing.reference import Reference

SEEDS = 60


def test_a_graph_depends_on_its_seed_only() -> None:
    several = list(graphs(7, 3))
    (alone,) = graphs(8, 1)
    assert alone.model == several[1].model
    assert all(np.array_equal(a, b) for a, b in zip(alone.inputs[0], several[1].inputs[0], strict=True))


def test_the_reference_accepts_every_graph() -> None:
    pytest.importorskip("ai_edge_litert")
    for graph in graphs(0, SEEDS):
        reference = Reference(graph.model, keep_all=True)
        outputs = reference.run(graph.inputs[0])
        assert len(outputs) == len(reference.outputs), graph.name
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
