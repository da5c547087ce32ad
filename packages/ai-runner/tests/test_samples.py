# SPDX-License-Identifier: Apache-2.0
"""Samples from .npz files: names, shapes, dtypes, quantizing."""

import numpy as np
import pytest
from ai_runner import InvalidParamError, TensorInfo
from ai_runner.samples import load_npz, quantize_array, random_inputs, select_samples

X = TensorInfo("x/in:0", (1, 2, 3), np.dtype(np.int8), 0.5, -3)
S = TensorInfo("s", (4,), np.dtype(np.float32))
Y = TensorInfo("y", (1, 5), np.dtype(np.int8), 0.25, 1)


def test_zoo_names():
    arrays = {"in0": np.zeros((8, 1, 2, 3), np.int8), "out0": np.ones((8, 1, 5), np.int8), "out0_fresh": np.zeros(3)}
    samples = select_samples(arrays, [X], [Y])
    assert samples.count == 8
    assert samples.inputs[0].shape == (8, 1, 2, 3)
    assert samples.outputs[0].shape == (8, 1, 5)


def test_original_names_and_one_sample():
    arrays = {"m_inputs_1": np.zeros((1, 2, 3), np.int8), "m_inputs_2": np.zeros(4, np.float32)}
    samples = select_samples(arrays, [X, S], [Y])
    assert (samples.count, samples.outputs) == (1, ())
    assert samples.inputs[1].shape == (1, 4)


def test_tensor_names_and_batch_axis():
    arrays = {"x/in:0": np.zeros((6, 2, 3), np.int8), "y": np.zeros((6, 5), np.int8)}
    samples = select_samples(arrays, [X], [Y])
    assert samples.inputs[0].shape == (6, 1, 2, 3)
    assert samples.outputs[0].shape == (6, 1, 5)


@pytest.mark.parametrize(
    ("arrays", "text"),
    [
        ({}, "in0 or m_inputs_1 or 'x/in:0' is needed"),
        ({"x": np.zeros((1, 2, 3), np.int8)}, "the .npz has arrays x"),
        ({"in0": np.zeros((1, 2, 3), np.int8)}, "in0 but not in1"),
        ({"in0": np.zeros((1, 2, 4), np.int8), "in1": np.zeros(4, np.float32)}, r"'in0' has shape \[1, 2, 4\]"),
        ({"in0": np.zeros((1, 2, 3), np.uint8), "in1": np.zeros(4, np.float32)}, "'in0' is uint8"),
        (
            {"in0": np.zeros((2, 1, 2, 3), np.int8), "in1": np.zeros((3, 4), np.float32)},
            "different numbers of samples: 2, 3",
        ),
        ({"in0": np.zeros((1, 2, 3), np.int8), "in1": np.zeros(4, np.float64)}, "'in1' is float64"),
        ({"in0": np.zeros((0, 1, 2, 3), np.int8), "in1": np.zeros((0, 4), np.float32)}, "shape"),
    ],
)
def test_what_does_not_fit(arrays, text):
    with pytest.raises(InvalidParamError, match=text):
        select_samples(arrays, [X, S], [])


def test_quantize():
    floats = np.array([[-1.0, 0.0, 0.25, -0.25, 100.0, -100.0]], np.float32).reshape(1, 2, 3)
    samples = select_samples({"in0": floats}, [X], [], quantize=True)
    assert samples.inputs[0].reshape(-1).tolist() == [-5, -3, -2, -4, 127, -128]
    assert samples.inputs[0].dtype == np.int8
    with pytest.raises(InvalidParamError, match="cannot be quantized"):
        quantize_array(np.zeros((1, 2, 3), np.int16), X)
    with pytest.raises(InvalidParamError, match="cannot be quantized"):
        quantize_array(np.zeros(4, np.float64), S)


def test_files(tmp_path):
    path = tmp_path / "x.npz"
    np.savez(path, in0=np.zeros(3))
    assert list(load_npz(path)) == ["in0"]
    whole = path.read_bytes()
    path.write_bytes(whole[: len(whole) // 2])
    np.save(tmp_path / "x.npy", np.zeros(3))
    np.savez(tmp_path / "o.npz", in0=np.array([{}], dtype=object))
    (tmp_path / "t.npz").write_text("text")
    for name in ("x.npz", "x.npy", "o.npz", "t.npz", "missing.npz", "."):
        with pytest.raises(InvalidParamError, match="E804"):
            load_npz(tmp_path / name)


def test_random_inputs_are_the_same_everywhere():
    tensors = [X, S, TensorInfo("b", (), np.dtype(np.bool_)), TensorInfo("w", (2,), np.dtype(np.uint16))]
    first, second = random_inputs(tensors, 3, seed=7), random_inputs(tensors, 3, seed=7)
    for tensor, a, b in zip(tensors, first, second, strict=True):
        assert (a.shape, a.dtype) == ((3, *tensor.shape), tensor.dtype)
        assert np.array_equal(a, b)
    assert not np.array_equal(first[1], random_inputs(tensors, 3, seed=8)[1])
    wide = random_inputs([TensorInfo("x", (10000,), np.dtype(np.int8))], 1, seed=0)[0]
    assert (wide.min(), wide.max()) == (-128, 127)
