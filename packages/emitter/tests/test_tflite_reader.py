# SPDX-License-Identifier: Apache-2.0
"""The reader: files that lie about themselves are refused, with words that say what is wrong."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import Any

import numpy as np
import pytest
import tflite
from stm32_emitter import ModelRefused
from stm32_emitter.frontends.tflite import read_model
from stm32_emitter.testing.tflite_writer import ModelWriter, OperatorSpec, Quant

Q = Quant(0.5, 1)


def writer() -> ModelWriter:
    """x -> FULLY_CONNECTED(x, w, b) -> h -> RELU -> y; tensors 0 x, 1 w, 2 b, 3 h, 4 y."""
    w = ModelWriter()
    w.tensor("x", (1, 4), "int8", quant=Q)
    w.constant("w", np.ones((3, 4), np.int8), quant=Quant([0.5, 0.25, 1.0], 0, axis=0))
    w.constant("b", np.zeros(3, np.int32), quant=Quant([0.25, 0.125, 0.5], 0, axis=0))
    w.tensor("h", (1, 3), "int8", quant=Q)
    w.tensor("y", (1, 3), "int8", quant=Q)
    w.operator("FULLY_CONNECTED", [0, 1, 2], [3])
    w.operator("RELU", [3], [4])
    return w


def changed(tensor: int, **fields: Any) -> Callable[[ModelWriter], None]:
    def change(w: ModelWriter) -> None:
        w.tensors[tensor] = replace(w.tensors[tensor], **fields)

    return change


def rewired(position: int, inputs: tuple[int, ...], outputs: tuple[int, ...]) -> Callable[[ModelWriter], None]:
    def change(w: ModelWriter) -> None:
        old = w.operators[position]
        w.operators[position] = OperatorSpec(old.op, inputs, outputs, old.options, old.version)

    return change


def refusal(model: bytes) -> ModelRefused:
    with pytest.raises(ModelRefused) as caught:
        read_model(model)
    return caught.value


def test_a_sound_file_is_read() -> None:
    model = read_model(writer().finish([0], [4]))
    assert [t.name for t in model.tensors] == ["x", "w", "b", "h", "y"]
    assert [op.kind for op in model.operators] == ["FULLY_CONNECTED", "RELU"]
    assert model.inputs[0].quantization is not None
    assert model.inputs[0].quantization.per_tensor
    weights = model.tensors[1]
    assert weights.quantization is not None
    assert weights.quantization.scale.tolist() == [0.5, 0.25, 1.0]
    assert weights.data is not None
    assert weights.data.shape == (3, 4)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (rewired(0, (0, 99, 2), (3,)), r"operator 0 \(FULLY_CONNECTED\).*99"),
        (rewired(1, (3,), (57,)), r"operator 1 \(RELU\).*57"),
        (changed(0, shape=(1, -4)), r"tensor 0 'x' has the shape \[1, -4\], which is not static"),
        (changed(3, shape=(1,) * 9), "which is not static"),
        (changed(0, shape=(1 << 20, 1 << 12)), r"tensor 0 'x'.*larger than any microcontroller"),
        (changed(1, data=b"\1" * 11), r"constant 'w' of shape \[3, 4\] needs 12 bytes, the file has 11"),
        (changed(1, data=b"\1" * 13), "needs 12 bytes, the file has 13"),
        (changed(1, shape=(4, 4), quant=Q), "needs 16 bytes, the file has 12"),
        (changed(1, quant=Quant([0.5, 0.25], 0)), r"tensor 1 'w' has 2 scales for axis 0 of shape \[3, 4\]"),
        (changed(1, quant=Quant([0.5, 0.25, 1.0], 0, axis=2)), r"3 scales for axis 2 of shape \[3, 4\]"),
        (changed(1, quant=Quant([0.5, 0.25, 1.0], [0, 0])), "3 scales but 2 zero points"),
        (changed(0, quant=Quant(float("nan"))), "tensor 0 'x' has a scale or zero point that is not a usable number"),
        (changed(0, quant=Quant(float("inf"))), "not a usable number"),
        (changed(0, quant=Quant(-1.0)), "not a usable number"),
        (changed(0, quant=Quant(1.0, 1 << 40)), "not a usable number"),
        (rewired(0, (3, 1, 2), (3,)), r"operator 0 \(FULLY_CONNECTED\): tensor 'h' is read before anything computes"),
        (rewired(0, (4, 1, 2), (3,)), "tensor 'y' is read before anything computes it"),
        (rewired(1, (3,), (3,)), r"operator 1 \(RELU\): tensor 'h' is computed twice"),
        (rewired(1, (3,), (1,)), "tensor 'w' is computed twice"),
        (rewired(1, (3,), (0,)), "tensor 'x' is computed twice"),
    ],
)
def test_damage_is_named(change: Callable[[ModelWriter], None], message: str) -> None:
    damaged = writer()
    change(damaged)
    caught = refusal(damaged.finish([0], [4]))
    with pytest.raises(ModelRefused, match=message):
        raise caught


@pytest.mark.parametrize(
    ("inputs", "outputs", "message"),
    [
        ([0], [], "the graph has no output"),
        ([0], [77], "77"),
        ([-2], [4], "-2"),
        ([], [4], "tensor 'x' is read before anything computes it"),
    ],
)
def test_damaged_graph_inputs_and_outputs(inputs: list[int], outputs: list[int], message: str) -> None:
    assert message in str(refusal(writer().finish(inputs, outputs)))


def test_an_output_that_nothing_computes() -> None:
    w = writer()
    w.tensor("lost", (2,), "int8", quant=Q)
    assert "output 'lost' is never computed" in str(refusal(w.finish([0], [5])))


def test_constants_behind_the_flatbuffer_are_found() -> None:
    inside, outside = writer().finish([0], [4]), writer().finish([0], [4], outside=True)
    assert len(outside) > len(inside)
    for one, other in zip(read_model(inside).tensors, read_model(outside).tensors, strict=True):
        assert (one.index, one.name, one.shape, one.dtype) == (other.index, other.name, other.shape, other.dtype)
        np.testing.assert_array_equal(one.data, other.data)
    assert "the file has" in str(refusal(outside[:-16]))


def test_operators_are_numbered_in_the_wide_field_alone() -> None:
    data = bytearray(writer().finish([0], [4]))
    codes = tflite.Model.GetRootAsModel(data, 0)
    for number in range(codes.OperatorCodesLength()):
        table = codes.OperatorCodes(number)._tab
        data[table.Offset(4) + table.Pos] = 0
    assert [op.kind for op in read_model(bytes(data)).operators] == ["FULLY_CONNECTED", "RELU"]


@pytest.mark.parametrize("data", [b"", b"TFL3", b"\0" * 64, b"PK\3\4" + b"\0" * 60, b"\x1c\0\0\0TFLX" + b"\0" * 60])
def test_what_is_no_model_at_all(data: bytes) -> None:
    caught = refusal(data)
    assert "not a TensorFlow Lite model" in caught.reason
    assert caught.hint
    assert ".tflite" in caught.hint


def test_a_file_cut_anywhere_is_refused_or_still_whole() -> None:
    whole = writer().finish([0], [4])
    for length in range(8, len(whole), 7):
        try:
            model = read_model(whole[:length])
        except ModelRefused as error:
            assert str(error)  # noqa: PT017 - either outcome is right
        else:
            assert len(model.tensors) == 5


def test_an_offset_that_points_outside() -> None:
    data = bytearray(writer().finish([0], [4]))
    data[0:4] = (1 << 30).to_bytes(4, "little")
    caught = refusal(bytes(data))
    assert "damaged" in caught.reason
    assert caught.hint == "Export or download the model again."
