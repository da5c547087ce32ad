# SPDX-License-Identifier: Apache-2.0
"""The wrapper of the reference interpreter."""

import builtins
from collections.abc import Mapping, Sequence

import numpy as np
import pytest
import tflite
from stm32_emitter.testing.graphs import graphs
from stm32_emitter.testing.reference import Reference, ReferenceMissingError, ReferenceRefusedError
from stm32_emitter.testing.reference_pieces import Piece, PieceError, operator_key, pieces
from stm32_emitter.testing.tflite_writer import ModelWriter, Quant


def two_steps() -> bytes:
    writer = ModelWriter()
    x = writer.tensor("x", (1, 3), "int8", quant=Quant(0.5, 0))
    middle = writer.tensor("middle", (1, 3), "int8", quant=Quant(0.5, 0))
    y = writer.tensor("y", (1, 3), "float32")
    writer.operator("RELU", [x], [middle])
    writer.operator("DEQUANTIZE", [middle], [y])
    return writer.finish([x], [y])


def test_outputs_and_intermediates() -> None:
    pytest.importorskip("ai_edge_litert")
    reference = Reference(two_steps(), keep_all=True)
    (output,) = reference.run({"x": np.asarray([[-4, 0, 6]], np.int8)})
    assert output.tolist() == [[0.0, 0.0, 3.0]]
    assert reference.tensors()[1].tolist() == [[0, 0, 6]]


@pytest.mark.parametrize(
    "inputs",
    [[], [np.zeros((1, 3), np.int16)], [np.zeros((3,), np.int8)], {"z": np.zeros((1, 3), np.int8)}],
)
def test_wrong_inputs_are_refused(inputs: Sequence[np.ndarray] | Mapping[str, np.ndarray]) -> None:
    pytest.importorskip("ai_edge_litert")
    with pytest.raises(ValueError, match="input"):
        Reference(two_steps()).run(inputs)


def with_an_operator_of_other_kernels() -> bytes:
    """RELU of int8, ELU of float32, which the reference kernels lack, and RELU of int8 again."""
    writer = ModelWriter()
    steps = [writer.tensor(name, (1, 4), "int8", quant=Quant(0.5, 0)) for name in ("x", "first", "third", "y")]
    floats = [writer.tensor(name, (1, 4), "float32") for name in ("f", "g")]
    writer.operator("RELU6", [steps[0]], [steps[1]])
    writer.operator("DEQUANTIZE", [steps[1]], [floats[0]])
    writer.operator("ELU", [floats[0]], [floats[1]])
    writer.operator("QUANTIZE", [floats[1]], [steps[2]])
    writer.operator("RELU", [steps[2]], [steps[3]])
    return writer.finish([steps[0]], [steps[3]])


def test_other_kernels_compute_only_what_the_reference_kernels_lack() -> None:
    pytest.importorskip("ai_edge_litert")
    reference = Reference(with_an_operator_of_other_kernels(), keep_all=True)
    assert reference.others == ("ELU",)
    (output,) = reference.run([np.asarray([[-3, 0, 5, 127]], np.int8)])
    assert output.tolist() == [[0, 0, 5, 12]]
    assert {index: value.tolist() for index, value in reference.tensors().items()} == {
        0: [[-3, 0, 5, 127]], 1: [[0, 0, 5, 12]], 2: [[0, 0, 5, 12]], 3: [[0, 0, 5, 12]],
        4: [[0, 0, 2.5, 6]], 5: [[0, 0, 2.5, 6]],
    }  # fmt: skip


def test_most_models_are_computed_by_the_reference_kernels_alone() -> None:
    pytest.importorskip("ai_edge_litert")
    assert Reference(two_steps()).others == ()


def test_only_the_sum_of_bytes_is_computed_by_other_kernels() -> None:
    """In this graph a layer before the sum rounds otherwise in the other kernels."""
    pytest.importorskip("ai_edge_litert")
    (graph,) = graphs(81, 1, "int8")
    reference, other = Reference(graph.model), Reference(graph.model, exact=False)
    assert reference.others == ("SUM",)
    results = [[np.concatenate([y.ravel() for y in r.run(x)]) for x in graph.inputs] for r in (reference, other)]
    assert np.count_nonzero(np.stack(results[0]) != np.stack(results[1])) > 0


def test_a_model_is_cut_around_the_operators_of_other_kernels() -> None:
    pytest.importorskip("ai_edge_litert")
    model = with_an_operator_of_other_kernels()
    elu = tflite.BuiltinOperator.ELU
    cut = pieces(model, lambda table, _, operator: operator_key(table, operator)[0] == elu)
    assert [(piece.inputs, piece.outputs, piece.other) for piece in cut] == [
        ((0,), (4,), False), ((4,), (5,), True), ((5,), (3,), False),
    ]  # fmt: skip
    assert pieces(model, lambda *_: False) == [Piece(model, (0,), (3,), other=False)]


def with_a_variable() -> bytes:
    writer = ModelWriter()
    x, y = writer.tensor("x", (1, 4), "float32"), writer.tensor("y", (1, 4), "float32")
    handle = writer.tensor("state", (), "resource")
    writer.operator("VAR_HANDLE", [], [handle], shared_name="state")
    writer.operator("ASSIGN_VARIABLE", [handle, x], [])
    writer.operator("READ_VARIABLE", [handle], [y])
    return writer.finish([x], [y])


def test_intermediates_have_no_variables() -> None:
    pytest.importorskip("ai_edge_litert")
    reference = Reference(with_a_variable(), keep_all=True)
    values = np.asarray([[1, 2, 3, 4]], np.float32)
    np.testing.assert_array_equal(reference.run([values])[0], values)
    assert sorted(reference.tensors()) == [0, 1]


def test_a_model_with_variables_is_not_cut() -> None:
    pytest.importorskip("ai_edge_litert")
    read = tflite.BuiltinOperator.READ_VARIABLE
    with pytest.raises(PieceError, match="variables"):
        pieces(with_a_variable(), lambda table, _, operator: operator_key(table, operator)[0] == read)


def test_intermediates_need_keep_all() -> None:
    pytest.importorskip("ai_edge_litert")
    with pytest.raises(RuntimeError, match="keep_all"):
        Reference(two_steps()).tensors()


def test_a_model_the_interpreter_refuses() -> None:
    pytest.importorskip("ai_edge_litert")
    writer = ModelWriter()
    x = writer.tensor("x", (1, 3), "int8", quant=Quant(0.5, 0))
    y = writer.tensor("y", (1, 3), "int8", quant=Quant(0.5, 0))
    writer.operator("SOFTMAX", [x], [y], beta=1.0)
    with pytest.raises(ReferenceRefusedError, match="refuses the model"):
        Reference(writer.finish([x], [y]))


def test_without_the_interpreter_the_error_says_how_to_get_it(monkeypatch: pytest.MonkeyPatch) -> None:
    real = builtins.__import__

    def without(name: str, *rest: object) -> object:
        if name.startswith("ai_edge_litert"):
            raise ImportError(name)
        return real(name, *rest)

    monkeypatch.setattr(builtins, "__import__", without)
    with pytest.raises(ReferenceMissingError, match="pip install ai-edge-litert"):
        Reference(two_steps())
