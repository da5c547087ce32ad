# SPDX-License-Identifier: Apache-2.0
"""ONNX graphs: refusals, shapes, names; what they compute is compared in tests/conformance/test_onnx_models.py."""

import sys

import numpy as np
import pytest
from stm32_emitter import MissingPackage, ModelRefused, OptionError, compile_model
from stm32_emitter.frontends.graph import groups
from stm32_emitter.frontends.onnx import import_onnx
from stm32_emitter.model_info import info_of

onnx = pytest.importorskip("onnx", reason="onnx is not installed: pip install stm32-ai-emitter[onnx]")
TensorProto, helper, numpy_helper = onnx.TensorProto, onnx.helper, onnx.numpy_helper


def model(nodes, shape=(1, 4), dtype=TensorProto.FLOAT, result=TensorProto.FLOAT, constants=None, opset=13, domains=()):
    weights = [numpy_helper.from_array(np.asarray(v), k) for k, v in (constants or {}).items()]
    graph = helper.make_graph(
        nodes, "g", [helper.make_tensor_value_info("x", dtype, shape)],
        [helper.make_tensor_value_info("y", result, shape)], weights,
    )  # fmt: skip
    opsets = [helper.make_opsetid("", opset), *(helper.make_opsetid(domain, 1) for domain in domains)]
    return helper.make_model(graph, opset_imports=opsets, ir_version=8).SerializeToString()


def test_all_refusals_come_in_one_list():
    nodes = [
        helper.make_node("Relu", ["x"], ["a"]),
        helper.make_node("Det", ["a"], ["b"]),
        helper.make_node("Relu", ["b"], ["c"]),
        helper.make_node("NonZero", ["a"], ["d"]),
        helper.make_node("Cast", ["a"], ["y"], to=TensorProto.INT32),
    ]
    with pytest.raises(ModelRefused) as caught:
        compile_model(model(nodes))
    found = [(problem.index, problem.operator, problem.name) for problem in caught.value.problems]
    assert found == [(1, "Det", "b"), (3, "NonZero", "d"), (4, "Cast", "y")]


def test_operators_with_quantization_inside_are_refused_with_a_hint():
    scale, zero = np.float32(0.1), np.int8(0)
    names = ["x", "s", "z", "w", "s", "z", "s", "z"]
    nodes = [helper.make_node("QLinearMatMul", names, ["y"])]
    constants = {"s": scale, "z": zero, "w": np.ones((4, 4), np.int8)}
    data = model(nodes, dtype=TensorProto.INT8, result=TensorProto.INT8, constants=constants)
    with pytest.raises(ModelRefused, match=r"operator 0 \(QLinearMatMul\) 'y'.*\n.*QuantFormat\.QDQ"):
        compile_model(data)


def test_operators_of_other_domains_are_refused_by_their_full_name():
    nodes = [helper.make_node("Gelu", ["x"], ["y"], domain="com.microsoft")]
    with pytest.raises(ModelRefused, match=r"com\.microsoft\.Gelu"):
        compile_model(model(nodes, domains=["com.microsoft"]))


def test_free_dimensions_are_one_or_what_is_given():
    data = model([helper.make_node("Relu", ["x"], ["y"])], shape=("batch", "n"))
    assert compile_model(data).inputs[0].shape == (1, 1)
    assert compile_model(data, shapes={"x": (3, 5)}).outputs[0].shape == (3, 5)


@pytest.mark.parametrize(
    ("shapes", "message"),
    [
        ({"z": (1, 4)}, "no input of the model; inputs: x"),
        ({"x": (1, 5)}, "does not fit"),
        ({"x": (4,)}, "does not fit"),
    ],
)
def test_shapes_that_do_not_fit_are_refused(shapes, message):
    with pytest.raises(OptionError, match=message):
        compile_model(model([helper.make_node("Relu", ["x"], ["y"])]), shapes=shapes)


def test_shapes_are_for_onnx_models_only():
    with pytest.raises(OptionError, match=r"\.onnx"):
        compile_model(b"\x00" * 64, shapes={"x": (1,)})


@pytest.mark.parametrize("data", [b"\x08", b"\x08\x07garbage", b"\x08" + bytes(range(256))])
def test_bytes_that_are_no_model_are_refused(data, tmp_path):
    path = tmp_path / "x.onnx"
    path.write_bytes(data)
    with pytest.raises(ModelRefused, match="no valid ONNX model"):
        compile_model(path)


def test_missing_package_is_named_with_the_way_to_get_it(monkeypatch):
    data = model([helper.make_node("Relu", ["x"], ["y"])])
    monkeypatch.setitem(sys.modules, "onnx", None)
    with pytest.raises(MissingPackage, match=r"pip install 'stm32-ai-emitter\[onnx\]'"):
        compile_model(data)


def test_names_and_quantization_of_inputs_and_outputs_are_kept():
    nodes = [
        helper.make_node("DequantizeLinear", ["x", "s", "z"], ["a"]),
        helper.make_node("Sigmoid", ["a"], ["b"]),
        helper.make_node("QuantizeLinear", ["b", "t", "u"], ["y"]),
    ]
    constants = {"s": np.float32(0.5), "z": np.uint8(100), "t": np.float32(0.25), "u": np.uint8(3)}
    data = model(nodes, dtype=TensorProto.UINT8, result=TensorProto.UINT8, constants=constants)
    info = info_of(import_onnx(data))
    assert [(io.name, io.scale, io.zero_point) for io in (*info.inputs, *info.outputs)] == [
        ("x", (0.5,), (100,)), ("y", (0.25,), (3,)),
    ]  # fmt: skip
    assert [tensor.dtype for tensor in (*compile_model(data).inputs, *compile_model(data).outputs)] == ["uint8"] * 2


def test_weights_in_another_file_are_refused(tmp_path):
    nodes = [helper.make_node("Add", ["x", "w"], ["y"])]
    proto = onnx.load_from_string(model(nodes, constants={"w": np.ones((1, 4), np.float32)}))
    onnx.save(proto, tmp_path / "m.onnx", save_as_external_data=True, size_threshold=0, location="w.bin")
    with pytest.raises(ModelRefused, match="weights are in another file"):
        compile_model(tmp_path / "m.onnx")


def test_shape_arithmetic_is_computed_at_import():
    nodes = [
        helper.make_node("Shape", ["x"], ["s"]),
        helper.make_node("Gather", ["s", "one"], ["n"]),
        helper.make_node("Concat", ["n", "one"], ["t"], axis=0),
        helper.make_node("Reshape", ["x", "t"], ["r"]),
        helper.make_node("Relu", ["r"], ["y"]),
    ]
    compiled = compile_model(model(nodes, constants={"one": np.array([1], np.int64)}))
    assert compiled.outputs[0].shape == (4, 1)
    assert len(compiled.nodes) == 1


ATTRIBUTES = {
    "AveragePool": {"kernel_shape": [2, 2]}, "Concat": {"axis": 1}, "MaxPool": {"kernel_shape": [2, 2]},
    "ReduceMean": {"axes": [2, 3]}, "Split": {"axis": 1}, "Transpose": {"perm": [0, 2, 3, 1]},
}  # fmt: skip
MORE = {
    "Add": ["a"], "Clip": ["low", "high"], "Concat": ["a"], "Conv": ["w"], "Gemm": ["m"], "MatMul": ["m"],
    "Mul": ["a"], "Pad": ["pads"], "Reshape": ["shape"], "Slice": ["begin", "end"], "Sub": ["a"], "Unsqueeze": ["axes"],
}  # fmt: skip


def between_quantized(kind):
    """DequantizeLinear, an operator, QuantizeLinear, with other quantized operands."""
    flat, alike = kind in ("Gemm", "MatMul"), kind in (*groups.MOVED, "AveragePool", "Clip")
    shape = (1, 4) if flat else (1, 4, 4, 4)
    weights = np.ones((4, 4) if flat else (4, 4, 1, 1), np.int8)
    constants = {
        "s": np.float32(0.1), "t": np.float32(0.1 if alike else 0.2), "z": np.int8(3), "zero": np.int8(0),
        "weights": weights, "low": np.float32(0), "high": np.float32(6), "pads": np.array([0, 0, 1, 1, 0, 0, 1, 1]),
        "shape": np.array([1, 64]), "begin": np.array([0, 1]), "end": np.array([1, 3]), "axes": np.array([0]),
    }  # fmt: skip
    second = {"a": ("x", "z"), "w": ("weights", "zero"), "m": ("weights", "zero")}
    inputs = MORE.get(kind, [])
    nodes = [helper.make_node("DequantizeLinear", ["x", "s", "z"], ["real"])]
    nodes += [
        helper.make_node("DequantizeLinear", [second[n][0], "s", second[n][1]], [n]) for n in inputs if n in second
    ]
    nodes.append(helper.make_node(kind, ["real", *inputs], ["made"], **ATTRIBUTES.get(kind, {})))
    nodes.append(helper.make_node("QuantizeLinear", ["made", "t", "z"], ["y"]))
    return model(nodes, shape, TensorProto.INT8, TensorProto.INT8, constants, opset=14)


def computes_floats(data):
    return b"float" in compile_model(data, name="m").files["m_lib.c"]


@pytest.mark.parametrize("kind", [*groups.QUANTIZED, *groups.MOVED])
def test_what_is_declared_to_be_quantized_computes_no_floats(kind):
    assert not computes_floats(between_quantized(kind))


def test_what_is_not_declared_is_computed_in_float():
    assert computes_floats(between_quantized("Exp"))
