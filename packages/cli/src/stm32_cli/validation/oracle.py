# SPDX-License-Identifier: Apache-2.0
"""The original model's interpreter: LiteRT with its reference kernels."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING, Any, Protocol

import numpy as np
from ai_runner.protocol.messages import TensorInfo

from stm32_cli.errors import CliError, Exit, tool_missing, usage

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from pathlib import Path

    from numpy.typing import NDArray

_INSTALL = "pip install 'stm32-ai[validate]', or give the expected outputs with --npz FILE (in0, ..., out0, ...)"


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

    Attributes:
        name: for reports: which kernels compute.

    Raises:
        CliError: LiteRT is not installed (exit code 5) or refuses the model (3).
    """

    def __init__(self, model: Path, *, every_tensor: bool = False, exact: bool = True) -> None:
        os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")
        from stm32_emitter.testing.reference import Reference, ReferenceMissingError, ReferenceRefusedError

        try:
            self._reference = Reference(model.read_bytes(), keep_all=every_tensor, exact=exact)
        except ReferenceMissingError as error:
            missing = "the interpreter of the original model (ai-edge-litert) is not installed"
            raise tool_missing(missing, _INSTALL) from error
        except ReferenceRefusedError as error:
            hint = "compare with stored outputs instead: --npz FILE (in0, ..., out0, ...)"
            raise CliError(f"{model}: {error}", hint, Exit.MODEL_REFUSED) from error
        others = f"; {', '.join(self._reference.others)}, which they lack, by its other kernels"
        self.name = f"LiteRT interpreter, reference kernels{others if self._reference.others else ''}"

    def invoke(self, inputs: Sequence[NDArray[Any]]) -> list[NDArray[Any]]:
        """Runs one inference.

        Args:
            inputs: one array for each input, of its shape and dtype.

        Returns:
            The outputs.

        Raises:
            CliError: the inputs do not fit the model; exit code 2.
        """
        details = self._reference.inputs
        if len(inputs) != len(details):
            raise usage(f"{len(inputs)} inputs given, the original model has {len(details)}")
        for value, detail in zip(inputs, details, strict=True):
            if value.dtype != detail["dtype"] or value.size != int(np.prod(detail["shape"])):
                wanted = f"{np.dtype(detail['dtype'])}{list(detail['shape'])}"
                raise usage(
                    f"input {detail['name']!r} of the original model is {wanted}, not {value.dtype}{list(value.shape)}"
                )
        shaped = [value.reshape(detail["shape"]) for value, detail in zip(inputs, details, strict=True)]
        return self._reference.run(shaped)

    def inputs(self) -> list[TensorInfo]:
        """The model's inputs, with scale and zero point where they are integers."""
        return [_info(detail) for detail in self._reference.inputs]

    def outputs(self) -> list[TensorInfo]:
        """Likewise."""
        return [_info(detail) for detail in self._reference.outputs]

    def tensors(self) -> Mapping[int, NDArray[Any]]:
        """What the operators read and wrote in the last inference, by index in the model file (needs every_tensor)."""
        return self._reference.tensors()


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
