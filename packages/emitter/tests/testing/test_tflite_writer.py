# SPDX-License-Identifier: Apache-2.0
"""The .tflite writer: what is written is what the schema's reader finds, byte for byte the same each time."""

import numpy as np
import pytest
import tflite
from stm32_emitter.testing.tflite_options import OPERATORS
from stm32_emitter.testing.tflite_writer import ModelWriter, Quant

OPERATORS_OF_THE_FIRST_ISSUE = [
    "CONV_2D",
    "DEPTHWISE_CONV_2D",
    "FULLY_CONNECTED",
    "ADD",
    "SUB",
    "MUL",
    "AVERAGE_POOL_2D",
    "MAX_POOL_2D",
    "MEAN",
    "PAD",
    "PADV2",
    "RESHAPE",
    "SQUEEZE",
    "EXPAND_DIMS",
    "SOFTMAX",
    "LOG_SOFTMAX",
    "LOGISTIC",
    "TANH",
    "RELU",
    "RELU6",
    "RELU_N1_TO_1",
    "LEAKY_RELU",
    "HARD_SWISH",
    "CONCATENATION",
    "RESIZE_NEAREST_NEIGHBOR",
    "RESIZE_BILINEAR",
    "STRIDED_SLICE",
    "TRANSPOSE",
    "QUANTIZE",
    "DEQUANTIZE",
]


def convolution() -> bytes:
    writer = ModelWriter(description="a convolution")
    x = writer.tensor("x:0", (1, 5, 5, 3), "int8", quant=Quant(0.25, -3), signature=(-1, 5, 5, 3))
    weights = np.arange(2 * 3 * 3 * 3, dtype=np.int8).reshape(2, 3, 3, 3)
    w = writer.constant("w", weights, quant=Quant([0.5, 0.125], 0, 0))
    b = writer.constant("b", np.asarray([7, -9], np.int32), quant=Quant([0.125, 0.03125]))
    y = writer.tensor("y", (1, 3, 3, 2), "int8", quant=Quant(2.0, 5))
    writer.operator(
        "CONV_2D", [x, w, b], [y], padding="VALID", stride_w=1, stride_h=1, fused_activation_function="RELU6"
    )
    return writer.finish(inputs=[x], outputs=[y])


def test_every_operator_of_the_issue_can_be_written() -> None:
    assert set(OPERATORS_OF_THE_FIRST_ISSUE) <= set(OPERATORS)


def test_two_runs_give_the_same_bytes() -> None:
    assert convolution() == convolution()


def test_the_reader_finds_tensors_quantization_and_buffers() -> None:
    model = tflite.Model.GetRootAs(convolution())
    graph = model.Subgraphs(0)
    assert model.Version() == 3
    assert model.Description() == b"a convolution"
    assert [graph.Tensors(i).Name() for i in range(4)] == [b"x:0", b"w", b"b", b"y"]
    x, w = graph.Tensors(0), graph.Tensors(1)
    assert x.ShapeAsNumpy().tolist() == [1, 5, 5, 3]
    assert x.ShapeSignatureAsNumpy().tolist() == [-1, 5, 5, 3]
    assert x.Buffer() == 0
    assert model.Buffers(0).DataLength() == 0
    assert w.Quantization().ScaleAsNumpy().tolist() == [0.5, 0.125]
    assert w.Quantization().ZeroPointAsNumpy().tolist() == [0, 0]
    assert w.Quantization().QuantizedDimension() == 0
    assert model.Buffers(w.Buffer()).DataAsNumpy().tolist() == list(range(54))


def test_the_reader_finds_operator_and_options() -> None:
    model = tflite.Model.GetRootAs(convolution())
    graph = model.Subgraphs(0)
    operator = graph.Operators(0)
    assert model.OperatorCodes(operator.OpcodeIndex()).BuiltinCode() == tflite.BuiltinOperator.CONV_2D
    assert operator.InputsAsNumpy().tolist() == [0, 1, 2]
    options = tflite.Conv2DOptions()
    options.Init(operator.BuiltinOptions().Bytes, operator.BuiltinOptions().Pos)
    assert options.Padding() == tflite.Padding.VALID
    assert options.FusedActivationFunction() == tflite.ActivationFunctionType.RELU6
    assert (options.StrideW(), options.DilationWFactor()) == (1, 1)


def test_buffers_lie_at_multiples_of_sixteen() -> None:
    data = convolution()
    needle = np.arange(54, dtype=np.int8).tobytes()
    assert data.index(needle) % 16 == 0


def test_data_of_another_shape_is_refused() -> None:
    with pytest.raises(ValueError, match="its data are int8"):
        ModelWriter().tensor("w", (3,), "int8", data=np.zeros(2, np.int8))


@pytest.mark.parametrize(
    ("op", "options", "message"),
    [
        ("NO_SUCH", {}, "not a builtin operator"),
        ("LSTM", {}, "cannot be written"),
        ("ADD", {"stride_w": 1}, "no option 'stride_w'"),
        ("TANH", {"alpha": 1.0}, "no option 'alpha'"),
    ],
)
def test_unknown_operators_and_options_are_refused(op: str, options: dict[str, float], message: str) -> None:
    def write() -> bytes:
        writer = ModelWriter()
        x = writer.tensor("x", (1,), "float32")
        writer.operator(op, [x], [x], **options)
        return writer.finish([x], [x])

    with pytest.raises(ValueError, match=message):
        write()


def test_an_index_without_tensor_is_refused() -> None:
    with pytest.raises(ValueError, match="there is no tensor 4"):
        ModelWriter().operator("TANH", [4], [4])
