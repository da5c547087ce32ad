# SPDX-License-Identifier: Apache-2.0
"""Random graphs with channels of zeros: what is said of channels holds in the reference, and observers see all."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterator
from typing import Any

import numpy as np
import pytest
import tflite
from stm32_emitter import compile_model
from stm32_emitter.channels.graph import analysed
from stm32_emitter.frontends.tflite import import_tflite
from stm32_emitter.operators import BY_KIND
from stm32_emitter.passes.fold import fold_constants
from stm32_emitter.passes.fuse import fuse_operators
from stm32_emitter.testing.graphs import Graph, pruned_graphs
from stm32_emitter.testing.reference import Reference

Array = np.ndarray[Any, Any]


def results(graph: Graph) -> Iterator[tuple[tuple[Array, ...], dict[int, Array]]]:
    """Inputs, and the reference's result of each operator, for each input set."""
    pytest.importorskip("ai_edge_litert")
    reference = Reference(graph.model, keep_all=True)
    operators = tflite.Model.GetRootAs(graph.model, 0).Subgraphs(0)
    for inputs in graph.inputs:
        reference.run(list(inputs))
        tensors = reference.tensors()
        count = operators.OperatorsLength()
        yield inputs, {i: tensors[int(operators.Operators(i).Outputs(0))] for i in range(count)}


def test_every_value_lies_in_its_range(seed: int) -> None:
    met: Counter[str] = Counter()
    for graph in pruned_graphs(seed % 1_000_000, 50):
        found = analysed(fuse_operators(fold_constants(import_tflite(graph.model))))
        known = [(s.layer.request.kind, str(v.name), found.ranges[v]) for v, s in found.steps.items()]
        for _, values in results(graph):
            for kind, name, bounds in known:
                if not name.startswith("op"):
                    continue
                value = values[int(name[2:])].astype(np.int64)
                flat = value.reshape(-1, value.shape[-1])
                assert np.all(flat.min(axis=0) >= bounds.low), (graph.name, name, kind)
                assert np.all(flat.max(axis=0) <= bounds.high), (graph.name, name, kind)
                met[kind] += int(bounds.constant.sum())
    assert met["CONV_2D"] > 100, met
    assert len([kind for kind in met if kind in BY_KIND and met[kind]]) >= 12, met


def test_an_observer_sees_the_tensors_of_the_original(observed: Callable[..., dict[int, Array]], seed: int) -> None:
    restored = 0
    for graph in pruned_graphs(seed % 1_000_000 + 5000, 12):
        model = compile_model(graph.model, name=graph.name)
        inputs, expected = next(iter(results(graph)))
        seen = observed(model, inputs)
        removed = {node.source_ops[-1]: output.removed for node in model.nodes for output in node.outputs}
        for operator, data in seen.items():
            lost = removed[operator]
            unread = [c for c, v in zip(lost.removed, lost.values, strict=True) if v is None] if lost else []
            there, here = (np.delete(value, unread, axis=-1) for value in (expected[operator], data))
            if data.dtype != np.float32:
                np.testing.assert_array_equal(here, there, err_msg=f"{graph.name} operator {operator}")
            restored += len(lost.removed) - len(unread) if lost else 0
    assert restored > 10
