# SPDX-License-Identifier: Apache-2.0
"""`stm32 quantize`: its results are compared with the float models, compile, and compute what they should."""

import json
import sys

import numpy as np
import onnx
import pytest
from onnx import TensorProto, helper, numpy_helper
from stm32_cli.main import main
from stm32_emitter.testing.tflite_writer import ModelWriter

from tests.conformance.batch import Stored, run_batch
from tests.conformance.test_onnx_models import expected, integer_outputs
from tests.conformance.toolchain import MACHINES

SEED = 5
SAMPLES = 12
CLASSES = 5


def draw(rng, *shape):
    return rng.normal(0, 0.3, shape).astype(np.float32)


@pytest.fixture(autouse=True)
def folder(tmp_path, monkeypatch):
    """The tests work in a folder of their own."""
    monkeypatch.chdir(tmp_path)
    return tmp_path


@pytest.fixture
def tflite_model(folder):
    """Convolutions, CONCATENATION, MEAN, FULLY_CONNECTED and SOFTMAX in float32, without a signature; with labels."""
    rng = np.random.default_rng(SEED)
    w = ModelWriter()
    x, first, second, both = (
        w.tensor(name, shape, "float32")
        for name, shape in (("x", (1, 12, 12, 3)), ("a", (1, 6, 6, 8)), ("b", (1, 6, 6, 8)), ("c", (1, 6, 6, 16)))
    )
    mean, logits, y = (
        w.tensor(name, (1, n), "float32") for name, n in (("m", 16), ("logits", CLASSES), ("class", CLASSES))
    )
    weights = [w.constant(f"w{i}", draw(rng, *shape)) for i, shape in enumerate(((8, 3, 3, 3), (1, 3, 3, 8), (5, 16)))]
    biases = [w.constant(f"b{i}", draw(rng, n)) for i, n in enumerate((8, 8, CLASSES))]
    window = {"padding": "SAME", "fused_activation_function": "RELU6"}
    w.operator("CONV_2D", [x, weights[0], biases[0]], [first], version=1, stride_w=2, stride_h=2, **window)
    w.operator(
        "DEPTHWISE_CONV_2D", [first, weights[1], biases[1]], [second], version=1, stride_w=1, stride_h=1,
        depth_multiplier=1, **window,
    )  # fmt: skip
    w.operator("CONCATENATION", [first, second], [both], version=1, axis=3)
    w.operator("MEAN", [both, w.constant("axes", np.array([1, 2], np.int32))], [mean], version=1)
    w.operator("FULLY_CONNECTED", [mean, weights[2], biases[2]], [logits], version=1)
    w.operator("SOFTMAX", [logits], [y], version=1, beta=1.0)
    (folder / "m.tflite").write_bytes(w.finish([x], [y]))
    np.savez(folder / "m.npz", x=rng.normal(0, 1, (SAMPLES, 12, 12, 3)), y=rng.integers(0, CLASSES, SAMPLES))
    return "m.tflite"


def _weights(rng):
    shapes = {"w0": (8, 3, 3, 3), "w1": (8, 1, 3, 3), "w2": (CLASSES, 16), "b2": (CLASSES,), "mean": (8,), "s": (8,)}
    drawn = {name: draw(rng, *shape) for name, shape in shapes.items()}
    drawn["v"] = np.ones(8, np.float32)
    return [numpy_helper.from_array(value, name) for name, value in drawn.items()]


@pytest.fixture
def onnx_model(folder):
    """Convolutions (one with BatchNormalization), Concat, GlobalAveragePool and Gemm; the batch is free."""
    rng = np.random.default_rng(SEED)
    node = helper.make_node
    nodes = [
        node("Conv", ["x", "w0"], ["c"], strides=[2, 2], pads=[0, 0, 1, 1]),
        node("BatchNormalization", ["c", "s", "mean", "mean", "v"], ["n"]),
        node("Relu", ["n"], ["r"]),
        node("Conv", ["r", "w1"], ["d"], group=8, pads=[1, 1, 1, 1]),
        node("Concat", ["r", "d"], ["both"], axis=1),
        node("GlobalAveragePool", ["both"], ["g"]),
        node("Flatten", ["g"], ["f"]),
        node("Gemm", ["f", "w2", "b2"], ["logits"], transB=1),
    ]
    ends = [
        helper.make_tensor_value_info(name, TensorProto.FLOAT, ["batch", *shape])
        for name, shape in (("x", (3, 12, 12)), ("logits", (CLASSES,)))
    ]
    graph = helper.make_graph(nodes, "g", ends[:1], ends[1:], _weights(rng))
    onnx.save(helper.make_model(graph, opset_imports=[helper.make_opsetid("", 13)], ir_version=8), folder / "m.onnx")
    np.savez(folder / "m.npz", in0=rng.normal(0, 1, (SAMPLES, 3, 12, 12)).astype(np.float32))
    return "m.onnx"


def run(capsys, *arguments):
    """(exit code, stdout, stderr)."""
    code = main(["quantize", *arguments])
    captured = capsys.readouterr()
    return code, captured.out, captured.err


@pytest.mark.parametrize("weights", ["--per-channel", "--per-tensor"])
def test_a_tflite_model_is_quantized_compiles_and_is_exact(weights, tflite_model, folder, capsys):
    code, out, err = run(capsys, tflite_model, "--data", "m.npz", "-o", "q.tflite", "--samples", "8", weights, "--json")
    assert code == 0, err
    report = json.loads(out)
    assert (report["calibration_samples"], report["compared_samples"], report["held_out"]) == (8, 4, True)
    (figures,) = report["outputs"]
    assert figures["snr_db"] > 15
    assert 0 < figures["max_error"] < 0.1
    assert report["accuracy_float"] is not None
    assert sorted(path.name for path in folder.iterdir()) == ["m.npz", "m.tflite", "q.tflite"]
    rng = np.random.default_rng(SEED)
    inputs = tuple((rng.integers(-128, 128, (1, 12, 12, 3)).astype(np.int8),) for _ in range(4))
    model = (folder / "q.tflite").read_bytes()
    (outcome,) = run_batch([_Case("q", model, inputs)], MACHINES["host"], folder / "c")
    assert (outcome.status, outcome.differing, outcome.compared) == ("equal", 0, 20), outcome.detail


class _Case:
    """A model whose outputs the reference interpreter computes."""

    def __init__(self, name, model, inputs):
        self.name, self.model, self.inputs = name, model, inputs


def test_an_onnx_model_is_quantized_compiles_and_is_within_one(onnx_model, folder, capsys):
    code, out, err = run(capsys, onnx_model, "--data", "m.npz", "-o", "q.onnx", "--shape", "x=1,3,12,12")
    assert code == 0, err
    assert "quantizer   : onnxruntime" in out
    assert "compared    : quantized with float, on 12 samples that were calibrated with, too" in out
    assert "accuracy" not in out
    model = onnx.load(folder / "q.onnx")
    kinds = [node.op_type for node in model.graph.node]
    assert "QuantizeLinear" in kinds
    assert "BatchNormalization" not in kinds
    model = integer_outputs(model)
    rng = np.random.default_rng(SEED)
    inputs = [rng.normal(0, 1, (1, 3, 12, 12)).astype(np.float32) for _ in range(4)]
    case = Stored(
        "q", model.SerializeToString(), tuple((x,) for x in inputs), tuple(expected(model, inputs)), tolerance=1
    )
    assert case.expected[0][0].dtype == np.int8
    (outcome,) = run_batch([case], MACHINES["host"], folder / "c")
    assert outcome.status == "equal", outcome.detail


def test_an_onnx_model_of_an_old_exporter(folder, capsys):
    """Opset 8, whose constants are inputs, too; MatMul and Add [1,N] in place of a Gemm."""
    rng = np.random.default_rng(SEED)
    node = helper.make_node
    nodes = [
        node("Conv", ["x", "w0"], ["c"], strides=[2, 2]),
        node("Add", ["c", "b0"], ["a"]),
        node("Relu", ["a"], ["r"]),
        node("MaxPool", ["r"], ["p"], kernel_shape=[2, 2], strides=[2, 2]),
        node("Reshape", ["p", "shape"], ["f"]),
        node("MatMul", ["f", "w1"], ["m"]),
        node("Add", ["m", "b1"], ["y"]),
    ]
    constants = {"w0": draw(rng, 8, 1, 3, 3), "b0": draw(rng, 8, 1, 1), "w1": draw(rng, 32, 5), "b1": draw(rng, 1, 5)}
    constants["shape"] = np.array([1, 32], np.int64)
    weights = [numpy_helper.from_array(value, name) for name, value in constants.items()]
    info = helper.make_tensor_value_info
    inputs = [info("x", TensorProto.FLOAT, (1, 1, 10, 10)), *(info(w.name, w.data_type, w.dims) for w in weights)]
    graph = helper.make_graph(nodes, "g", inputs, [info("y", TensorProto.FLOAT, (1, 5))], weights)
    onnx.save(helper.make_model(graph, opset_imports=[helper.make_opsetid("", 8)], ir_version=3), folder / "old.onnx")
    images = rng.normal(0, 1, (SAMPLES, 1, 1, 10, 10)).astype(np.float32)
    np.savez(folder / "old.npz", in0=images)
    code, out, err = run(capsys, "old.onnx", "--data", "old.npz", "-o", "q.onnx", "--json")
    assert code == 0, err
    assert json.loads(out)["outputs"][0]["snr_db"] > 25
    model = integer_outputs(onnx.load(folder / "q.onnx"))
    assert "Add" not in [entry.op_type for entry in model.graph.node]
    given = tuple((image,) for image in images)
    case = Stored("q", model.SerializeToString(), given, tuple(expected(model, list(images))), tolerance=1)
    (outcome,) = run_batch([case], MACHINES["host"], folder / "c")
    assert outcome.status == "equal", outcome.detail


def test_every_sample_counts_for_the_ranges_of_several_inputs(folder, capsys):
    """The last of many samples is by far the largest."""
    w = ModelWriter()
    a, b, y = (w.tensor(name, (1, 4), "float32") for name in ("a", "b", "sum"))
    w.operator("ADD", [a, b], [y], version=1)
    (folder / "add.tflite").write_bytes(w.finish([a, b], [y]))
    rng = np.random.default_rng(SEED)
    left, right = (rng.normal(0, 1, (20, 4)).astype(np.float32) for _ in range(2))
    left[-1] *= 10
    np.savez(folder / "add.npz", b=right, a=left)
    code, out, err = run(capsys, "add.tflite", "--data", "add.npz", "-o", "q.tflite", "--json")
    assert code == 0, err
    (figures,) = json.loads(out)["outputs"]
    assert figures["max_error"] < figures["float_range"] / 100


def test_activations_of_int16(tflite_model, onnx_model, capsys):
    np.savez("t.npz", x=np.random.default_rng(SEED).normal(0, 1, (2, 12, 12, 3)))
    code, out, err = run(capsys, tflite_model, "--data", "t.npz", "-o", "q.tflite", "--activations", "int16")
    assert code == 0, err
    assert "activations int16" in out
    code, _, err = run(capsys, onnx_model, "--data", "m.npz", "-o", "q.onnx", "--activations", "int16")
    assert code == 2
    assert "models of int16 in .onnx files cannot be compiled" in err


def test_what_is_no_float_model_is_refused(tflite_model, folder, capsys):
    assert run(capsys, tflite_model, "--data", "m.npz", "-o", "q.tflite")[0] == 0
    code, _, err = run(capsys, "q.tflite", "--data", "m.npz", "-o", "r.tflite")
    assert code == 3
    assert "input 'x' of q.tflite is int8; only float32 models can be quantized" in err
    for name in ("bad.tflite", "bad.onnx"):
        (folder / name).write_bytes(b"no model at all")
        code, _, err = run(capsys, name, "--data", "m.npz", "-o", f"out.{name.split('.')[1]}")
        assert code == 3, err
        assert "Traceback" not in err
    assert not list(folder.glob("*out*"))


def test_data_that_do_not_fit_leave_no_file(tflite_model, folder, capsys):
    np.savez("bad.npz", x=np.ones((2, 11, 12, 3), np.float32))
    code, _, err = run(capsys, tflite_model, "--data", "bad.npz", "-o", "q.tflite")
    assert code == 2
    assert "'x'" in err
    np.savez("labels.npz", x=np.ones((2, 12, 12, 3), np.float32), y=[0, CLASSES])
    code, _, err = run(capsys, tflite_model, "--data", "labels.npz", "-o", "q.tflite")
    assert code == 2
    assert "output 'class' has 5 elements" in err
    assert not [path for path in folder.iterdir() if "q" in path.name]


@pytest.mark.parametrize(("missing", "kind"), [("ai_edge_quantizer", "tflite"), ("onnxruntime", "onnx")])
def test_a_quantizer_that_is_not_installed_is_named(missing, kind, request, monkeypatch, capsys):
    model = request.getfixturevalue(f"{kind}_model")
    for name in [name for name in sys.modules if name.partition(".")[0] == missing]:
        monkeypatch.delitem(sys.modules, name)
    monkeypatch.setitem(sys.modules, missing, None)
    code, _, err = run(capsys, model, "--data", "m.npz", "-o", f"q.{kind}")
    assert code == 5
    assert "pip install 'stm32-ai[quantize]'" in err
