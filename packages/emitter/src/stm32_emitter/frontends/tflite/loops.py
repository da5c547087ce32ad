# SPDX-License-Identifier: Apache-2.0
"""WHILE and IF whose conditions are known at compile time are replaced by the operators that would run.

Keras writes recurrent layers that it does not fuse (GRU, SimpleRNN, those with masks) as loops over a counter. Each
pass becomes operators of its own; the counter, and what follows from it, is computed here. Operators whose conditions
depend on data are left, and refused by name later.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import replace
from typing import Any

import numpy as np
import tflite

from stm32_emitter.errors import ModelRefused
from stm32_emitter.frontends.tflite.folding import fold
from stm32_emitter.frontends.tflite.lists import Lists
from stm32_emitter.frontends.tflite.reader import Operator, Quantization, Tensor, TFLiteModel, read_subgraph

CONTROL = ("WHILE", "IF")
MOST_OPERATORS = 20_000
"""Of all passes of all loops of a model; more would not be planned in a reasonable time."""
_HINT = "Give the layer fewer steps, or end the model in front of it."


def unrolled(model: TFLiteModel) -> TFLiteModel:
    """A model without WHILE and IF, as far as their conditions are known.

    Operators and tensors of subgraphs get indices behind those of the file; ``Operator.inside`` has the index of the
    WHILE or IF in the file.

    Raises:
        ModelRefused: a damaged file, or more passes than can be compiled.
    """
    if not any(operator.kind in CONTROL for operator in model.operators):
        return model
    try:
        unroller = _Unroller(model)
        operators = list(unroller.replaced(model.operators, {}, None))
        outputs = [unroller.output(tensor) for tensor in model.outputs]
        operators += unroller.lists_of(outputs)
    except ModelRefused:
        raise
    except Exception as error:
        raise ModelRefused(
            f"a loop or a branch of the file is damaged ({type(error).__name__} while following it)",
            hint="Export or download the model again.",
        ) from error
    return replace(model, operators=tuple(operators), outputs=tuple(outputs))


class _Unroller:
    """Gives indices to what is copied, and knows the values of tensors that control operators have computed."""

    def __init__(self, model: TFLiteModel) -> None:
        self._table = model.table
        graphs = [self._table.Subgraphs(number) for number in range(self._table.SubgraphsLength())]
        self._next_operator = len(model.operators)
        self._next_tensor = max(graph.TensorsLength() for graph in graphs)  # indices of no graph of the file
        self._graphs: dict[int, TFLiteModel] = {}
        self._outer: dict[int, Tensor] = {}
        self._lists = Lists()
        self._effort = 0

    def output(self, tensor: Tensor) -> Tensor:
        """An output of the model: what computes it, under its own name."""
        found = self._outer.get(tensor.index, tensor)
        return replace(found, name=tensor.name)

    def replaced(
        self, operators: tuple[Operator, ...], tensors: dict[int, Tensor], inside: int | None
    ) -> Iterator[Operator]:
        """Operators of a graph, control operators replaced; ``tensors`` says what stands for a tensor, and grows."""
        if inside is None:
            self._outer = tensors
        for given in operators:
            operator = replace(given, inputs=tuple(t and tensors.get(t.index, t) for t in given.inputs))
            place = given.index if inside is None else inside
            if operator.kind not in CONTROL:
                yield from self._kept(operator, given, tensors, inside)
                continue
            try:
                passes = self._passes(operator, place)
            except ModelRefused as refusal:
                raise refusal.at(operator.kind, place, given.outputs[0].name if given.outputs else "") from None
            if passes is None:
                yield from self._kept(operator, given, tensors, inside)
                continue
            copies, results = passes
            yield from copies
            tensors.update({t.index: result for t, result in zip(given.outputs, results, strict=True)})

    def _kept(
        self, operator: Operator, given: Operator, tensors: dict[int, Tensor], inside: int | None
    ) -> Iterator[Operator]:
        """The operator, as a copy where it is in a subgraph; what is computed here is known from then on."""
        values = fold(operator) if operator.outputs else None
        if inside is not None and values is None:
            row = self._lists.follow(operator, self._fresh)
            if row is not None:
                tensors[given.outputs[0].index] = row
                return
        for tensor in operator.inputs:
            if tensor is not None and tensor in self._lists:
                yield from self._computed(tensor, given.index if inside is None else inside)
        if inside is not None:
            operator = self._copy(operator, inside)
            tensors.update({t.index: copy for t, copy in zip(given.outputs, operator.outputs, strict=True)})
        if values is not None:
            known = (replace(t, data=value) for t, value in zip(operator.outputs, values, strict=True))
            tensors.update({t.index: tensor for t, tensor in zip(given.outputs, known, strict=True)})
        yield operator

    def _copy(self, operator: Operator, inside: int) -> Operator:
        if operator.table.IntermediatesLength():
            raise ModelRefused(f"{operator.kind} in a loop keeps numbers beside its tensors", hint=_HINT)
        outputs = (replace(t, shape=(), ranked=False) if t.open else t for t in operator.outputs)
        return self._placed(replace(operator, outputs=tuple(self._fresh(tensor) for tensor in outputs)), inside)

    def _placed(self, operator: Operator, inside: int) -> Operator:
        self._next_operator += 1
        return replace(operator, index=self._next_operator - 1, inside=inside)

    def _computed(self, tensor: Tensor, place: int) -> list[Operator]:
        return [self._placed(operator, place) for operator in self._lists.computed(tensor, self._fresh)]

    def lists_of(self, tensors: Iterable[Tensor]) -> list[Operator]:
        """The operators of lists that are outputs of the model."""
        return [op for t in tensors if t in self._lists for op in self._computed(t, self._next_operator)]

    def _fresh(self, tensor: Tensor) -> Tensor:
        self._next_tensor += 1
        return replace(tensor, index=self._next_tensor - 1)

    def _graph(self, number: int) -> TFLiteModel:
        """A subgraph whose constants and variables have indices of the model."""
        if number not in self._graphs:
            graph = read_subgraph(self._table, number)
            own = {t.index: self._fresh(t) for t in graph.tensors if t.data is not None or t.is_variable}
            operators = tuple(
                replace(op, inputs=tuple(t and own.get(t.index, t) for t in op.inputs)) for op in graph.operators
            )
            outputs = tuple(own.get(t.index, t) for t in graph.outputs)
            self._graphs[number] = replace(graph, operators=operators, outputs=outputs)
        return self._graphs[number]

    def _run(self, number: int, given: tuple[Tensor, ...], place: int) -> tuple[list[Operator], list[Tensor]]:
        """The operators of one pass through a subgraph, and what stands for its outputs."""
        graph = self._graph(number)
        self._effort += 1 + len(graph.operators)
        if self._effort > MOST_OPERATORS:
            raise ModelRefused(f"its passes have more than {MOST_OPERATORS} operators", hint=_HINT)
        if len(graph.inputs) != len(given):
            raise ModelRefused(f"it gives {len(given)} tensors to a graph of {len(graph.inputs)}")
        for inner, outer in zip(graph.inputs, given, strict=True):
            if not _alike(inner, outer):
                raise ModelRefused(
                    f"'{outer.name}' ({outer.dtype}{list(outer.shape)}) is passed on as '{inner.name}' "
                    f"({inner.dtype}{list(inner.shape)}), which has another type, shape or scale"
                )
        tensors = {inner.index: _declared(inner, outer) for inner, outer in zip(graph.inputs, given, strict=True)}
        operators = list(self.replaced(graph.operators, tensors, place))
        return operators, [tensors.get(t.index, t) for t in graph.outputs]

    def _passes(self, operator: Operator, place: int) -> tuple[list[Operator], list[Tensor]] | None:
        """(operators, results) of a control operator; None where its condition depends on data."""
        given = tuple(tensor for tensor in operator.inputs if tensor is not None)
        return self._loop(operator, given, place) if operator.kind == "WHILE" else self._branch(operator, given, place)

    def _branch(
        self, operator: Operator, given: tuple[Tensor, ...], place: int
    ) -> tuple[list[Operator], list[Tensor]] | None:
        options = operator.options(tflite.IfOptions)
        condition = given[0].data if given else None
        if condition is None or not options.ThenSubgraphIndex() or not options.ElseSubgraphIndex():
            return None
        number = options.ThenSubgraphIndex() if bool(condition.ravel()[0]) else options.ElseSubgraphIndex()
        return self._run(number, given[1:], place)

    def _loop(
        self, operator: Operator, given: tuple[Tensor, ...], place: int
    ) -> tuple[list[Operator], list[Tensor]] | None:
        options = operator.options(tflite.WhileOptions)
        if not options.CondSubgraphIndex() or not options.BodySubgraphIndex():
            return None
        copies: list[Operator] = []
        values = list(given)
        while True:
            condition = self._condition(options.CondSubgraphIndex(), values)
            if condition is None:
                return None
            if not condition:
                return copies, values
            operators, values = self._run(options.BodySubgraphIndex(), tuple(values), place)
            copies += operators

    def _condition(self, number: int, given: list[Tensor]) -> bool | None:
        """The value of a condition's subgraph; None if it depends on data."""
        graph = self._graph(number)
        tensors = {inner.index: outer for inner, outer in zip(graph.inputs, given, strict=True)}
        for operator in graph.operators:
            known = replace(operator, inputs=tuple(t and tensors.get(t.index, t) for t in operator.inputs))
            values = fold(known)
            if values is None:
                return None
            computed = zip(operator.outputs, values, strict=True)
            tensors.update({t.index: replace(t, data=value) for t, value in computed})
        result = tensors.get(graph.outputs[0].index, graph.outputs[0]).data
        return None if result is None else bool(result.ravel()[0])


def _declared(inner: Tensor, outer: Tensor) -> Tensor:
    """``outer`` with the shape that a subgraph declares, where nothing else says it."""
    return outer if outer.ranked or inner.open else replace(outer, shape=inner.shape, ranked=True)


def _alike(one: Tensor, other: Tensor) -> bool:
    same_shape = one.shape == other.shape or one.open or not (one.ranked and other.ranked)
    return same_shape and one.dtype == other.dtype and _numbers(one.quantization) == _numbers(other.quantization)


def _numbers(quantization: Quantization | None) -> Any:
    if quantization is None:
        return None
    return np.asarray(quantization.scale).tolist(), np.asarray(quantization.zero_point).tolist()
