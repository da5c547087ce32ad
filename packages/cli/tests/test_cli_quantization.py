# SPDX-License-Identifier: Apache-2.0
"""Samples, labels and figures of `stm32 quantize`."""

from pathlib import Path

import numpy as np
import pytest
from ai_runner.errors import InvalidParamError
from ai_runner.protocol.messages import TensorInfo
from stm32_cli.errors import CliError, Exit
from stm32_cli.quantization.compare import compare
from stm32_cli.quantization.run import Request, ensure_output
from stm32_cli.quantization.samples import load_data

INPUTS = [TensorInfo("image", (1, 2, 3), np.dtype(np.float32))]


def saved(folder: Path, **arrays: object) -> Path:
    np.savez(folder / "data.npz", **arrays)  # type: ignore[arg-type]
    return folder / "data.npz"


def test_samples_behind_those_of_the_calibration_are_compared(tmp_path: Path) -> None:
    values = np.arange(5 * 6, dtype=np.float64).reshape(5, 1, 2, 3)
    data = load_data(saved(tmp_path, image=values, y=np.arange(5, dtype=np.uint8)), INPUTS, 3)
    assert [array.dtype for array in (*data.calibration, *data.comparison)] == [np.dtype(np.float32)] * 2
    np.testing.assert_array_equal(data.calibration[0], values[:3])
    np.testing.assert_array_equal(data.comparison[0], values[3:])
    assert data.labels is not None
    assert (data.labels.tolist(), data.held_out) == ([3, 4], True)


@pytest.mark.parametrize("count", [None, 5, 9])
def test_all_samples_serve_for_both_where_none_are_left(tmp_path: Path, count: int | None) -> None:
    data = load_data(saved(tmp_path, in0=np.ones((5, 2, 3), np.float32)), INPUTS, count)
    assert (len(data.calibration[0]), len(data.comparison[0]), data.labels, data.held_out) == (5, 5, None, False)


@pytest.mark.parametrize("labels", [np.zeros(4, np.int64), np.zeros(5, np.float32)])
def test_labels_are_one_integer_for_each_sample(tmp_path: Path, labels: np.ndarray) -> None:
    with pytest.raises(CliError, match="the labels 'y'") as caught:
        load_data(saved(tmp_path, in0=np.ones((5, 2, 3), np.float32), y=labels), INPUTS, None)
    assert caught.value.exit_code == Exit.USAGE


def test_an_input_of_the_name_of_the_labels_is_an_input(tmp_path: Path) -> None:
    inputs = [TensorInfo("y", (1, 2), np.dtype(np.float32))]
    assert load_data(saved(tmp_path, y=np.ones((5, 2), np.float32)), inputs, None).labels is None


def test_values_that_are_no_numbers_are_refused(tmp_path: Path) -> None:
    with pytest.raises(CliError, match="infinite or no numbers"):
        load_data(saved(tmp_path, in0=np.array([[[0, 1, np.nan], [0, 0, 0]]], np.float32)), INPUTS, None)
    with pytest.raises(InvalidParamError, match="in0"):
        load_data(saved(tmp_path, in0=np.ones((5, 3, 2), np.float32)), INPUTS, None)


def test_figures_of_a_comparison() -> None:
    before = np.array([[0, 3, 4], [4, 0, 0]], np.float32)
    after = before + np.array([[0, 2, 0], [0, 0, 0]], np.float32)
    found = compare(["out"], [before], [after], np.array([2, 0]))
    (figures,) = found.outputs
    assert (figures.max_error, figures.float_range, figures.top1_agreement) == (2.0, 4.0, 0.5)
    assert figures.mean_error == pytest.approx(2 / 6)
    assert figures.snr_db == pytest.approx(10 * np.log10(41 / 4))
    assert figures.cosine == pytest.approx((3 * 5 + 16 + 16) / np.sqrt(41 * 57))
    assert (found.accuracy_float, found.accuracy_quantized) == (1.0, 0.5)


def test_figures_that_do_not_exist_are_left_out() -> None:
    (figures,) = compare(["out"], [np.zeros((2, 1), np.float32)], [np.zeros((2, 1), np.float32)], None).outputs
    assert (figures.snr_db, figures.cosine, figures.top1_agreement) == (None, None, None)


@pytest.mark.parametrize("label", [-1, 3])
def test_labels_are_elements_of_the_first_output(label: int) -> None:
    with pytest.raises(CliError, match="'out' has 3 elements"):
        compare(["out"], [np.ones((1, 3), np.float32)], [np.ones((1, 3), np.float32)], np.array([label]))


@pytest.mark.parametrize(
    ("output", "force", "text"),
    [
        ("other.onnx", False, "does not end in .tflite"),
        ("model.tflite", True, "is the model itself"),
        ("link.tflite", True, "is the model itself"),
        ("there.tflite", False, "exists; it was not touched"),
        ("missing/out.tflite", False, "its folder is missing"),
        ("folder.tflite", True, "it is a folder"),
    ],
)
def test_outputs_that_are_refused(tmp_path: Path, output: str, force: bool, text: str) -> None:
    for name in ("model.tflite", "there.tflite"):
        (tmp_path / name).write_bytes(name.encode())
    (tmp_path / "link.tflite").symlink_to(tmp_path / "model.tflite")
    (tmp_path / "folder.tflite").mkdir()
    with pytest.raises(CliError, match=text) as caught:
        ensure_output(Request(tmp_path / "model.tflite", tmp_path / "d.npz", tmp_path / output, force=force))
    assert caught.value.exit_code == Exit.USAGE


def test_outputs_that_are_taken(tmp_path: Path) -> None:
    (tmp_path / "model.tflite").write_bytes(b"")
    (tmp_path / "there.tflite").write_bytes(b"")
    for output, force in (("new.tflite", False), ("there.tflite", True)):
        ensure_output(Request(tmp_path / "model.tflite", tmp_path / "d.npz", tmp_path / output, force=force))
