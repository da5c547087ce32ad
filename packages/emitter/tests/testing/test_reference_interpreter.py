# SPDX-License-Identifier: Apache-2.0
"""The wrapper of the reference interpreter."""

import builtins
from collections.abc import Mapping, Sequence

import numpy as np
import pytest
from stm32_emitter.testing.reference import Reference, ReferenceMissingError, ReferenceRefusedError
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
