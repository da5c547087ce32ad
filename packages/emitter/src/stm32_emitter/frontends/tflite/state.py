# SPDX-License-Identifier: Apache-2.0
"""What a model keeps from one run to the next: resource variables, and variable tensors of recurrent operators.

In Relax a state is a parameter of ``main`` behind the inputs, with the value before the run, and a result behind the
outputs, with the value after it. Initial values follow the reference interpreter: what the subgraph of CALL_ONCE
assigns, else zeros; variable tensors start with zeros, those of int8 with their zero point.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np
import tflite
from numpy.typing import NDArray

from stm32_emitter.errors import ModelRefused
from stm32_emitter.frontends.tflite.reader import Operator, Tensor, TFLiteModel, read_subgraph


@dataclass(frozen=True)
class StateVariable:
    """One state.

    Attributes:
        key: tells it from all others of the model.
        name: for people.
        initial: its value after a reset, with its shape and element type.
        assigned: whether a run may change it.
    """

    key: str
    name: str
    initial: NDArray[Any]
    assigned: bool


def variable_key(operator: Operator) -> str:
    """Key of the resource variable that a VAR_HANDLE names."""
    options = operator.options(tflite.VarHandleOptions)
    container, name = (
        text.decode("utf-8", "replace") for text in (options.Container() or b"", options.SharedName() or b"")
    )
    return f"variable {container}/{name}"


def tensor_key(tensor: Tensor) -> str:
    """Key of a variable tensor."""
    return f"tensor {tensor.index}"


def handles_of(model: TFLiteModel) -> dict[int, str]:
    """Key of the variable behind each resource tensor."""
    return {op.outputs[0].index: variable_key(op) for op in model.operators if op.kind == "VAR_HANDLE" and op.outputs}


def find_states(model: TFLiteModel) -> tuple[StateVariable, ...]:
    """The states of a model, each once, in the order in which they are first used.

    Raises:
        ModelRefused: a variable whose type changes, or with an initial value that is not constant.
    """
    initial = dict(_initial_values(model))
    found: dict[str, StateVariable] = {}
    for key, name, tensor, assigned in _uses(model):
        start = initial.get(key, found[key].initial if key in found else _zeros(tensor))
        if start.shape != tensor.shape or str(start.dtype) != tensor.dtype:
            raise ModelRefused(
                f"variable '{name}' is {start.dtype}{list(start.shape)} and {tensor.dtype}{list(tensor.shape)}"
            )
        found[key] = StateVariable(key, name, start, assigned or (key in found and found[key].assigned))
    return tuple(found.values())


def _uses(model: TFLiteModel) -> Iterator[tuple[str, str, Tensor, bool]]:
    """(key, name, a tensor of its type, whether it is assigned) wherever a state is used."""
    handles = handles_of(model)
    for operator in model.operators:
        if operator.kind in ("READ_VARIABLE", "ASSIGN_VARIABLE") and operator.input(0).index in handles:
            key = handles[operator.input(0).index]
            assigned = operator.kind == "ASSIGN_VARIABLE"
            yield (
                key,
                key.removeprefix("variable ").strip("/"),
                operator.input(1) if assigned else operator.outputs[0],
                assigned,
            )
        for tensor in operator.inputs:
            if tensor is not None and tensor.is_variable:
                yield tensor_key(tensor), tensor.name, tensor, True


def _zeros(tensor: Tensor) -> NDArray[Any]:
    q = tensor.quantization
    fill = int(q.zero_point[0]) if tensor.is_variable and tensor.dtype == "int8" and q is not None else 0
    return np.full(tensor.shape, fill, tensor.dtype)


def _initial_values(model: TFLiteModel) -> Iterator[tuple[str, NDArray[Any]]]:
    """What the subgraphs of CALL_ONCE assign."""
    for once in (op for op in model.operators if op.kind == "CALL_ONCE"):
        graph = read_subgraph(model.table, once.options(tflite.CallOnceOptions).InitSubgraphIndex())
        handles = handles_of(graph)
        for operator in graph.operators:
            if operator.kind == "ASSIGN_VARIABLE" and operator.input(0).index in handles:
                yield handles[operator.input(0).index], operator.constant(1)
            elif operator.kind != "VAR_HANDLE":
                raise ModelRefused(
                    f"its subgraph computes something ({operator.kind}); only constants can be assigned at the start",
                    operator=once.kind,
                    index=once.index,
                )
