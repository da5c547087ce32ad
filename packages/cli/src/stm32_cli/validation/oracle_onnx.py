# SPDX-License-Identifier: Apache-2.0
"""The interpreter of .onnx models: onnxruntime without optimisations."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
from ai_runner.protocol.messages import TensorInfo

from stm32_cli.errors import CliError, Exit, tool_missing, usage

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from numpy.typing import NDArray

_INSTALL = "pip install 'stm32-ai[validate]', or give the expected outputs with --npz FILE (in0, ..., out0, ...)"


def is_onnx(model: Path) -> bool:
    """Whether a file is taken for an ONNX model: by its name."""
    return model.suffix.lower() == ".onnx"


class OnnxOracle:
    """Computes what the original model computes.

    Raises:
        CliError: onnxruntime is not installed (exit code 5) or refuses the model (3).
    """

    def __init__(self, model: Path) -> None:
        try:
            import onnxruntime
        except ImportError as error:
            raise tool_missing("the interpreter of .onnx models (onnxruntime) is not installed", _INSTALL) from error
        options = onnxruntime.SessionOptions()
        options.graph_optimization_level = onnxruntime.GraphOptimizationLevel.ORT_DISABLE_ALL
        options.log_severity_level = 4
        try:
            self._session: Any = onnxruntime.InferenceSession(
                model.read_bytes(), options, providers=["CPUExecutionProvider"]
            )
        except Exception as error:  # onnxruntime has a class of error for each status, all unnamed in public
            hint = "compare with stored outputs instead: --npz FILE (in0, ..., out0, ...)"
            raise CliError(f"onnxruntime refuses {model}: {error}", hint, Exit.MODEL_REFUSED) from error
        self._names = [entry.name for entry in self._session.get_inputs()]

    def invoke(self, inputs: Sequence[NDArray[Any]]) -> list[NDArray[Any]]:
        """Runs one inference.

        Args:
            inputs: one array for each input, of its shape and dtype.

        Raises:
            CliError: the inputs do not fit the model; exit code 2.
        """
        if len(inputs) != len(self._names):
            raise usage(f"{len(inputs)} inputs given, the original model has {len(self._names)}")
        try:
            results = self._session.run(None, dict(zip(self._names, inputs, strict=True)))
        except Exception as error:
            shapes = ", ".join(f"{value.dtype}{list(value.shape)}" for value in inputs)
            raise usage(f"the original model does not take inputs {shapes}: {error}") from error
        return [np.asarray(value) for value in results]

    def inputs(self) -> list[TensorInfo]:
        """The model's inputs; a size that is free is 0."""
        return [_info(entry) for entry in self._session.get_inputs()]

    def outputs(self) -> list[TensorInfo]:
        """Likewise."""
        return [_info(entry) for entry in self._session.get_outputs()]


_DTYPES = {"float": "float32", "double": "float64"}


def _info(entry: Any) -> TensorInfo:
    """A tensor as onnxruntime describes it: its type is text like "tensor(int8)"."""
    kind = str(entry.type).removeprefix("tensor(").removesuffix(")")
    shape = tuple(size if isinstance(size, int) else 0 for size in entry.shape)
    try:
        return TensorInfo(entry.name, shape, np.dtype(_DTYPES.get(kind, kind)))
    except TypeError as error:
        raise CliError(
            f"tensor {entry.name!r} of the model is {entry.type}, which holds no numbers", "", Exit.MODEL_REFUSED
        ) from error


def allowed_errors(model: Path) -> list[float]:
    """For each output: 1 for integers, what 1 stands for where it is dequantized at the end, else 0.

    Raises:
        CliError: the package `onnx` is not installed; exit code 5.
    """
    try:
        import onnx
        import onnx.numpy_helper
    except ImportError as error:
        raise tool_missing("reading an .onnx model needs the package onnx", "pip install onnx") from error
    graph = onnx.load(model).graph
    constants = {tensor.name: onnx.numpy_helper.to_array(tensor) for tensor in graph.initializer}
    scales = {
        node.output[0]: constants[node.input[1]]
        for node in graph.node
        if node.op_type == "DequantizeLinear" and node.input[1] in constants
    }
    return [_allowed(value, scales) for value in graph.output]


def _allowed(value: Any, scales: dict[str, NDArray[Any]]) -> float:
    if value.type.tensor_type.elem_type != 1:
        return 1.0
    scale = scales.get(value.name)
    return 0.0 if scale is None else 1.001 * float(np.max(scale))
