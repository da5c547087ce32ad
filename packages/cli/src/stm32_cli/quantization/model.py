# SPDX-License-Identifier: Apache-2.0
"""A model file that is run on samples of real numbers, whether its tensors are floats or integers."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Any

import numpy as np
from ai_runner.samples import quantize_array

from stm32_cli.errors import CliError, Exit, usage
from stm32_cli.validation.oracle import Oracle, expected_outputs
from stm32_cli.validation.oracle_onnx import OnnxOracle, is_onnx

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from pathlib import Path

    from ai_runner.protocol.messages import TensorInfo
    from numpy.typing import NDArray


class RunnableModel:
    """A model in its own interpreter: LiteRT's optimized kernels, or onnxruntime without optimisations.

    LiteRT's reference kernels would take minutes for large models, and its SOFTMAX of int8 ends the process where many
    classes are equally likely.

    Args:
        path: a .tflite or .onnx file.
        shapes: of an .onnx model's inputs, by name; sizes that are free otherwise are 1.

    Raises:
        CliError: the interpreter is not installed (exit code 5), or refuses the model (3); a shape that does not fit
            the model (2).
    """

    def __init__(self, path: Path, shapes: Mapping[str, tuple[int, ...]] | None = None) -> None:
        if shapes and not is_onnx(path):
            raise usage("--shape is for .onnx models; the shapes of a .tflite model are in the file")
        try:
            self._oracle = OnnxOracle(path) if is_onnx(path) else Oracle(path, exact=False)
        except CliError as error:
            if error.exit_code is Exit.MODEL_REFUSED:
                error.hint = "a model that its own interpreter refuses cannot be quantized"
            raise
        self.inputs = _fixed(self._oracle.inputs(), shapes or {})
        self.outputs = self._oracle.outputs()

    def run(self, samples: Sequence[NDArray[np.float32]]) -> list[NDArray[np.float32]]:
        """Runs the model on real numbers.

        Args:
            samples: one array for each input, shape (samples, *tensor shape).

        Returns:
            One array for each output, real numbers, shape (samples, *tensor shape).
        """
        given = [quantize_array(value, tensor) for value, tensor in zip(samples, self.inputs, strict=True)]
        results = expected_outputs(self._oracle, given)
        return [_real(value, tensor) for value, tensor in zip(results, self.outputs, strict=True)]


def _fixed(tensors: Sequence[TensorInfo], shapes: Mapping[str, tuple[int, ...]]) -> list[TensorInfo]:
    """The inputs with sizes for those that are free (0)."""
    unknown = sorted(set(shapes) - {tensor.name for tensor in tensors})
    if unknown:
        names = ", ".join(tensor.name for tensor in tensors)
        raise usage(f"a shape is given for {unknown[0]!r}, which is no input of the model", f"its inputs are {names}")
    found = []
    for tensor in tensors:
        shape = shapes.get(tensor.name) or tuple(size or 1 for size in tensor.shape)
        fits = len(shape) == len(tensor.shape)
        if not fits or any(size not in (0, chosen) for size, chosen in zip(tensor.shape, shape, strict=True)):
            wanted = [size or "?" for size in tensor.shape]
            raise usage(f"the shape {list(shape)} does not fit input {tensor.name!r}, which is {wanted} in the model")
        found.append(replace(tensor, shape=shape))
    return found


def _real(value: NDArray[Any], tensor: TensorInfo) -> NDArray[np.float32]:
    if not tensor.is_quantized:
        return value.astype(np.float32)
    return ((value.astype(np.float64) - tensor.zero_point) * tensor.scale).astype(np.float32)


def ensure_float(model: RunnableModel, path: Path) -> None:
    """Refuses a model whose inputs are not all float32.

    Raises:
        CliError: exit code 3.
    """
    for tensor in model.inputs:
        if tensor.dtype != np.float32:
            raise CliError(
                f"input {tensor.name!r} of {path} is {tensor.dtype}; only float32 models can be quantized",
                "give the float model that it was made from; a model of integers can be compiled as it is",
                Exit.MODEL_REFUSED,
            )
