# SPDX-License-Identifier: Apache-2.0
"""Layers with weights of int8 or int4 and activations of float32: what is made of them, and what is refused by name."""

from __future__ import annotations

import itertools
from dataclasses import replace

import numpy as np
import pytest
from stm32_emitter import ModelRefused, compile_model
from stm32_emitter.frontends.tflite import import_tflite
from stm32_emitter.passes.fold import fold_constants
from stm32_emitter.testing.tflite_writer import ModelWriter, Quant

PER_CHANNEL = Quant([0.5, 0.25, 0.125, 1.0], 0, axis=0)
DEPTHWISE = Quant([0.5, 0.25, 0.125, 1.0], 0, axis=3)


def dense(quant: Quant | None, dtype: str = "int8", bias: np.ndarray | None = None, **options: object) -> bytes:
    writer = ModelWriter()
    x, y = writer.tensor("x", (1, 6), "float32"), writer.tensor("y", (1, 4), "float32")
    values = np.arange(-12, 12).reshape(4, 6).astype(np.int8) % 8
    w = writer.constant("w", values.view(np.uint8) if dtype == "uint8" else values, quant=quant)
    if dtype == "int4":
        w = writer.constant("w4", values, quant=quant, dtype="int4")
    b = -1 if bias is None else writer.constant("b", bias)
    writer.operator("FULLY_CONNECTED", [x, w, b], [y], **options)
    return writer.finish([x], [y])


def convolution(op: str, weights: tuple[int, ...], quant: Quant, channels: int = 4) -> bytes:
    writer = ModelWriter()
    x, y = writer.tensor("x", (1, 3, 3, channels), "float32"), writer.tensor("y", (1, 3, 3, 4), "float32")
    w, b = writer.constant("w", np.ones(weights, np.int8), quant=quant), writer.constant("b", np.ones(4, np.float32))
    writer.operator(op, [x, w, b], [y], padding="SAME", stride_h=1, stride_w=1)
    return writer.finish([x], [y])


@pytest.mark.parametrize(
    ("model", "kinds", "offset", "stepwise"),
    [
        (dense(Quant(0.5)), ["QUANTIZE_ROWS", "FULLY_CONNECTED_HYBRID"], 0, 0),
        (dense(Quant(0.5), "uint8"), ["QUANTIZE_ROWS", "FULLY_CONNECTED_HYBRID"], 0, 0),
        (dense(Quant(0.5), "int4"), ["QUANTIZE_ROWS", "FULLY_CONNECTED_HYBRID"], 0, 0),
        (dense(PER_CHANNEL, asymmetric_quantize_inputs=True), ["QUANTIZE_ROWS", "FULLY_CONNECTED_HYBRID"], 1, 0),
        (convolution("CONV_2D", (4, 3, 3, 4), Quant(0.5)), ["QUANTIZE_ROWS", "CONV_2D_HYBRID"], 0, 0),
        (convolution("CONV_2D", (4, 3, 3, 4), PER_CHANNEL), ["QUANTIZE_ROWS", "CONV_2D_HYBRID"], 1, 1),
        (convolution("CONV_2D", (4, 3, 3, 4), Quant([0.5] * 4)), ["QUANTIZE_ROWS", "CONV_2D_HYBRID"], 0, 0),
        (convolution("CONV_2D", (4, 3, 3, 2), PER_CHANNEL), ["QUANTIZE_ROWS", "CONV_2D_HYBRID"], 1, 1),
        (
            convolution("DEPTHWISE_CONV_2D", (1, 3, 3, 4), DEPTHWISE),
            ["QUANTIZE_ROWS", "DEPTHWISE_CONV_2D_HYBRID"], 1, 0,
        ),
    ],
)  # fmt: skip
def test_a_hybrid_layer_is_two_operators(model, kinds, offset, stepwise, recognised) -> None:
    calls = recognised(model)
    assert [call.kind for call in calls] == kinds
    assert calls[0].attributes["offset"] == calls[1].attributes["offset"] == offset
    assert calls[1].attributes["stepwise"] == stepwise
    assert calls[1].values[2].dtype == np.int8


@pytest.mark.parametrize(
    ("model", "reason"),
    [
        (dense(None), "have no scale"),
        (dense(Quant(0.5, 3)), "zero point other than 0"),
        (dense(Quant(0.5), bias=np.ones(4, np.int32)), "float32 of 4 is needed"),
        (dense(Quant(0.5), bias=np.ones(3, np.float32)), "float32 of 4 is needed"),
        (dense(Quant(0.5), fused_activation_function="TANH"), "fused activation"),
        (convolution("CONV_2D", (4, 3, 3, 2), Quant(0.5)), "1 scales for 4 channels"),
        (convolution("CONV_2D", (4, 3, 3, 2), Quant([0.5] * 4)), "all equal"),
        (convolution("DEPTHWISE_CONV_2D", (1, 3, 3, 4), Quant(0.5)), "1 scales for 4 channels"),
    ],
)
def test_what_the_reference_cannot_compute_is_refused_by_name(model, reason) -> None:
    with pytest.raises(ModelRefused, match=reason):
        compile_model(model)


def test_weights_computed_at_run_time_are_refused() -> None:
    writer = ModelWriter()
    x, w = writer.tensor("x", (1, 6), "float32"), writer.tensor("w", (4, 6), "int8", quant=Quant(0.5))
    y = writer.tensor("y", (1, 4), "float32")
    writer.operator("FULLY_CONNECTED", [x, w, -1], [y])
    with pytest.raises(ModelRefused, match="computed at run time"):
        compile_model(writer.finish([x, w], [y]))


def test_the_input_of_float32_may_go_before_the_result_comes() -> None:
    """int8 lies where float32 was: the peak is one tensor of float32 and one of int8, and little beside."""
    writer = ModelWriter()
    tensors = [writer.tensor(f"t{i}", (1, 16, 16, 8), "float32") for i in range(4)]
    for before, after in itertools.pairwise(tensors):
        w = writer.constant("w", np.ones((8, 1, 1, 8), np.int8), quant=Quant(0.5))
        bias = writer.constant("b", np.ones(8, np.float32))
        writer.operator("CONV_2D", [before, w, bias], [after], padding="SAME", stride_h=1, stride_w=1)
    model = writer.finish([tensors[0]], [tensors[-1]])
    compiled = compile_model(model, include_inputs=False, include_outputs=False)
    elements = 16 * 16 * 8
    assert compiled.planned_bytes < elements * 5 + 1000


@pytest.mark.parametrize("dtype", ["int8", "uint8", "int16"])
@pytest.mark.parametrize("per_channel", [False, True])
def test_dequantize_of_constant_weights_is_done_at_compile_time(dtype, per_channel, recognised) -> None:
    zero = 3 if dtype == "uint8" else 0
    quant = Quant([0.3, 0.25, 0.1, 0.7], zero, axis=0) if per_channel else Quant(0.3, zero)
    writer = ModelWriter()
    x, y = writer.tensor("x", (1, 6), "float32"), writer.tensor("y", (1, 4), "float32")
    values = np.arange(24).reshape(4, 6).astype(dtype)
    q, w = writer.constant("q", values, quant=quant), writer.tensor("w", (4, 6), "float32")
    writer.operator("DEQUANTIZE", [q], [w])
    writer.operator("FULLY_CONNECTED", [x, w, -1], [y])
    (call,) = recognised(fold_constants(import_tflite(writer.finish([x], [y]))))
    assert call.kind == "FULLY_CONNECTED_F32"
    scale = np.array(quant.scales, np.float32).reshape(-1, 1)
    assert np.array_equal(call.values[1], scale * (values.astype(np.float32) - zero))


def test_int4_is_read_low_half_first_with_its_sign() -> None:
    writer = ModelWriter()
    x, y = writer.tensor("x", (1, 3), "float32"), writer.tensor("y", (1, 1), "float32")
    w = writer.constant("w", np.array([[-8, 7, -1]], np.int8), quant=Quant(1.0), dtype="int4")
    writer.operator("FULLY_CONNECTED", [x, w, -1], [y])
    assert writer.tensors[w].data == bytes([0x78, 0x0F])
    compile_model(writer.finish([x], [y]))
    writer.tensors[w] = replace(writer.tensors[w], data=b"\x78")
    with pytest.raises(ModelRefused, match="needs 2 bytes, the file has 1"):
        compile_model(writer.finish([x], [y]))
