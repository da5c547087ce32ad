# SPDX-License-Identifier: Apache-2.0
"""What every operator is made of.

An operator file holds three things: how it is recognised in Relax (``match``), its fixed-point arithmetic (computed
when it is matched), and its kernels (``kernel``). In between it is a :class:`Fused` call, written in Relax as
``R.call_dps_packed("stm32.<KIND>", inputs)`` with the attributes on the call.
"""

from __future__ import annotations

import math
from abc import ABC, abstractmethod
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, ClassVar

import numpy as np
from numpy.typing import NDArray
from tvm import ir, relax

from stm32_emitter.operators.schedule import Schedule
from stm32_emitter.operators.scope import Scope, constant_value, dtype_of, shape_of
from stm32_emitter.target import Target
from stm32_emitter.tir.builder import Kernel

PREFIX = "stm32."
"""In front of the kind in the name of a fused call."""

Attribute = int | float | str | list[int] | list[float]


@dataclass(frozen=True)
class Fused:
    """A recognised operator: ``inputs`` are variables or constants; ``shape`` and ``dtype`` are its result's.

    With ``others``, (shape, dtype) of further results, it gives a tuple.
    """

    kind: str
    inputs: tuple[relax.Expr, ...]
    shape: tuple[int, ...]
    dtype: str
    attributes: dict[str, Attribute] = field(default_factory=dict)
    others: tuple[tuple[tuple[int, ...], str], ...] = ()

    def call(self) -> relax.Call:
        """The operator as a Relax call."""
        types = [relax.TensorType(shape, dtype) for shape, dtype in ((self.shape, self.dtype), *self.others)]
        return relax.Call(
            ir.Op.get("relax.call_dps_packed"),
            [relax.ExternFunc(PREFIX + self.kind), relax.Tuple(list(self.inputs))],
            attrs=ir.make_node("ir.DictAttrs", **self.attributes),
            ty_args=[types[0] if len(types) == 1 else relax.TupleType(types)],
        )


@dataclass(frozen=True)
class TensorSpec:
    """A tensor that a kernel sees; ``value`` is None unless it is constant."""

    shape: tuple[int, ...]
    dtype: str
    value: NDArray[Any] | None = None

    @property
    def elements(self) -> int:
        """How many elements it has."""
        return math.prod(self.shape)


@dataclass(frozen=True)
class KernelRequest:
    """What a kernel is to be made for.

    Attributes:
        kind: of the operator.
        inputs: in the order of :class:`Fused`; constants carry their value.
        output: its result, the first one where it has several.
        attributes: of the fused call.
        target: the core.
        others: its further results.
    """

    kind: str
    inputs: tuple[TensorSpec, ...]
    output: TensorSpec
    attributes: Mapping[str, Any]
    target: Target
    others: tuple[TensorSpec, ...] = ()

    @property
    def grows(self) -> bool:
        """Whether the output has more bytes than the first input: then images are walked from their end.

        The output may then overlap the input, which lies at its start; walked from the start it may where it shrinks.
        """
        first = self.inputs[0]
        sizes = [spec.elements * np.dtype(spec.dtype).itemsize for spec in (first, self.output)]
        return sizes[1] > sizes[0]

    def integer(self, name: str) -> int:
        """An integer attribute."""
        return int(self.attributes[name])

    def integers(self, name: str) -> list[int]:
        """A list of integers."""
        return [int(value) for value in self.attributes[name]]

    def constant(self, position: int) -> NDArray[Any]:
        """The value of a constant input."""
        value = self.inputs[position].value
        if value is None:
            raise ValueError(f"{self.kind}: input {position} is not constant")
        return value


class OperatorDefinition(ABC):
    """One operator of the integer or float dialect."""

    kind: ClassVar[str]
    """Its name, as TFLite spells it."""

    roots: ClassVar[tuple[str, ...]]
    """Relax operators (without ``relax.``) that can be the last one of its group; ``match`` is tried on these only."""

    updates_in_place: ClassVar[bool] = False
    """Its first input is a state, and its kernel may write the result over it."""

    @abstractmethod
    def match(self, scope: Scope, root: relax.Call) -> Fused | None:
        """The operator that ends in ``root``, or None if this is not it."""

    @abstractmethod
    def kernel(self, request: KernelRequest) -> Kernel:
        """Its kernel. Parameters of the PrimFunc: the inputs that are not constant, the constants, the outputs."""

    def schedules(self, request: KernelRequest) -> Sequence[Schedule]:
        """Every way to compute this layer exactly, the preferred one first; at least one."""
        return (Schedule("plain", lambda: self.kernel(request)),)


class MadeOperator(OperatorDefinition):
    """An operator that a frontend or a pass makes, because no arithmetic of Relax says what it computes."""

    roots: ClassVar[tuple[str, ...]] = ()

    def match(self, scope: Scope, root: relax.Call) -> Fused | None:  # noqa: ARG002
        """Never."""
        return None


def request_of(call: relax.Call, target: Target) -> KernelRequest:
    """The kernel request of a fused call."""
    inputs = tuple(TensorSpec(shape_of(a), dtype_of(a), constant_value(a)) for a in call.args[1].fields)
    result = call.ty_args[0]
    types = list(result.fields) if isinstance(result, relax.TupleType) else [result]
    outputs = [TensorSpec(tuple(int(d) for d in tensor.shape), str(tensor.dtype)) for tensor in types]
    attributes = dict(call.attrs.items()) if call.attrs is not None else {}
    return KernelRequest(kind_of(call), inputs, outputs[0], attributes, target, tuple(outputs[1:]))


def kind_of(expr: relax.Expr) -> str:
    """Kind of a fused call; empty for any other expression."""
    if not isinstance(expr, relax.Call) or not isinstance(expr.op, ir.Op):
        return ""
    if str(expr.op.name) != "relax.call_dps_packed":
        return ""
    symbol = str(expr.args[0].global_symbol)
    return symbol.removeprefix(PREFIX) if symbol.startswith(PREFIX) else ""


def unknown_value(inputs: Iterable[relax.Expr], shape: tuple[int, ...], dtype: str) -> relax.Call:
    """Stands for the result of an operator that was refused, so that the search for more refusals can go on.

    What computes its inputs is kept, for the same reason.
    """
    return Fused("REFUSED", tuple(expr for expr in inputs if isinstance(expr, relax.Var)), shape, dtype).call()


def constant(value: NDArray[Any]) -> relax.Expr:
    """A numpy array as a Relax constant of the same element type."""
    return relax.const(np.ascontiguousarray(value), str(value.dtype))
