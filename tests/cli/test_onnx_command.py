# SPDX-License-Identifier: Apache-2.0
"""`stm32` with .onnx models."""

import onnx
import pytest
from onnx import TensorProto, helper


@pytest.fixture
def dynamic(tmp_path):
    """relu of a tensor [batch,n]."""
    value = [helper.make_tensor_value_info(name, TensorProto.FLOAT, ["batch", "n"]) for name in ("x", "y")]
    graph = helper.make_graph([helper.make_node("Relu", ["x"], ["y"])], "g", value[:1], value[1:])
    opsets = [helper.make_opsetid("", 13)]
    onnx.save(helper.make_model(graph, opset_imports=opsets, ir_version=8), tmp_path / "dynamic.onnx")
    return "dynamic.onnx"


def test_compile_takes_a_shape(stm32, dynamic):
    done = stm32("compile", dynamic, "--shape", "x=2,3", "-o", "out")
    assert done.code == 0, done.err
    assert "input x: float32 [2, 3], 24 B" in done.out


@pytest.mark.parametrize("shape", ["x", "x=a,b", "=1,2", "x=1,2,3", "z=1,2"])
def test_wrong_shapes_are_usage_errors(stm32, dynamic, tmp_path, shape):
    done = stm32("compile", dynamic, "--shape", shape, "-o", "out")
    assert done.code == 2, done.err
    assert "Traceback" not in done.err
    assert not (tmp_path / "out").exists()


def test_validate_compares_with_onnxruntime(stm32, dynamic):
    done = stm32("validate", dynamic, "--shape", "x=2,3", "-d", "host")
    assert done.code == 0, done.err
    assert "compared to : onnxruntime" in done.out


def test_layers_are_compared_of_tflite_models_only(stm32, dynamic):
    done = stm32("validate", dynamic, "--per-layer", "-d", "host")
    assert done.code == 2
    assert "--per-layer compares the layers of .tflite models only" in done.err
