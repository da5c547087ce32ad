# SPDX-License-Identifier: Apache-2.0
"""The oracle: LiteRT's interpreter with its reference kernels (BUILTIN_REF).

Operators that are missing there (COS, ELU, ROUND, TILE of int16), and SUM of int8 and int16, which are read as unsigned
bytes there, are computed by its other kernels, without delegates; all other operators of such a model still are by the
reference kernels.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from contextlib import suppress
from typing import Any

import numpy as np
import tflite

from stm32_emitter.testing.reference_pieces import Piece, operator_key, pieces

Array = np.ndarray[Any, Any]
Inputs = Sequence[Array] | Mapping[str, Array]
_BYTES = (tflite.TensorType.INT8, tflite.TensorType.INT16)
_LACKING = re.compile(r"Didn't find op for builtin opcode '(\w+)' version '(\d+)'")


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
        exact: use the reference kernels; else the other ones throughout, which are many times faster and may round
            otherwise.

    Attributes:
        inputs: LiteRT's details of the inputs, in the model's order.
        outputs: likewise of the outputs.
        others: names of the operators that the reference kernels lack and other kernels compute; mostly none.

    Raises:
        ReferenceMissingError: ai-edge-litert is not installed.
        ReferenceRefusedError: the interpreter refuses the model; the message is the interpreter's.
    """

    def __init__(self, model: bytes, *, keep_all: bool = False, exact: bool = True) -> None:
        if model[4:8] != b"TFL3":
            raise ReferenceRefusedError("the reference interpreter refuses the model: it is no .tflite file")
        make, *kinds = _load()

        def interpreter(piece: Piece) -> Any:
            kernels = kinds[piece.other or not exact]
            found = make(piece.model, experimental_op_resolver_type=kernels, experimental_preserve_all_tensors=keep_all)
            found.allocate_tensors()
            return found

        self._parts = _parts(model, interpreter)
        self._keep_all = keep_all
        details = {int(detail["index"]): detail for _, part in self._parts for detail in part.get_tensor_details()}
        inputs, outputs = _ends(model)
        self.inputs: list[dict[str, Any]] = [details[index] for index in inputs]
        self.outputs: list[dict[str, Any]] = [details[index] for index in outputs]
        self.others = _operators(part for piece, part in self._parts if piece.other)

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
        values: dict[int, Array] = {}
        for detail, value in zip(self.inputs, self._ordered(inputs), strict=True):
            if value.dtype != detail["dtype"] or value.shape != tuple(detail["shape"]):
                expected = f"{np.dtype(detail['dtype'])}{tuple(detail['shape'])}"
                raise ValueError(f"input {detail['name']!r} is {expected}, got {value.dtype}{value.shape}")
            values[int(detail["index"])] = value
        try:
            for piece, part in self._parts:
                _run_part(piece, part, values)
        except (RuntimeError, ValueError) as error:
            raise ReferenceRefusedError(f"the reference interpreter fails: {error}") from error
        return [values[int(detail["index"])] for detail in self.outputs]

    def tensors(self) -> dict[int, Array]:
        """Every tensor that an operator read or wrote in the last run, by index in the file; empty ones are left out.

        Raises:
            RuntimeError: the reference was made without ``keep_all``.
        """
        if not self._keep_all:
            raise RuntimeError("make Reference(model, keep_all=True) to read intermediate tensors")
        return {index: value for _, part in self._parts for index, value in _tensors(part).items()}

    def _ordered(self, inputs: Inputs) -> list[Array]:
        if isinstance(inputs, Mapping):
            names = [detail["name"] for detail in self.inputs]
            if set(names) != set(inputs):
                raise ValueError(f"the model's inputs are {names}, got {sorted(inputs)}")
            return [inputs[name] for name in names]
        if len(inputs) != len(self.inputs):
            raise ValueError(f"the model has {len(self.inputs)} inputs, got {len(inputs)}")
        return list(inputs)


def _parts(model: bytes, interpreter: Callable[[Piece], Any]) -> list[tuple[Piece, Any]]:
    """The pieces of a model, each with its interpreter. Which operators lack kernels is known only by asking."""
    lacking: set[tuple[int, int]] = set()
    sums = _sums_bytes(model)
    while True:
        try:
            cut = _cut(model, lacking) if lacking or sums else [Piece(model, *_ends(model), other=False)]
            return [(piece, interpreter(piece)) for piece in cut]
        except (RuntimeError, ValueError) as error:
            found = _LACKING.search(str(error))
            key = (getattr(tflite.BuiltinOperator, found[1], -1), int(found[2])) if found else None
            if key is None or key in lacking:
                raise ReferenceRefusedError(f"the reference interpreter refuses the model: {error}") from error
            lacking.add(key)


def _cut(model: bytes, lacking: Collection[tuple[int, int]]) -> list[Piece]:
    def is_other(table: Any, graph: Any, operator: Any) -> bool:
        key = operator_key(table, operator)
        sums = key[0] == tflite.BuiltinOperator.SUM and graph.tensors[operator.inputs[0]].type in _BYTES
        return sums or key in lacking

    return pieces(model, is_other)


def _run_part(piece: Piece, part: Any, values: dict[int, Array]) -> None:
    """Runs a piece on what is in ``values`` and adds what it gives."""
    for index in piece.inputs:
        part.set_tensor(index, values[index])
    part.invoke()
    values.update({index: part.get_tensor(index) for index in piece.outputs})


def _tensors(part: Any) -> dict[int, Array]:
    """What the operators of an interpreter read and wrote. It does not ask for variables: LiteRT reads wild memory."""
    used = {int(i) for found in part._get_ops_details() for side in ("inputs", "outputs") for i in found[side]}  # noqa: SLF001
    values = {}
    for detail in part.get_tensor_details():
        if detail["index"] in used and detail["dtype"] is not np.object_:
            with suppress(ValueError):  # without data
                values[int(detail["index"])] = part.get_tensor(detail["index"])
    return values


def _operators(parts: Iterable[Any]) -> tuple[str, ...]:
    return tuple(sorted({str(detail["op_name"]) for part in parts for detail in part._get_ops_details()}))  # noqa: SLF001


def _ends(model: bytes) -> tuple[tuple[int, ...], tuple[int, ...]]:
    """Indices of the inputs and outputs of a model."""
    graph = tflite.Model.GetRootAsModel(model, 0).Subgraphs(0)
    inputs = tuple(graph.Inputs(number) for number in range(graph.InputsLength()))
    return inputs, tuple(graph.Outputs(number) for number in range(graph.OutputsLength()))


def _sums_bytes(model: bytes) -> bool:
    """Whether a model has a SUM of int8 or int16."""
    table = tflite.Model.GetRootAsModel(model, 0)
    graph = table.Subgraphs(0)
    for number in range(graph.OperatorsLength()):
        operator = graph.Operators(number)
        code = table.OperatorCodes(operator.OpcodeIndex())
        if code.BuiltinCode() == tflite.BuiltinOperator.SUM and graph.Tensors(operator.Inputs(0)).Type() in _BYTES:
            return True
    return False


def _load() -> tuple[Any, Any, Any]:
    """The interpreter's class, the reference kernels, and the other ones."""
    try:
        from ai_edge_litert.interpreter import Interpreter, OpResolverType
    except ImportError as error:
        raise ReferenceMissingError(
            "the reference interpreter is not installed; install it with: pip install ai-edge-litert"
        ) from error

    def make(model: bytes, **options: Any) -> Any:
        return Interpreter(model_content=model, **options)

    return make, OpResolverType.BUILTIN_REF, OpResolverType.BUILTIN_WITHOUT_DEFAULT_DELEGATES
