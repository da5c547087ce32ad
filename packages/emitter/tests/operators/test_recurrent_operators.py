# SPDX-License-Identifier: Apache-2.0
"""SVDF and UNIDIRECTIONAL_SEQUENCE_LSTM: where their states lie, and what is refused by name."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

import numpy as np
import pytest
from stm32_emitter import CompiledModel, ModelRefused, compile_model
from stm32_emitter.testing.cases import GENERATORS
from stm32_emitter.testing.cases.draw import Draw
from stm32_emitter.testing.tflite_writer import ModelWriter, Quant

LSTM = "UNIDIRECTIONAL_SEQUENCE_LSTM"
SEED = 3


def changed(op: str, change: Callable[[ModelWriter], None], dtype: str = "int8") -> bytes:
    """A random model with one operator, after ``change``."""
    draw = Draw(np.random.default_rng(SEED), "float32" if dtype == "hybrid" else dtype)
    draw.weights = "int8" if dtype == "hybrid" else ""
    inputs, outputs = GENERATORS[op](draw)
    change(draw.writer)
    return draw.writer.finish(inputs, outputs)


def unchanged(writer: ModelWriter) -> None:
    """The model as it is."""


def options(**values: object) -> Callable[[ModelWriter], None]:
    def change(writer: ModelWriter) -> None:
        spec = writer.operators[-1]
        writer.operators[-1] = replace(spec, options={**spec.options, **values})

    return change


def inputs(**tensors: int | tuple[int, ...]) -> Callable[[ModelWriter], None]:
    """``i9=(4,)`` gives input 9 a constant of this shape, ``i9=-1`` takes it away."""

    def change(writer: ModelWriter) -> None:
        spec = writer.operators[-1]
        given = list(spec.inputs)
        for name, value in tensors.items():
            position = int(name[1:])
            data = None if isinstance(value, int) else np.ones(value, np.int16)
            given[position] = -1 if data is None else writer.constant(name, data, quant=Quant(0.01))
        writer.operators[-1] = replace(spec, inputs=tuple(given))

    return change


def quantized(position: int, quant: Quant | None) -> Callable[[ModelWriter], None]:
    def change(writer: ModelWriter) -> None:
        index = writer.operators[-1].inputs[position]
        writer.tensors[index] = replace(writer.tensors[index], quant=quant)

    return change


def not_variable(position: int) -> Callable[[ModelWriter], None]:
    def change(writer: ModelWriter) -> None:
        index = writer.operators[-1].inputs[position]
        writer.tensors[index] = replace(writer.tensors[index], is_variable=False, data=bytes(4096))

    return change


def without_intermediates(writer: ModelWriter) -> None:
    writer.intermediates([])


REFUSED = (
    (LSTM, inputs(i9=(4,)), "peephole"),
    (LSTM, inputs(i16=-1, i17=(4,)), "bias of a projection"),
    (LSTM, inputs(i20=(4,), i21=(4,), i22=(4,), i23=(4,)), "layer normalisation"),
    (LSTM, inputs(i1=-1, i5=-1, i12=(4,)), "only some"),
    (LSTM, options(fused_activation_function="RELU"), "activation"),
    (LSTM, options(diagonal_recurrent_tensors=True), "diagonal"),
    (LSTM, quantized(19, Quant(2.0**-8)), "power of two between"),
    (LSTM, quantized(19, Quant(0.0003)), "power of two between"),
    (LSTM, quantized(2, Quant(0.01, 3)), "zero point 3"),
    (LSTM, without_intermediates, "intermediate tensor"),
    (LSTM, inputs(i13=(99,)), "types"),
    ("SVDF", options(fused_activation_function="NONE"), "not RELU"),
    ("SVDF", options(rank=0), "rank"),
    ("SVDF", quantized(4, Quant(0.01, 1)), "zero point other than 0"),
    ("SVDF", quantized(1, None), "one scale"),
    ("SVDF", inputs(i2=(3, 5)), "do not fit"),
    ("SVDF", inputs(i1=(3, 5)), "are of int8, int16"),
)


@pytest.mark.parametrize("dtype", ["int8", "float32"])
def test_the_layer_is_named_after_its_operator(dtype: str) -> None:
    """An observer gets its output, although its kernel gives two results."""
    (layer,) = (node for node in compile_model(changed(LSTM, unchanged, dtype)).nodes if node.outputs)
    assert layer.name == f"0:{LSTM}"
    assert layer.source_ops == (0,)


@pytest.mark.parametrize(("op", "change", "reason"), REFUSED)
def test_what_is_not_supported_is_refused_by_name(op, change, reason) -> None:
    with pytest.raises(ModelRefused, match=reason) as refusal:
        compile_model(changed(op, change))
    assert op in str(refusal.value)


def per_channel(position: int) -> Callable[[ModelWriter], None]:
    def change(writer: ModelWriter) -> None:
        rows = writer.tensors[writer.operators[-1].inputs[position]].shape[0]
        quantized(position, Quant(tuple(0.01 + 0.001 * row for row in range(rows))))(writer)

    return change


HYBRID_REFUSED = (
    (LSTM, per_channel(6), "one scale"),
    (LSTM, quantized(2, None), "types|have no scale"),
    (LSTM, quantized(2, Quant(0.01, 3)), "zero point"),
    (LSTM, inputs(i3=(5, 5)), "types"),
    ("RNN", per_channel(2), "one scale"),
    ("UNIDIRECTIONAL_SEQUENCE_RNN", quantized(2, Quant(0.01, 3)), "zero point"),
    ("BIDIRECTIONAL_SEQUENCE_RNN", options(time_major=True), "batch major"),
    ("BIDIRECTIONAL_SEQUENCE_LSTM", per_channel(20), "one scale"),
)


@pytest.mark.parametrize(("op", "change", "reason"), HYBRID_REFUSED)
def test_what_a_hybrid_layer_lacks_is_refused_by_name(op, change, reason) -> None:
    with pytest.raises(ModelRefused, match=reason) as refusal:
        compile_model(changed(op, change, "hybrid"))
    assert op in str(refusal.value)


def test_a_state_has_to_be_a_variable_tensor() -> None:
    with pytest.raises(ModelRefused):
        compile_model(changed("SVDF", not_variable(4)))


def test_an_activation_of_floats_without_bounds_is_refused() -> None:
    with pytest.raises(ModelRefused, match="fused activation"):
        compile_model(changed("SVDF", options(fused_activation_function="TANH"), "float32"))


def kinds(model: CompiledModel) -> list[str]:
    return [model.program.kernels[node.kernel].kind for node in model.program.nodes]


@pytest.mark.parametrize("dtype", ["int8", "float32"])
def test_svdf_moves_its_state_in_place(dtype) -> None:
    model = compile_model(changed("SVDF", unchanged, dtype))
    assert kinds(model) == ["svdf_state", "svdf"]
    (state,) = model.program.states
    moved = model.program.nodes[0].arguments
    assert [argument.index for argument in moved if not argument.is_constant].count(state.buffer) == 2


@pytest.mark.parametrize("dtype", ["int8", "float32"])
def test_an_lstm_has_two_states(dtype) -> None:
    model = compile_model(changed(LSTM, unchanged, dtype))
    assert kinds(model)[0] == "lstm"
    h, c = model.program.states
    assert set(c.initial) == {0}
    assert (h.tensor.dtype, c.tensor.dtype) == (("float32",) * 2 if dtype == "float32" else ("int8", "int16"))
