# SPDX-License-Identifier: Apache-2.0
"""Seeded damage to .tflite files, for tests of how bad input is refused.

Half of the mutants are damaged blindly (flipped bits, lost, added, repeated or zeroed bytes), half at a chosen field:
vector lengths, tensor and buffer indices, types, shapes, quantization, operator codes and options.
Never give a mutant to the reference interpreter: it trusts its input.
"""

from __future__ import annotations

import struct
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
import tflite

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

_INDICES = (-1, -2, 0, 1, 2, 3, 7, 100, 2**31 - 1, -(2**31))
_DIMENSIONS = (-1, 0, 1, 2, 3, 5, 1000, 65536, 2**31 - 1, -(2**31))
_LENGTHS = (0, 1, 2, 5, 1000, 2**20, 2**31 - 1, 2**32 - 1)
_BYTES = (0, 1, 2, 3, 7, 9, 17, 127, 255)
_SCALES = (0.0, -1.0, 1.0, 1e-30, 1e30, float("inf"), float("nan"))
_ZERO_POINTS = (-129, 128, 0, 1000, 2**40, -(2**63))


@dataclass(frozen=True)
class Spot:
    """A field of the file that can be overwritten.

    Attributes:
        name: what the field is, such as ``tensor 3 shape[1]``.
        position: byte offset in the file.
        form: ``struct`` format, little endian.
        values: values worth trying.
    """

    name: str
    position: int
    form: str
    values: Sequence[float]


def mutants(model: bytes, seed: int, count: int) -> Iterator[tuple[str, bytes]]:
    """Yield ``count`` mutants as (description, bytes); each differs from the model.

    Args:
        model: a sound .tflite file.
        seed: the same seed gives the same mutants.
        count: how many.
    """
    rng = np.random.default_rng([0x7F1, seed])
    places = spots(model)
    made = 0
    while made < count:
        name, data = _blind(rng, model) if rng.random() < 0.5 else _aimed(rng, model, places)
        if data == model:
            continue
        yield f"mutant {made} of seed {seed}: {name}", data
        made += 1


def spots(model: bytes) -> list[Spot]:
    """Fields of the first subgraph of a sound model that ``mutants`` overwrites."""
    root = tflite.Model.GetRootAs(model)
    graph = root.Subgraphs(0)
    found = _vector(root, 1, "operator codes") + _vector(root, 2, "subgraphs") + _vector(root, 4, "buffers")
    found += _vector(graph, 0, "tensors") + _vector(graph, 3, "operators")
    found += _integers(graph, 1, "graph inputs", _INDICES) + _integers(graph, 2, "graph outputs", _INDICES)
    for i in range(root.OperatorCodesLength()):
        code = root.OperatorCodes(i)
        found += _scalar(code, 0, f"operator code {i} deprecated code", "<b", (0, 3, 9, 32, 127, -1))
        found += _scalar(code, 2, f"operator code {i} version", "<i", (0, -1, 99))
        found += _scalar(code, 3, f"operator code {i} code", "<i", (0, 3, 9, 32, 150, 999, -1))
    for i in range(root.BuffersLength()):
        found += _vector(root.Buffers(i), 0, f"buffer {i} data")
    for i in range(graph.TensorsLength()):
        found += _tensor_spots(graph.Tensors(i), f"tensor {i}")
    for i in range(graph.OperatorsLength()):
        found += _operator_spots(graph.Operators(i), f"operator {i}")
    return found


def _tensor_spots(tensor: Any, name: str) -> list[Spot]:
    found = _integers(tensor, 0, f"{name} shape", _DIMENSIONS) + _integers(tensor, 7, f"{name} signature", _DIMENSIONS)
    found += _scalar(tensor, 1, f"{name} type", "<b", _BYTES[:-1])
    found += _scalar(tensor, 2, f"{name} buffer", "<i", _INDICES)
    found += _vector(tensor, 3, f"{name} name")
    quantization = tensor.Quantization()
    if quantization is not None:
        found += _elements(quantization, 2, f"{name} scale", "<f", _SCALES)
        found += _elements(quantization, 3, f"{name} zero point", "<q", _ZERO_POINTS)
        found += _scalar(quantization, 6, f"{name} quantized dimension", "<i", _INDICES)
    return found


def _operator_spots(operator: Any, name: str) -> list[Spot]:
    found = _scalar(operator, 0, f"{name} code index", "<i", _INDICES)
    found += _integers(operator, 1, f"{name} inputs", _INDICES) + _integers(operator, 2, f"{name} outputs", _INDICES)
    found += _scalar(operator, 3, f"{name} options type", "<B", _BYTES)
    options = operator.BuiltinOptions()
    for slot in range(6 if options is not None else 0):
        # The type of an option is not known here; a byte is right for enumerations, four for integers and floats.
        found += _scalar(options, slot, f"{name} option {slot}", "<B", _BYTES)
        found += _scalar(options, slot, f"{name} option {slot}", "<i", _DIMENSIONS)
    return found


def _table(thing: Any) -> Any:
    return getattr(thing, "_tab", thing)


def _offset(thing: Any, slot: int) -> int:
    return int(_table(thing).Offset(4 + 2 * slot))


def _scalar(thing: Any, slot: int, name: str, form: str, values: Sequence[float]) -> list[Spot]:
    offset = _offset(thing, slot)
    return [Spot(name, _table(thing).Pos + offset, form, values)] if offset else []


def _vector(thing: Any, slot: int, name: str) -> list[Spot]:
    offset = _offset(thing, slot)
    return [Spot(f"{name} length", _table(thing).Vector(offset) - 4, "<I", _LENGTHS)] if offset else []


def _elements(thing: Any, slot: int, name: str, form: str, values: Sequence[float]) -> list[Spot]:
    offset = _offset(thing, slot)
    if not offset:
        return []
    start, length = int(_table(thing).Vector(offset)), int(_table(thing).VectorLen(offset))
    size = struct.calcsize(form)
    return [Spot(f"{name}[{i}]", start + i * size, form, values) for i in range(min(length, 4))]


def _integers(thing: Any, slot: int, name: str, values: Sequence[float]) -> list[Spot]:
    return _vector(thing, slot, name) + _elements(thing, slot, name, "<i", values)


def _aimed(rng: np.random.Generator, model: bytes, places: Sequence[Spot]) -> tuple[str, bytes]:
    data = bytearray(model)
    changes = []
    for _ in range(int(rng.choice([1, 1, 1, 2]))):
        spot = places[int(rng.integers(len(places)))]
        if spot.position + struct.calcsize(spot.form) > len(data):
            continue
        value = spot.values[int(rng.integers(len(spot.values)))]
        struct.pack_into(spot.form, data, spot.position, value)
        changes.append(f"{spot.name} = {value}")
    return ", ".join(changes), bytes(data)


def _blind(rng: np.random.Generator, model: bytes) -> tuple[str, bytes]:
    data = bytearray(model)
    start = int(rng.integers(len(data)))
    length = min(int(rng.integers(1, 64)), len(data) - start)
    style = int(rng.integers(6))
    if style == 0:
        return f"cut after {start} bytes", bytes(data[:start])
    if style == 1:
        del data[start : start + length]
        return f"{length} bytes lost at {start}", bytes(data)
    if style == 2:
        data[start:start] = rng.bytes(length)
        return f"{length} bytes added at {start}", bytes(data)
    if style == 3:
        data[start : start + length] = bytes(length)
        return f"{length} bytes zeroed at {start}", bytes(data)
    # Damage to the tables is rarer than to the weights, so aim half of the flips at the first and last kilobyte.
    places = [int(place) for place in rng.integers(len(data), size=int(rng.integers(1, 6)))]
    if style == 4:
        places = [place % 1024 if rng.random() < 0.5 else len(data) - 1 - place % 1024 for place in places]
        places = [max(0, min(place, len(data) - 1)) for place in places]
    for place in places:
        data[place] ^= 1 << int(rng.integers(8))
    return f"bits flipped at {places}", bytes(data)
