# SPDX-License-Identifier: Apache-2.0
"""The oracle: LiteRT's interpreter with its reference kernels (BUILTIN_REF).

Operators that are missing there (COS, ELU, ROUND), and SUM of int8 and int16, which are read as unsigned bytes there,
are computed by its other kernels, without delegates.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import tflite

Array = np.ndarray[Any, Any]
Inputs = Sequence[Array] | Mapping[str, Array]


class ReferenceMissingError(RuntimeError):
    """ai-edge-litert, which holds the reference kernels, is not installed."""


class ReferenceRefusedError(ValueError):
    """The reference interpreter does not accept the model."""


class Reference:
    """One model in the reference interpreter.

    The interpreter trusts its model: give it only models that are known to be sound, never mutants.

    Args:
        model: the .tflite file's bytes.
        keep_all: keep every intermediate tensor, so that ``tensors`` can return them.

    Raises:
        ReferenceMissingError: ai-edge-litert is not installed.
        ReferenceRefusedError: the interpreter refuses the model; the message is the interpreter's.
    """

    def __init__(self, model: bytes, *, keep_all: bool = False) -> None:
        interpreter_class, resolvers = _load()
        if _sums_bytes(model):
            resolvers = resolvers[1:]
        for position, resolver in enumerate(resolvers):
            try:
                self._interpreter = interpreter_class(
                    model_content=model,
                    experimental_op_resolver_type=resolver,
                    experimental_preserve_all_tensors=keep_all,
                )
                self._interpreter.allocate_tensors()
                break
            except (RuntimeError, ValueError) as error:
                if position + 1 < len(resolvers) and "Didn't find op" in str(error):
                    continue
                raise ReferenceRefusedError(f"the reference interpreter refuses the model: {error}") from error
        self._keep_all = keep_all
        self.inputs: list[dict[str, Any]] = self._interpreter.get_input_details()
        self.outputs: list[dict[str, Any]] = self._interpreter.get_output_details()

    def run(self, inputs: Inputs) -> list[Array]:
        """Run once.

        Args:
            inputs: arrays in the model's order, or by tensor name, with the tensors' shapes and dtypes.

        Returns:
            The outputs in the model's order.

        Raises:
            ValueError: number, name, shape or dtype of an input is wrong.
            ReferenceRefusedError: a kernel fails.
        """
        for detail, value in zip(self.inputs, self._ordered(inputs), strict=True):
            if value.dtype != detail["dtype"] or value.shape != tuple(detail["shape"]):
                expected = f"{np.dtype(detail['dtype'])}{tuple(detail['shape'])}"
                raise ValueError(f"input {detail['name']!r} is {expected}, got {value.dtype}{value.shape}")
            self._interpreter.set_tensor(detail["index"], value)
        try:
            self._interpreter.invoke()
        except (RuntimeError, ValueError) as error:
            raise ReferenceRefusedError(f"the reference interpreter fails: {error}") from error
        return [self._interpreter.get_tensor(detail["index"]) for detail in self.outputs]

    def tensors(self) -> dict[int, Array]:
        """Every tensor of the last run by index in the file; those without data (optional ones) are left out.

        Raises:
            RuntimeError: the reference was made without ``keep_all``.
        """
        if not self._keep_all:
            raise RuntimeError("make Reference(model, keep_all=True) to read intermediate tensors")
        found = {}
        for detail in self._interpreter.get_tensor_details():
            try:
                found[int(detail["index"])] = self._interpreter.get_tensor(detail["index"])
            except ValueError:
                continue
        return found

    def _ordered(self, inputs: Inputs) -> list[Array]:
        if isinstance(inputs, Mapping):
            names = [detail["name"] for detail in self.inputs]
            if set(names) != set(inputs):
                raise ValueError(f"the model's inputs are {names}, got {sorted(inputs)}")
            return [inputs[name] for name in names]
        if len(inputs) != len(self.inputs):
            raise ValueError(f"the model has {len(self.inputs)} inputs, got {len(inputs)}")
        return list(inputs)


def _sums_bytes(model: bytes) -> bool:
    """Whether a model has a SUM of int8 or int16."""
    if model[4:8] != b"TFL3":
        return False
    table = tflite.Model.GetRootAsModel(model, 0)
    graph = table.Subgraphs(0)
    for number in range(graph.OperatorsLength()):
        operator = graph.Operators(number)
        code = table.OperatorCodes(operator.OpcodeIndex())
        if code.BuiltinCode() == tflite.BuiltinOperator.SUM:
            return bool(graph.Tensors(operator.Inputs(0)).Type() in (tflite.TensorType.INT8, tflite.TensorType.INT16))
    return False


def _load() -> tuple[Any, tuple[Any, ...]]:
    """The interpreter's class, and what finds its kernels, in the order in which they are tried."""
    try:
        from ai_edge_litert.interpreter import Interpreter, OpResolverType
    except ImportError as error:
        raise ReferenceMissingError(
            "the reference interpreter is not installed; install it with: pip install ai-edge-litert"
        ) from error
    return Interpreter, (OpResolverType.BUILTIN_REF, OpResolverType.BUILTIN_WITHOUT_DEFAULT_DELEGATES)
