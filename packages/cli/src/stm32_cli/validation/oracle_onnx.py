# SPDX-License-Identifier: Apache-2.0
"""The interpreter of .onnx models: onnxruntime.

Models of float32 run without optimisations, node by node. In a quantized model (QDQ) that would compute in float32
between the integers, with sums whose last bits depend on the machine; there onnxruntime's optimisations put its kernels
of integers in place of such groups (QLinearConv and its like), which is what a user of the model sees. Two of its
options make them exact on every machine: on x86 without VNNI, sums of unsigned by signed bytes saturate at 16 bits
(``x64quantprecision`` takes the kernels that do not), and int8 activations are kept in float32 where a tensor has two
readers (``qdqisint8allowed`` takes the kernels for int8).
"""

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

    Attributes:
        integers: whether the groups of a quantized model are computed in integers.
    """

    def __init__(self, model: Path) -> None:
        try:
            import onnxruntime
        except ImportError as error:
            raise tool_missing("the interpreter of .onnx models (onnxruntime) is not installed", _INSTALL) from error
        data = model.read_bytes()
        try:
            found = _integer_session(onnxruntime, data)
            self.integers = found is not None
            self._session: Any = _session(onnxruntime, data) if found is None else found
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


def _session(onnxruntime: Any, data: bytes, entry: str = "") -> Any:
    """Without optimisations; or with those that put integers in place of quantized groups, and the option ``entry``."""
    options, levels = onnxruntime.SessionOptions(), onnxruntime.GraphOptimizationLevel
    options.graph_optimization_level = levels.ORT_ENABLE_EXTENDED if entry else levels.ORT_DISABLE_ALL
    options.log_severity_level = 4
    if entry:
        options.add_session_config_entry(f"session.{entry}", "1")
    return onnxruntime.InferenceSession(data, options, providers=["CPUExecutionProvider"])


def _integer_session(onnxruntime: Any, data: bytes) -> Any | None:
    """For a quantized model; None for any other, and where onnxruntime lacks a kernel of integers for it."""
    dtype = _quantized_dtype(data)
    if dtype is None:
        return None
    try:
        return _session(onnxruntime, data, "x64quantprecision" if dtype == "uint8" else "qdqisint8allowed")
    except Exception:  # noqa: BLE001 - see OnnxOracle; the other session tells what is wrong with the model itself
        return None


def _quantized_dtype(data: bytes) -> str | None:
    """The element type of the activations of a quantized model: that of most QuantizeLinear nodes' results."""
    try:
        import onnx
        import onnx.numpy_helper
    except ImportError:
        return None
    graph = onnx.load_from_string(data).graph
    constants = {tensor.name: tensor for tensor in graph.initializer}
    names = [node.input[2] for node in graph.node if node.op_type == "QuantizeLinear" and len(node.input) > 2]
    found = [str(onnx.numpy_helper.to_array(constants[name]).dtype) for name in names if name in constants]
    return max(set(found), key=found.count) if found else None


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
