# SPDX-License-Identifier: Apache-2.0
"""A Relax function -> a graph in ONNX's terms. Layouts become Transpose nodes, which cost nothing."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray
from tvm import relax

from stm32_emitter.frontends.graph.records import Graph, GraphInput, GraphNode, counted
from stm32_emitter.frontends.relax.evaluation import evaluate_call, evaluate_node
from stm32_emitter.frontends.relax.vocabulary import CALL, REFUSED, TRANSLATORS, Names, Site, flat_arguments
from stm32_emitter.operators.scope import constant_value, dtype_of, op_name, shape_of
from stm32_emitter.passes.bindings import bindings

OPSET = 17
"""The version of ONNX's operators that nodes follow."""


@dataclass(frozen=True)
class Origin:
    """What a binding is in the model that a module was made from: operator ``index``, its type and its result."""

    index: int
    operator: str
    tensor: str


Origins = Mapping[str, Origin]
"""By the name of the binding's variable."""


class Reader:
    """The state of reading one function; it is the :class:`Site` of the translators."""

    def __init__(self, origins: Origins) -> None:
        self.nodes: list[GraphNode] = []
        self.constants: dict[str, NDArray[Any]] = {}
        self._origins = origins
        self._names: dict[relax.Expr, Names] = {}
        self._origin = Origin(0, "", "")

    def begin(self, position: int, binding: relax.Binding) -> None:
        """Called before a binding is read."""
        name = str(binding.var.name)
        operator = op_name(binding.value) or "call"
        self._origin = self._origins.get(name, Origin(position, operator, name))

    def bind(self, var: relax.Expr, names: Names) -> None:
        """``var`` stands for tensors that are known."""
        self._names[var] = names

    def names(self, expr: relax.Expr) -> Names:
        """The tensors that an argument stands for."""
        if isinstance(expr, relax.Tuple):
            return [self.name(item) for item in expr.fields]
        value = constant_value(expr)
        return self._names[expr] if value is None else self.constant(value)

    def name(self, expr: relax.Expr) -> str:
        """The tensor that an argument stands for."""
        found = self.names(expr)
        if not isinstance(found, str):
            raise TypeError("a tuple stands where a tensor is expected")
        return found

    def value(self, expr: relax.Expr) -> NDArray[Any] | None:
        """The value of an argument that is constant."""
        found = self.names(expr)
        return self.constants.get(found) if isinstance(found, str) else None

    def constant(self, array: Any) -> str:
        """The name of a constant."""
        name = f"#{len(self.constants)}"
        self.constants[name] = np.asarray(array)
        return name

    def add(self, kind: str, *inputs: str, origin: Any = None, outputs: int = 0, **attributes: Any) -> Any:
        """Adds a node; gives the name of its output, or the names of ``outputs``."""
        count = len(self.nodes)
        names = tuple(f"%{count}.{position}" for position in range(outputs or 1))
        made = self._origin
        self.nodes.append(
            GraphNode(
                made.index, kind, made.tensor, inputs, names, attributes, OPSET, origin, made.operator, made.tensor
            )
        )
        return list(names) if outputs else names[0]

    def read(self, function: relax.Function) -> Graph:
        """The whole graph."""
        inputs = tuple(GraphInput(str(p.name), shape_of(p), dtype_of(p)) for p in function.params)
        for parameter, entry in zip(function.params, inputs, strict=True):
            self.bind(parameter, entry.name)
        for position, binding in enumerate(bindings(function)):
            self.begin(position, binding)
            self.bind(binding.var, self._told(binding.value))
        result = function.body.body
        found = self.names(result)
        outputs = (found,) if isinstance(found, str) else tuple(found)
        titles = _titles(function, result, len(outputs))
        return Graph(
            tuple(self.nodes), inputs, outputs, self.constants, counted(self.nodes, outputs), evaluate_node, titles
        )

    def _told(self, value: relax.Expr) -> Names:
        try:
            return self._translated(value)
        except Exception as error:  # noqa: BLE001 - whatever a module holds that TVM allows and nobody expected
            lines = [line for line in str(error).strip().splitlines() if line.strip()]
            return self._refused(f"{type(error).__name__}: {lines[-1] if lines else ''}, so this call"[:300])

    def _translated(self, value: relax.Expr) -> Names:
        if isinstance(value, relax.TupleGetItem):
            return self.names(value.tuple_value)[int(value.index)]
        if not isinstance(value, relax.Call):
            return self.names(value) if not isinstance(value, relax.If) else self._refused("a branch (If)")
        known = self._evaluated(value)
        if known is not None:
            return self.constant(known)
        found = TRANSLATORS.get(op_name(value), CALL)(self, value)
        return CALL(self, value) if found is None else found

    def _evaluated(self, call: relax.Call) -> NDArray[Any] | None:
        """What a call computes from constants, in real numbers; None for any other, and for int8 weights."""
        if not isinstance(call.ty, relax.TensorType):
            return None
        arrays = [self.value(argument) for argument in flat_arguments(call)]
        known = [array for array in arrays if array is not None]
        return evaluate_call(call, known) if known and len(known) == len(arrays) else None

    def _refused(self, what: str) -> Names:
        return str(self.add(REFUSED, reason=f"{what} cannot be compiled"))


def _titles(function: relax.Function, result: relax.Expr, count: int) -> tuple[str, ...]:
    """Names of the outputs for people: of the variables that are returned."""
    values = relax.analysis.get_var2val(function)
    value = values.get(result, result)
    fields = list(value.fields) if isinstance(value, relax.Tuple) else [result]
    named = [str(field.name) if isinstance(field, relax.Var) else "" for field in fields]
    return tuple(name or f"output{i}" for i, name in enumerate(named)) if len(named) == count else ()


def read_relax(function: relax.Function, origins: Origins) -> Graph:
    """Reads a function.

    Args:
        function: with static shapes.
        origins: what its bindings are in another model; those that are not named are called by their variable.
    """
    return Reader(origins).read(function)


__all__ = ["Origin", "Origins", "Reader", "Site", "read_relax"]
