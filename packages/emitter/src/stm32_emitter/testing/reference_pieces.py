# SPDX-License-Identifier: Apache-2.0
"""Cuts a .tflite model where its operators need different sets of kernels.

LiteRT gives one set of kernels to a whole interpreter. A model with an operator that the reference kernels lack is
therefore computed piece by piece: only that operator by the other set, everything else by the reference kernels.
"""

from __future__ import annotations

import copy
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from itertools import groupby
from typing import Any


class PieceError(ValueError):
    """The model cannot be cut: each interpreter has variables of its own."""


@dataclass(frozen=True)
class Piece:
    """Some operators that follow each other and are computed by one set of kernels.

    Attributes:
        model: a .tflite file with these operators; tensors have the indices that they have in the whole model.
        inputs: indices of the tensors that are given.
        outputs: indices of those that later pieces read or the model returns.
        other: whether the other set of kernels computes it.
    """

    model: bytes
    inputs: tuple[int, ...]
    outputs: tuple[int, ...]
    other: bool


def operator_key(table: Any, operator: Any) -> tuple[int, int]:
    """What kernels are found by: builtin code and version of an operator."""
    code = table.operatorCodes[operator.opcodeIndex]
    return max(code.builtinCode, code.deprecatedBuiltinCode), code.version


def pieces(model: bytes, is_other: Callable[[Any, Any, Any], bool]) -> list[Piece]:
    """The pieces of a model, in the order in which they run.

    Args:
        model: a sound .tflite file.
        is_other: tells of (model, subgraph, operator), as LiteRT's object interface has them, whether the other set of
            kernels computes the operator.

    Raises:
        PieceError: a model that would have to be cut has variables.
    """
    from ai_edge_litert import schema_py_generated as schema

    table = schema.ModelT.InitFromPackedBuf(model, 0)
    graph = table.subgraphs[0]
    runs = [(other, list(run)) for other, run in groupby(graph.operators, lambda found: is_other(table, graph, found))]
    if len(runs) == 1:
        return [Piece(model, _indices(graph.inputs), _indices(graph.outputs), runs[0][0])]
    if any(tensor.type == schema.TensorType.RESOURCE for tensor in graph.tensors):
        raise PieceError("it has variables, and an operator that the reference kernels lack")
    written = [set(_each(run, "outputs")) for _, run in runs]
    given = set(_indices(graph.inputs)).union(*written)
    found = []
    for position, (other, run) in enumerate(runs):
        inputs = _ordered(index for index in _each(run, "inputs") if index in given - written[position])
        needed = set(_indices(graph.outputs)).union(*(_each(later, "inputs") for _, later in runs[position + 1 :]))
        outputs = _ordered(index for index in _each(run, "outputs") if index in needed)
        found.append(Piece(_packed(table, graph, run, inputs, outputs), inputs, outputs, other))
    return found


def _indices(values: Any) -> tuple[int, ...]:
    return tuple(int(value) for value in values)


def _each(run: Iterable[Any], side: str) -> list[int]:
    """Tensors that a run of operators reads ("inputs") or writes ("outputs"); -1 stands for one that is left out."""
    return [int(index) for operator in run for index in getattr(operator, side) if index >= 0]


def _ordered(indices: Iterable[int]) -> tuple[int, ...]:
    return tuple(dict.fromkeys(indices))


def _packed(table: Any, graph: Any, run: Sequence[Any], inputs: Sequence[int], outputs: Sequence[int]) -> bytes:
    """The file of one piece. It names only the kernels that it calls: an interpreter asks for all that are named."""
    import flatbuffers

    piece, part = copy.copy(table), copy.copy(graph)
    part.operators = [copy.copy(operator) for operator in run]
    part.inputs, part.outputs = list(inputs), list(outputs)
    piece.subgraphs, piece.signatureDefs = [part, *table.subgraphs[1:]], None
    if len(table.subgraphs) == 1:
        used = _ordered(operator.opcodeIndex for operator in run)
        piece.operatorCodes = [table.operatorCodes[index] for index in used]
        for operator in part.operators:
            operator.opcodeIndex = used.index(operator.opcodeIndex)
    builder = flatbuffers.Builder(1 << 16)
    builder.Finish(piece.Pack(builder), b"TFL3")
    return bytes(builder.Output())
