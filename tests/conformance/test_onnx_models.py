# SPDX-License-Identifier: Apache-2.0
"""Small ONNX graphs against onnxruntime: float32, and quantized by its own static quantization in QDQ format."""

from dataclasses import replace

import numpy as np
import onnx
import onnxruntime
import pytest
from onnx import TensorProto, helper, numpy_helper
from onnxruntime.quantization import CalibrationDataReader, QuantFormat, QuantType, quantize_static
from onnxruntime.quantization.shape_inference import quant_pre_process
from stm32_cli.validation.oracle_onnx import OnnxOracle
from stm32_emitter import compile_model

from tests.conformance.batch import Stored, run_batch
from tests.conformance.toolchain import MACHINES
from tests.mission.onnx_net import OnnxNet

SEED = 20
SAMPLES = 4


class Graph:
    """A graph with one input that is built node by node; weights are random, from one seed."""

    def __init__(self, shape, opset=13):
        self.rng = np.random.default_rng(SEED)
        self.shape, self.opset = shape, opset
        self.nodes, self.weights, self.last = [], [], "x"

    def weight(self, *shape, scale=0.5):
        return self.constant(self.rng.normal(0, scale, shape).astype(np.float32))

    def constant(self, value):
        name = f"w{len(self.weights)}"
        self.weights.append(numpy_helper.from_array(np.asarray(value), name))
        return name

    def add(self, kind, *others, first=None, outputs=1, **attributes):
        names = [f"t{len(self.nodes)}_{i}" for i in range(outputs)]
        self.nodes.append(helper.make_node(kind, [first or self.last, *others], names, **attributes))
        self.last = names[0]
        return names[0] if outputs == 1 else names

    def model(self, outputs=None, batch=1, dtype=TensorProto.FLOAT):
        results = [helper.make_tensor_value_info(name, dtype, None) for name in outputs or [self.last]]
        given = helper.make_tensor_value_info("x", TensorProto.FLOAT, (batch, *self.shape[1:]))
        graph = helper.make_graph(self.nodes, "g", [given], results, self.weights)
        model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", self.opset)], ir_version=8)
        return onnx.shape_inference.infer_shapes(model)


def samples(shape):
    rng = np.random.default_rng(SEED + 1)
    return [rng.normal(0, 1, shape).astype(np.float32) for _ in range(SAMPLES)]


def expected(model, inputs):
    options = onnxruntime.SessionOptions()
    options.graph_optimization_level = onnxruntime.GraphOptimizationLevel.ORT_DISABLE_ALL
    session = onnxruntime.InferenceSession(model.SerializeToString(), options, providers=["CPUExecutionProvider"])
    name = session.get_inputs()[0].name
    return [tuple(session.run(None, {name: x})) for x in inputs]


def stored(model, shape, name="graph", inputs=None, tolerance=0):
    inputs = inputs or samples(shape)
    given, wanted = tuple((x,) for x in inputs), tuple(expected(model, inputs))
    return Stored(name, model.SerializeToString(), given, wanted, tolerance)


def classifier():
    g = Graph((1, 3, 12, 10))
    g.add("Conv", g.weight(8, 3, 3, 3), g.weight(8), pads=[1, 1, 1, 1], strides=[2, 2])
    g.add("Relu")
    branch = g.last
    g.add("Conv", g.weight(8, 1, 3, 3), group=8, auto_pad="SAME_UPPER")
    g.add("Clip", g.constant(np.float32(0)), g.constant(np.float32(6)))
    g.add("Add", branch)
    g.add("MaxPool", kernel_shape=[2, 2], strides=[2, 2], ceil_mode=1)
    g.add("Flatten")
    g.add("Gemm", g.weight(5, 72), g.weight(5), transB=1)
    g.add("Softmax")
    return g


def normalized_dense():
    """BatchNorm1d behind Linear."""
    g = Graph((1, 12))
    for inputs, outputs in ((12, 8), (8, 5)):
        g.add("Gemm", g.weight(inputs, outputs), *([g.weight(outputs)] if outputs == 8 else []))
        parameters = (g.weight(outputs), g.weight(outputs), g.weight(outputs))
        g.add("BatchNormalization", *parameters, g.constant(np.linspace(0.5, 2, outputs, dtype=np.float32)))
        g.add("Relu")
    return g


def normalized():
    g = Graph((1, 4, 9, 9))
    g.add("Conv", g.weight(6, 2, 3, 3), group=2, dilations=[2, 2])
    g.add("BatchNormalization", g.weight(6), g.weight(6), g.weight(6), g.constant(g.rng.random(6).astype(np.float32)))
    g.add("LeakyRelu", alpha=0.2)
    g.add("BatchNormalization", g.weight(6), g.weight(6), g.weight(6), g.constant(g.rng.random(6).astype(np.float32)))
    g.add("AveragePool", kernel_shape=[3, 3], pads=[1, 1, 1, 1], count_include_pad=1)
    return g


def moved():
    g = Graph((1, 4, 6, 8))
    x = g.add("Conv", g.weight(4, 4, 1, 1))
    left, right = g.add("Split", outputs=2, axis=1)
    g.add("Concat", left, first=right, axis=1)
    g.add("Pad", g.constant(np.array([0, 1, 2, 0, 0, 0, 1, 3], np.int64)), g.constant(np.float32(0.5)))
    g.add("Slice", *(g.constant(np.array(v, np.int64)) for v in ([1, 1], [5, 100], [1, 3], [1, 2])))
    g.add("Transpose", perm=[0, 2, 3, 1])
    g.add("Mul", g.weight(4))
    g.add("ReduceMean", axes=[1], keepdims=0)
    g.add("Unsqueeze", g.constant(np.array([2], np.int64)))
    assert x
    return g


def flattened():
    g = Graph((2, 3, 4, 5))
    g.add("Conv", g.weight(6, 3, 3, 3), g.weight(6))
    g.add("Add", g.weight(6, 1, 1))
    shape = g.constant(np.array([0, -1], np.int64))
    g.add("Reshape", shape)
    flat = g.last
    g.add("MatMul", g.weight(36, 4))
    g.add("Add", g.weight(4))
    g.add("Relu")
    dense = g.last
    g.add("Sigmoid", first=flat)
    return g, [dense, g.last]


BUILDERS = {
    "classifier": classifier, "normalized": normalized, "normalized_dense": normalized_dense, "moved": moved,
    "flattened": flattened,
}  # fmt: skip


@pytest.mark.parametrize("name", BUILDERS)
def test_float_graphs_are_within_the_tolerance_of_onnxruntime(name, tmp_path):
    built = BUILDERS[name]()
    g, outputs = built if isinstance(built, tuple) else (built, None)
    (outcome,) = run_batch([stored(g.model(outputs, g.shape[0]), g.shape)], MACHINES["host"], tmp_path)
    assert outcome.status == "equal", outcome.detail


FUNCTIONS = (
    "Abs", "Ceil", "Cos", "Elu", "Erf", "Exp", "Floor", "HardSigmoid", "HardSwish", "LeakyRelu", "LogSoftmax", "Neg",
    "Reciprocal", "Relu", "Round", "Selu", "Sigmoid", "Sign", "Sin", "Softmax", "Tanh",
)  # fmt: skip


def test_a_normalization_behind_a_dense_layer_is_part_of_it():
    nodes = compile_model(normalized_dense().model(None, 1).SerializeToString()).info["nodes"]
    assert len(nodes) == 2


def test_functions_of_one_element(tmp_path):
    models = []
    for kind in FUNCTIONS:
        g = Graph((1, 3, 4, 5), opset=14)
        g.add(kind)
        models.append(stored(g.model(), g.shape, kind.lower()))
    positive = [np.abs(x) + np.float32(0.1) for x in samples((1, 3, 4, 5))]
    for kind in ("Log", "Sqrt"):
        g = Graph((1, 3, 4, 5))
        g.add(kind)
        models.append(stored(g.model(), g.shape, kind.lower(), positive))
    outcomes = run_batch(models, MACHINES["host"], tmp_path)
    assert [(o.name, o.detail) for o in outcomes if o.status != "equal"] == []


class Reader(CalibrationDataReader):
    """The samples, once."""

    def __init__(self, inputs, name="x"):
        self.left = [{name: x} for x in inputs]

    def get_next(self):
        return self.left.pop() if self.left else None


def integer_outputs(model):
    """The model without the DequantizeLinear in front of its output, which then gives integers."""
    last = next(n for n in model.graph.node if n.output[0] == model.graph.output[0].name)
    if last.op_type == "DequantizeLinear":
        model.graph.node.remove(last)
        zero = next(t for t in model.graph.initializer if t.name == last.input[2])
        model.graph.output[0].name = last.input[0]
        model.graph.output[0].type.tensor_type.elem_type = zero.data_type
    return model


def quantized(g, folder, activations, per_channel):
    onnx.save(g.model(), folder / "float.onnx")
    quantize_static(
        folder / "float.onnx", folder / "int8.onnx", Reader(samples(g.shape)), quant_format=QuantFormat.QDQ,
        activation_type=activations, weight_type=QuantType.QInt8, per_channel=per_channel,
        extra_options={"WeightSymmetric": True},
    )  # fmt: skip
    return integer_outputs(onnx.load(folder / "int8.onnx"))


def backbone():
    g = Graph((1, 3, 12, 10))
    g.add("Conv", g.weight(8, 3, 3, 3), g.weight(8), pads=[1, 1, 1, 1], strides=[2, 2])
    g.add("Relu")
    branch = g.last
    g.add("Conv", g.weight(8, 1, 3, 3), group=8, pads=[1, 1, 1, 1])
    g.add("Add", branch)
    g.add("Concat", branch, axis=1)
    g.add("MaxPool", kernel_shape=[2, 2], strides=[2, 2])
    g.add("Sigmoid")
    g.add("GlobalAveragePool")
    g.add("Flatten")
    g.add("Gemm", g.weight(5, 16), g.weight(5), transB=1)
    return g


def flat_dense():
    g = Graph((1, 3, 6, 5))
    g.add("Conv", g.weight(4, 3, 3, 3), pads=[1, 1, 1, 1])
    g.add("Transpose", perm=[0, 2, 3, 1])
    g.add("Transpose", perm=[0, 3, 1, 2])
    g.add("Reshape", g.constant(np.array([1, 120], np.int64)))
    g.add("MatMul", g.weight(120, 7, scale=0.1))
    return g


@pytest.mark.parametrize("build", [backbone, flat_dense])
@pytest.mark.parametrize("activations", [QuantType.QInt8, QuantType.QUInt8])
def test_quantized_graphs_differ_by_one_at_most(build, activations, tmp_path):
    g = build()
    model = quantized(g, tmp_path, activations, per_channel=activations == QuantType.QInt8)
    case = stored(model, g.shape, tolerance=1)
    assert {array.dtype for outputs in case.expected for array in outputs} <= {np.dtype("int8"), np.dtype("uint8")}
    (outcome,) = run_batch([case], MACHINES["host"], tmp_path)
    assert outcome.status == "equal", outcome.detail
    nodes = compile_model(model.SerializeToString()).info["nodes"]
    assert sum("transpose" in node["kernel"] for node in nodes) == 1  # the input's


def residual_net(net):
    """Inverted residuals as in MobileNet v2."""
    x = net.conv(net.start(), 8, 3, 2, activation="relu6")
    for stride in (1, 1, 2):
        y = net.depthwise(net.conv(x, 24, activation="relu6"), 3, stride)
        y = net.conv(y, 8, activation=None)
        x = net.add(x, y) if stride == 1 else y
    return net.dense(net.mean(net.conv(x, 40)), 50)


@pytest.mark.parametrize("activations", [QuantType.QInt8, QuantType.QUInt8])
def test_deep_quantized_nets_equal_onnxruntime_byte_by_byte(activations, tmp_path):
    """Convolutions, sums, the mean and the dense layer are rounded as onnxruntime's kernels of integers round."""
    net = OnnxNet(24, 24)
    (tmp_path / "net.onnx").write_bytes(net.finish(residual_net(net)))
    quant_pre_process(tmp_path / "net.onnx", tmp_path / "float.onnx", skip_symbolic_shape=True)
    images = [np.clip(x, -1, 1) for x in samples((1, 3, 24, 24))]
    quantize_static(
        tmp_path / "float.onnx", tmp_path / "int8.onnx", Reader(images, "image"), quant_format=QuantFormat.QDQ,
        activation_type=activations, weight_type=QuantType.QInt8, per_channel=activations == QuantType.QInt8,
        extra_options={"WeightSymmetric": True},
    )  # fmt: skip
    oracle = OnnxOracle(tmp_path / "int8.onnx")
    assert oracle.integers
    expected = tuple(tuple(oracle.invoke([image])) for image in images)
    case = Stored("net", (tmp_path / "int8.onnx").read_bytes(), tuple((image,) for image in images), expected)
    (outcome,) = run_batch([case], MACHINES["host"], tmp_path)
    assert outcome.status == "equal", outcome.detail


def test_float_graphs_are_transposed_at_the_border_only():
    nodes = compile_model(classifier().model().SerializeToString()).info["nodes"]
    assert ["transpose" in node["kernel"] for node in nodes] == [True] + [False] * (len(nodes) - 1)
    assert len(nodes) == 7


QUANTIZED = {
    "Relu": {}, "LeakyRelu": {"alpha": 0.2}, "Sigmoid": {}, "Tanh": {}, "HardSwish": {}, "Softmax": {}, "Exp": {},
    "GlobalAveragePool": {}, "GlobalMaxPool": {}, "ReduceMean": {"axes": [1], "keepdims": 0},
    "AveragePool": {"kernel_shape": [2, 3], "strides": [1, 2]}, "MaxPool": {"kernel_shape": [2, 3]},
    "Transpose": {"perm": [0, 3, 1, 2]}, "Flatten": {},
}  # fmt: skip
"""Operators of one input with their attributes."""


def between_integers(kind, zero, names=("x",), constants=(), result=0.021, **attributes):
    """Quantize, dequantize, the operator, quantize with the scale ``result``; the output is integers."""
    g = Graph((1, 4, 5, 6), opset=14)
    scale, second = g.constant(np.float32(0.03)), g.constant(np.float32(result))
    offset = g.constant(zero)
    g.add("QuantizeLinear", scale, offset)
    g.add("DequantizeLinear", scale, offset)
    others = [g.last for _ in names[1:]] + [g.constant(value) for value in constants]
    g.add(kind, *others, **attributes)
    g.add("QuantizeLinear", second, offset)
    model = g.model(dtype=TensorProto.INT8 if zero.dtype == np.int8 else TensorProto.UINT8)
    return stored(model, g.shape, kind.lower(), tolerance=1)


@pytest.mark.parametrize("zero", [np.int8(-20), np.uint8(120)], ids=["int8", "uint8"])
def test_quantized_operators_differ_by_one_at_most(zero, tmp_path):
    cases = [between_integers(kind, zero, **attributes) for kind, attributes in QUANTIZED.items()]
    cases += [between_integers(kind, zero, ("a", "b")) for kind in ("Add", "Sub", "Mul")]
    cases.append(between_integers("Clip", zero, constants=(np.float32(0), np.float32(1.5))))
    cases.append(between_integers("Pad", zero, constants=(np.array([0, 0, 1, 2, 0, 1, 0, 0]), np.float32(0.3))))
    cases.append(between_integers("Slice", zero, constants=(np.array([1]), np.array([4]), np.array([3]))))
    outcomes = run_batch(cases, MACHINES["host"], tmp_path)
    assert [(o.name, o.detail) for o in outcomes if o.status != "equal"] == []


@pytest.mark.parametrize("counted", [0, 1])
def test_padding_of_quantized_average_pools_is_counted_or_not(counted, tmp_path):
    """Where input and output share a quantization, as onnxruntime's quantizer makes it, all is integers."""
    window = {"kernel_shape": [3, 2], "strides": [2, 1], "pads": [1, 0, 0, 1], "count_include_pad": counted}
    case = between_integers("AveragePool", np.int8(-20), result=0.03, **window)
    (outcome,) = run_batch([case], MACHINES["host"], tmp_path)
    assert outcome.status == "equal", outcome.detail
    kernels = [node["kernel"] for node in compile_model(case.model).info["nodes"]]
    assert any("_average_pool_2d_" in kernel for kernel in kernels)
    assert not any("_dequantize_" in kernel for kernel in kernels)


def test_what_maps_bytes_to_bytes_is_rounded_as_onnxruntime_rounds(tmp_path):
    """Operators of one byte, and the scales that Concat brings together, give onnxruntime's very bytes."""
    cases = [between_integers(kind, np.int8(-20), **QUANTIZED[kind]) for kind in ("Relu", "LeakyRelu", "HardSwish")]
    cases += [
        between_integers("Concat", np.int8(-20), ("a", "b"), result=0.0301 * factor, axis=1) for factor in (1, 1.97, 3)
    ]
    cases = [replace(case, name=f"m{number}", tolerance=0) for number, case in enumerate(cases)]
    outcomes = run_batch(cases, MACHINES["host"], tmp_path, together=True)
    assert [(o.name, o.detail) for o in outcomes if o.status != "equal"] == []
