# SPDX-License-Identifier: Apache-2.0
"""Which interpreter computes what an original model computes, by the kind of its file."""

from __future__ import annotations

from typing import TYPE_CHECKING

from stm32_cli.errors import usage
from stm32_cli.validation import oracle_onnx, oracle_torch
from stm32_cli.validation.oracle import Interpreter, Oracle

if TYPE_CHECKING:
    from pathlib import Path

_KERAS = (".keras", ".h5", ".hdf5")


def interpreter_of(model: Path) -> tuple[Interpreter, str]:
    """The interpreter of a model, and its name for the report.

    Raises:
        CliError: it is not installed (exit code 5), refuses the model (3), or there is none for such files (2).
    """
    if oracle_onnx.is_onnx(model):
        interpreter = oracle_onnx.OnnxOracle(model)
        return interpreter, "onnxruntime, " + ("in integers" if interpreter.integers else "without optimisations")
    if oracle_torch.is_torch(model):
        return oracle_torch.TorchOracle(model), "PyTorch, operator by operator"
    if model.suffix.lower() in _KERAS or model.is_dir():
        raise usage(
            f"{model} is compiled by way of .tflite, and only the .tflite file can be compared",
            "convert it with tf.lite.TFLiteConverter and validate the .tflite file",
        )
    oracle = Oracle(model)
    return oracle, oracle.name


def has_layers(model: Path) -> bool:
    """Whether the interpreter gives the tensors between the layers, too."""
    return not oracle_onnx.is_onnx(model) and not oracle_torch.is_torch(model)


def allowed_errors(model: Path, outputs: int) -> list[float]:
    """For each output, what it may differ by besides the usual tolerance of floats.

    Quantized ONNX models and programs of PyTorch compute with float numbers between the integers where there are no
    kernels of integers, the compiled one does not: integers may differ by 1, and floats that a dequantization gives by
    what 1 stands for. 0 for each output of a .tflite model.

    Raises:
        CliError: the package that reads the model is not installed; exit code 5.
    """
    if oracle_onnx.is_onnx(model):
        return oracle_onnx.allowed_errors(model)[:outputs]
    if oracle_torch.is_torch(model):
        return oracle_torch.allowed_errors(model)[:outputs]
    return [0.0] * outputs
