# SPDX-License-Identifier: Apache-2.0
"""The original model's interpreter: LiteRT with its reference kernels."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING, Any, Protocol

import numpy as np
from ai_runner.protocol.messages import TensorInfo

from stm32_cli.errors import CliError, Exit, tool_missing, usage

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from numpy.typing import NDArray

_INSTALL = "pip install 'stm32-ai[validate]', or give the expected outputs with --npz FILE (in0, ..., out0, ...)"


def load_interpreter_class() -> Any:
    """The module `ai_edge_litert.interpreter`.

    Raises:
        CliError: it is not installed; exit code 5.
    """
    os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")
    try:
        from ai_edge_litert import interpreter
    except ImportError as error:
        raise tool_missing(
            "the interpreter of the original model (ai-edge-litert) is not installed", _INSTALL
        ) from error
    return interpreter


class Interpreter(Protocol):
    """Computes what the original model computes."""

    def invoke(self, inputs: Sequence[NDArray[Any]]) -> list[NDArray[Any]]:
        """The outputs for one array for each input."""


class Oracle:
    """Computes what the original model computes.

    Args:
        model: a .tflite file.
        every_tensor: keep the intermediate tensors, for `tensor`.
        exact: use the reference kernels; else the optimized ones, which are many times faster and may round otherwise.

    Raises:
        CliError: LiteRT is not installed (exit code 5) or refuses the model (3).
    """

    def __init__(self, model: Path, *, every_tensor: bool = False, exact: bool = True) -> None:
        module = load_interpreter_class()
        kinds = module.OpResolverType
        try:
            self._interpreter = module.Interpreter(
                model_content=model.read_bytes(),
                experimental_op_resolver_type=kinds.BUILTIN_REF if exact else kinds.BUILTIN_WITHOUT_DEFAULT_DELEGATES,
                experimental_preserve_all_tensors=every_tensor,
            )
            self._interpreter.allocate_tensors()
        except (ValueError, RuntimeError) as error:
            hint = "compare with stored outputs instead: --npz FILE (in0, ..., out0, ...)"
            raise CliError(f"the original's interpreter refuses {model}: {error}", hint, Exit.MODEL_REFUSED) from error
        self._inputs = self._interpreter.get_input_details()
        self._outputs = self._interpreter.get_output_details()

    def invoke(self, inputs: Sequence[NDArray[Any]]) -> list[NDArray[Any]]:
        """Runs one inference.

        Args:
            inputs: one array for each input, of its shape and dtype.

        Returns:
            The outputs.

        Raises:
            CliError: the inputs do not fit the model; exit code 2.
        """
        if len(inputs) != len(self._inputs):
            raise usage(f"{len(inputs)} inputs given, the original model has {len(self._inputs)}")
        for value, detail in zip(inputs, self._inputs, strict=True):
            if value.dtype != detail["dtype"] or value.size != int(np.prod(detail["shape"])):
                wanted = f"{np.dtype(detail['dtype'])}{list(detail['shape'])}"
                raise usage(
                    f"input {detail['name']!r} of the original model is {wanted}, not {value.dtype}{list(value.shape)}"
                )
            self._interpreter.set_tensor(detail["index"], value.reshape(detail["shape"]))
        self._interpreter.invoke()
        return [self._interpreter.get_tensor(detail["index"]) for detail in self._outputs]

    def inputs(self) -> list[TensorInfo]:
        """The model's inputs, with scale and zero point where they are integers."""
        return [_info(detail) for detail in self._inputs]

    def outputs(self) -> list[TensorInfo]:
        """Likewise."""
        return [_info(detail) for detail in self._outputs]

    def tensor(self, index: int) -> NDArray[Any]:
        """A tensor of the last inference, by its index in the model file (needs every_tensor)."""
        found: NDArray[Any] = self._interpreter.get_tensor(index)
        return found


def _info(detail: Any) -> TensorInfo:
    scale, zero_point = detail["quantization"]
    shape = tuple(int(size) for size in detail["shape"])
    return TensorInfo(detail["name"], shape, np.dtype(detail["dtype"]), float(scale), int(zero_point))


def expected_outputs(oracle: Interpreter, inputs: Sequence[NDArray[Any]]) -> list[NDArray[Any]]:
    """Runs a series of samples.

    Args:
        oracle: the interpreter.
        inputs: one array for each input, shape (samples, *tensor shape).

    Returns:
        One array for each output, shape (samples, *tensor shape).
    """
    results = [oracle.invoke(sample) for sample in zip(*inputs, strict=True)]
    return [np.stack(column) for column in zip(*results, strict=True)]
