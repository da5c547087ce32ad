# SPDX-License-Identifier: Apache-2.0
"""WHILE and IF whose conditions are known become the operators that would run; others are refused by name."""

from __future__ import annotations

import numpy as np
import pytest
from stm32_emitter import ModelRefused, compile_model
from stm32_emitter.frontends.tflite import loops as module
from stm32_emitter.frontends.tflite.loops import unrolled
from stm32_emitter.frontends.tflite.reader import read_model
from stm32_emitter.testing.loops import loops
from stm32_emitter.testing.tflite_writer import ModelWriter


def scalar(value: object) -> np.ndarray:
    return np.array(value, np.int32)


def compared(op: str, dtype: str, limit: object) -> tuple[ModelWriter, list[int], list[int]]:
    """A condition: the first of two variables against a limit."""
    graph = ModelWriter()
    first = graph.tensor("first", () if dtype == "int32" else (1,), dtype)
    second = graph.tensor("second", (1,), "float32")
    result = graph.tensor("result", () if dtype == "int32" else (1,), "bool")
    graph.operator(op, [first, graph.constant("limit", np.array(limit, dtype))], [result])
    return graph, [first, second], [result]


def doubling(kind: str = "ADD", step: int = 1) -> tuple[ModelWriter, list[int], list[int]]:
    """A body: (counter + step, x <kind> x)."""
    graph = ModelWriter()
    counter, x = graph.tensor("counter", (), "int32"), graph.tensor("x", (1,), "float32")
    following, y = graph.tensor("following", (), "int32"), graph.tensor("y", (1,), "float32")
    graph.operator("ADD", [counter, graph.constant("step", scalar(step))], [following])
    graph.operator(kind, [x, x], [y])
    return graph, [counter, x], [following, y]


def counted(passes: int, kind: str = "ADD", step: int = 1) -> bytes:
    """x doubled as often as there are passes."""
    writer = ModelWriter()
    x, y = writer.tensor("x", (1,), "float32"), writer.tensor("y", (1,), "float32")
    end, z = writer.tensor("end", (), "int32"), writer.tensor("z", (1,), "float32")
    condition = writer.subgraph(*compared("LESS", "int32", passes))
    body = writer.subgraph(*doubling(kind, step))
    start = writer.constant("start", scalar(0))
    writer.operator("WHILE", [start, x], [end, z], cond_subgraph_index=condition, body_subgraph_index=body)
    writer.operator("NEG", [z], [y])
    return writer.finish([x], [y])


@pytest.mark.parametrize("passes", [0, 1, 4])
def test_a_loop_becomes_the_operators_of_its_passes(passes: int) -> None:
    kinds = [node.name.split(":")[1] for node in compile_model(counted(passes)).nodes]
    assert kinds == ["ADD"] * passes + ["NEG"]


def test_operators_of_a_loop_have_indices_behind_those_of_the_file() -> None:
    model = unrolled(read_model(counted(2)))
    assert [(op.kind, op.index, op.place) for op in model.operators] == [
        ("ADD", 2, 0), ("ADD", 3, 0), ("ADD", 4, 0), ("ADD", 5, 0), ("NEG", 1, 1),
    ]  # fmt: skip
    tensors = [t.index for op in model.operators for t in op.outputs]
    assert len(set(tensors)) == len(tensors)


def test_a_problem_in_a_loop_is_told_once_with_the_place_of_the_loop() -> None:
    with pytest.raises(ModelRefused, match=r"^operator 0 \(BITWISE_XOR\) 'y'") as refusal:
        compile_model(counted(3, "BITWISE_XOR"))
    assert len(refusal.value.problems) == 1


def test_a_loop_without_end_is_refused(monkeypatch) -> None:
    monkeypatch.setattr(module, "MOST_OPERATORS", 300)
    with pytest.raises(ModelRefused, match="more than 300 operators"):
        compile_model(counted(1, step=0))


def test_a_loop_over_data_is_refused_with_what_helps() -> None:
    writer = ModelWriter()
    given = [writer.tensor(name, (1,), "float32") for name in ("x", "y")]
    ends = [writer.tensor(name, (1,), "float32") for name in ("u", "v")]
    condition = writer.subgraph(*compared("LESS", "float32", [3.0]))
    graph = ModelWriter()
    inner = [graph.tensor(name, (1,), "float32") for name in ("a", "b")]
    body = writer.subgraph(graph, inner, inner)
    writer.operator("WHILE", given, ends, cond_subgraph_index=condition, body_subgraph_index=body)
    with pytest.raises(ModelRefused, match=r"operator 0 \(WHILE\) 'u'.*\n.*unroll=True"):
        compile_model(writer.finish(given, ends))


@pytest.mark.parametrize(("value", "kind"), [(True, "ADD"), (False, "MUL")])
def test_a_branch_that_is_known_is_taken(value: bool, kind: str) -> None:
    writer = ModelWriter()
    x, y = writer.tensor("x", (1,), "float32"), writer.tensor("y", (1,), "float32")
    branches = []
    for op in ("ADD", "MUL"):
        graph = ModelWriter()
        inner, result = graph.tensor("x", (1,), "float32"), graph.tensor("y", (1,), "float32")
        graph.operator(op, [inner, inner], [result])
        branches.append(writer.subgraph(graph, [inner], [result]))
    which = writer.constant("which", np.array(value))
    writer.operator("IF", [which, x], [y], then_subgraph_index=branches[0], else_subgraph_index=branches[1])
    (node,) = compile_model(writer.finish([x], [y])).nodes
    assert node.name.split(":")[1] == kind


def test_a_scale_that_changes_on_the_way_into_a_loop_is_refused() -> None:
    (loop,) = loops(0, 1, "int8")
    model = read_model(loop.model)
    assert any(op.kind == "WHILE" for op in model.operators)
    with pytest.raises(ModelRefused, match="another type, shape or scale"):
        compile_model(_with_other_scale(loop.model))


def _with_other_scale(model: bytes) -> bytes:
    """The scale of the model's input doubled."""
    import tflite

    quantization = tflite.Model.GetRootAs(bytearray(model), 0).Subgraphs(0).Tensors(0).Quantization()
    changed = bytearray(model)
    place = quantization._tab.Vector(quantization._tab.Offset(8))
    changed[place : place + 4] = np.float32(0.5).tobytes()
    return bytes(changed)


def test_rows_that_the_passes_write_become_one_concatenation() -> None:
    """Whatever a list's length, nothing is copied from pass to pass."""
    for loop in loops(0, 20):
        model = unrolled(read_model(loop.model))
        kinds = [op.kind for op in model.operators if not all(t.data is not None for t in op.inputs if t is not None)]
        assert "SLICE" not in kinds
        assert kinds.count("CONCATENATION") <= 2


def test_rows_of_a_constant_that_a_pass_takes_are_known() -> None:
    """A SLICE of all rows, where nothing has joined any."""
    writer = ModelWriter()
    x, end, z = (
        writer.tensor("x", (1,), "float32"),
        writer.tensor("end", (), "int32"),
        writer.tensor("z", (1,), "float32"),
    )
    condition = writer.subgraph(*compared("LESS", "int32", 1))
    graph, given, results = doubling()
    taken, y = graph.tensor("taken", (1,), "float32"), graph.tensor("sum", (1,), "float32")
    table = graph.constant("table", np.array([3.0], np.float32))
    places = [graph.constant(name, np.array([n], np.int32)) for name, n in (("begin", 0), ("size", -1))]
    graph.operator("SLICE", [table, *places], [taken])
    graph.operator("MUL", [results[1], taken], [y])
    body = writer.subgraph(graph, given, [results[0], y])
    start = writer.constant("start", scalar(0))
    writer.operator("WHILE", [start, x], [end, z], cond_subgraph_index=condition, body_subgraph_index=body)
    kinds = [node.name.split(":")[1] for node in compile_model(writer.finish([x], [z])).nodes]
    assert kinds[0] == "ADD"
    assert kinds[-1] == "MUL"
