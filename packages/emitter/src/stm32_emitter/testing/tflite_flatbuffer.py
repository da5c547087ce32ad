# SPDX-License-Identifier: Apache-2.0
"""The tables of a .tflite file that depend on nothing but the schema; :mod:`.tflite_writer` writes models with them."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import tflite

from .tflite_options import builtin_code

BUFFER_ALIGNMENT = 16
"""force_align of Buffer.data in the schema."""
CUSTOM = "CUSTOM "
"""In front of the code of a custom operator."""
_SCHEMA_VERSION = 3


def ints(builder: Any, values: Sequence[int], kind: str = "Int32") -> int:
    """A vector of integers."""
    start, prepend = {"Int32": (4, builder.PrependInt32), "Int64": (8, builder.PrependInt64)}[kind]
    builder.StartVector(start, len(values), start)
    for value in reversed(values):
        prepend(int(value))
    return int(builder.EndVector())


def floats(builder: Any, values: Sequence[float]) -> int:
    """A vector of float32."""
    builder.StartVector(4, len(values), 4)
    for value in reversed(values):
        builder.PrependFloat32(value)
    return int(builder.EndVector())


def offsets(builder: Any, offsets: Sequence[int]) -> int:
    """A vector of tables."""
    builder.StartVector(4, len(offsets), 4)
    for offset in reversed(offsets):
        builder.PrependUOffsetTRelative(offset)
    return int(builder.EndVector())


def subgraph(
    builder: Any, tensors: Sequence[int], operators: Sequence[int], inputs: Sequence[int], outputs: Sequence[int]
) -> int:
    """A graph of tensors and operators that are written already."""
    name = builder.CreateString("main")
    tensor_vector = offsets(builder, tensors)
    operator_vector = offsets(builder, operators)
    input_vector = ints(builder, inputs)
    output_vector = ints(builder, outputs)
    tflite.SubGraphStart(builder)
    tflite.SubGraphAddTensors(builder, tensor_vector)
    tflite.SubGraphAddInputs(builder, input_vector)
    tflite.SubGraphAddOutputs(builder, output_vector)
    tflite.SubGraphAddOperators(builder, operator_vector)
    tflite.SubGraphAddName(builder, name)
    return int(tflite.SubGraphEnd(builder))


def byte_vector(builder: Any, payload: bytes) -> int:
    """A vector of bytes, aligned as the schema asks of constants."""
    builder.StartVector(1, len(payload), BUFFER_ALIGNMENT)
    head = builder.Head() - len(payload)
    builder.head = head
    builder.Bytes[head : head + len(payload)] = payload
    return int(builder.EndVector())


def aligned(length: int) -> int:
    """The length up to the next buffer."""
    return -(-length // BUFFER_ALIGNMENT) * BUFFER_ALIGNMENT


def buffers(builder: Any, payloads: Sequence[bytes], base: int) -> list[int]:
    """The buffers; with ``base`` > 0 their data stand behind the flatbuffer from there on."""
    offsets = []
    for payload in payloads:
        offsets.append(_buffer(builder, payload, base))
        base += aligned(len(payload)) if base else 0
    return offsets


def _buffer(builder: Any, payload: bytes, outside: int) -> int:
    """With its data inside, or at the offset ``outside`` of the file."""
    data = byte_vector(builder, payload) if payload and not outside else None
    tflite.BufferStart(builder)
    if data is not None:
        tflite.BufferAddData(builder, data)
    elif payload:
        tflite.BufferAddOffset(builder, outside)
        tflite.BufferAddSize(builder, len(payload))
    return int(tflite.BufferEnd(builder))


def operator_code(builder: Any, op: str, version: int) -> int:
    """What an operator is; ``op`` of a custom one is ``"CUSTOM <code>"``."""
    is_custom = op.startswith(CUSTOM)
    code = builtin_code("CUSTOM" if is_custom else op)
    name = builder.CreateString(op.removeprefix(CUSTOM)) if is_custom else None
    tflite.OperatorCodeStart(builder)
    if name is not None:
        tflite.OperatorCodeAddCustomCode(builder, name)
    # Readers of schema version < 3a only know this field, which ends at 127.
    tflite.OperatorCodeAddDeprecatedBuiltinCode(builder, min(code, 127))
    tflite.OperatorCodeAddVersion(builder, version)
    tflite.OperatorCodeAddBuiltinCode(builder, code)
    return int(tflite.OperatorCodeEnd(builder))


def model_table(
    builder: Any, description: str, codes: Sequence[tuple[str, int]], graphs: Sequence[int], buffers: Sequence[int]
) -> int:
    """The table of the whole file."""
    text = builder.CreateString(description)
    code_vector = offsets(builder, [operator_code(builder, op, version) for op, version in codes])
    graph_vector = offsets(builder, graphs)
    buffer_vector = offsets(builder, buffers)
    tflite.ModelStart(builder)
    tflite.ModelAddVersion(builder, _SCHEMA_VERSION)
    tflite.ModelAddOperatorCodes(builder, code_vector)
    tflite.ModelAddSubgraphs(builder, graph_vector)
    tflite.ModelAddDescription(builder, text)
    tflite.ModelAddBuffers(builder, buffer_vector)
    return int(tflite.ModelEnd(builder))
