# SPDX-License-Identifier: Apache-2.0
"""The interpreter of .pt2 models: PyTorch, which runs the exported program operator by operator."""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING, Any

import numpy as np

from stm32_cli.errors import CliError, Exit, tool_missing, usage

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence
    from pathlib import Path

    from numpy.typing import NDArray

_INSTALL = "pip install 'stm32-ai[torch]', or give the expected outputs with --npz FILE (in0, ..., out0, ...)"


def is_torch(model: Path) -> bool:
    """Whether a file is taken for a program of torch.export: by its name."""
    return model.suffix.lower() == ".pt2"


def _load(model: Path) -> tuple[Any, Any]:
    """(torch, the program).

    Raises:
        CliError: torch is not installed (exit code 5) or cannot read the file (3).
    """
    hint = "compare with stored outputs instead: --npz FILE (in0, ..., out0, ...)"
    if model.read_bytes()[:2] != b"PK":
        raise CliError(f"{model} is no program of torch.export", hint, Exit.MODEL_REFUSED)
    try:
        torch = importlib.import_module("torch")
        importlib.import_module("torch.ao.quantization.fx._decomposed")
    except ImportError as error:
        raise tool_missing("the interpreter of .pt2 models (torch) is not installed", _INSTALL) from error
    from stm32_emitter.frontends.torch.program import quiet

    try:
        with quiet():
            return torch, torch.export.load(model)
    except Exception as error:  # torch raises whatever its unpickler, its ZIP reader or its schema raise
        reason = (str(error).strip().splitlines() or [type(error).__name__])[0]
        raise CliError(f"torch refuses {model}: {reason}", hint, Exit.MODEL_REFUSED) from error


class TorchOracle:
    """Computes what the original model computes.

    Raises:
        CliError: torch is not installed (exit code 5) or refuses the model (3).
    """

    def __init__(self, model: Path) -> None:
        self._torch, program = _load(model)
        self._module = program.module()

    def invoke(self, inputs: Sequence[NDArray[Any]]) -> list[NDArray[Any]]:
        """Runs one inference.

        Args:
            inputs: one array for each input, of its shape and dtype.

        Raises:
            CliError: the inputs do not fit the model; exit code 2.
        """
        tensors = [self._torch.from_numpy(np.ascontiguousarray(value)) for value in inputs]
        try:
            with self._torch.no_grad():
                results = self._module(*tensors)
        except Exception as error:
            shapes = ", ".join(f"{value.dtype}{list(value.shape)}" for value in inputs)
            raise usage(f"the original model does not take inputs {shapes}: {error}") from error
        return [np.asarray(value.numpy()) for value in _leaves(results)]


def _leaves(results: Any) -> Iterator[Any]:
    """The tensors of a nested result in order."""
    if isinstance(results, dict):
        results = list(results.values())
    if isinstance(results, list | tuple):
        for item in results:
            yield from _leaves(item)
    else:
        yield results


def allowed_errors(model: Path) -> list[float]:
    """For each output: 1 for integers, what 1 stands for where it is dequantized at the end, else 0."""
    _, program = _load(model)
    (output,) = (node for node in program.graph.nodes if node.op == "output")
    return [_allowed(node) for node in _leaves(output.args[0])]


def _allowed(node: Any) -> float:
    found = node.meta.get("val")
    if found is not None and not found.is_floating_point():
        return 1.0
    quantized = getattr(node.target, "__name__", "") == "dequantize_per_tensor.default"
    return 1.001 * float(node.args[1]) if quantized else 0.0
