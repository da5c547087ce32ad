# SPDX-License-Identifier: Apache-2.0
"""Random models with one operator, for comparison with the reference interpreter.

``cases(op, seed, count)`` yields models that the reference interpreter accepts. Case number ``s`` of an operator
depends on nothing but (op, dtype, s), so a failing one is made again with ``cases(op, s, 1)``.
"""

from __future__ import annotations

import re
import zlib
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass

import numpy as np

from stm32_emitter.frontends.tflite.converters import SUPPORT

from . import (
    activations,
    arithmetic,
    binary,
    convolution,
    dense,
    detection,
    layout,
    logic,
    padding,
    placement,
    pooling,
    quantization,
    rearrangement,
    recurrent,
    reduction,
    resizing,
    rnn,
    selection,
    slicing,
    state,
    unary,
    volume,
)
from .draw import Array, Draw, input_sets

Wiring = tuple[list[int], list[int]]
Generator = Callable[[Draw], Wiring]

GENERATORS: Mapping[str, Generator] = {
    **convolution.GENERATORS,
    **dense.GENERATORS,
    **detection.GENERATORS,
    **arithmetic.GENERATORS,
    **pooling.GENERATORS,
    **padding.GENERATORS,
    **layout.GENERATORS,
    **slicing.GENERATORS,
    **rearrangement.GENERATORS,
    **selection.GENERATORS,
    **recurrent.GENERATORS,
    **activations.GENERATORS,
    **resizing.GENERATORS,
    **quantization.GENERATORS,
    **logic.GENERATORS,
    **reduction.GENERATORS,
    **binary.GENERATORS,
    **unary.GENERATORS,
    **state.GENERATORS,
    **placement.GENERATORS,
    **rnn.GENERATORS,
    **volume.GENERATORS,
}
_SMALL = (unary, binary, reduction, logic, selection, state, placement, volume, rnn)
ELEMENTWISE = tuple(sorted(op for module in _SMALL for op in module.GENERATORS))
"""Small operators: functions of elements and pairs, reductions, comparisons and logic, variables, rarely used ones."""
DTYPES = ("int8", "uint8", "int16", "float32", "hybrid", "int4", "int32", "int64", "bool")
"""Number formats; "hybrid" has float32 with weights of int8 or int4, "int4" has int8 with weights of int4; the last
three are elements without scale."""
WITHOUT_SCALE = ("int32", "int64", "bool")
MOVEMENTS = frozenset(
    (
        *("BATCH_TO_SPACE_ND", "BROADCAST_TO", "CONCATENATION", "EXPAND_DIMS", "GATHER", "MIRROR_PAD", "PACK", "PAD"),
        *("PADV2", "RESHAPE", "RESIZE_NEAREST_NEIGHBOR", "REVERSE_V2", "SELECT", "SELECT_V2", "SLICE"),
        *("SPACE_TO_BATCH_ND", "SPLIT", "SPLIT_V", "SQUEEZE", "STRIDED_SLICE", "TILE", "TRANSPOSE", "UNPACK"),
    )
)
"""Operators that move elements of any type without a look at them."""
_FOUR_BITS = ("CONV_2D", "EMBEDDING_LOOKUP", "FULLY_CONNECTED")
"""Operators that the reference knows with weights of int4 beside float32."""
_ACTIVATIONS = {"hybrid": "float32", "int4": "int8"}
DYADIC_SHARE = 0.2  # of the cases have scales that are powers of two


@dataclass(frozen=True)
class Case:
    """A model with one operator and inputs for it.

    Attributes:
        name: a C identifier that tells operator, dtype and seed.
        op: builtin operator name.
        seed: the seed that makes this case again.
        dtype: one of ``DTYPES``.
        model: the .tflite file's bytes.
        inputs: input sets; each has one array per model input, in the model's order.
    """

    name: str
    op: str
    seed: int
    dtype: str
    model: bytes
    inputs: tuple[tuple[Array, ...], ...]


def operators(dtype: str = "int8") -> tuple[str, ...]:
    """Operators that have cases of this dtype, sorted: those whose converters declare it."""
    return tuple(sorted(op for op in GENERATORS if dtype in _formats(op)))


def _formats(op: str) -> tuple[str, ...]:
    """What an operator's converter declares; one without (``frontends/tflite/importer.py``) is of float32."""
    return SUPPORT[op].formats if op in SUPPORT else ("float32",)


def cases(op: str, seed: int, count: int, dtype: str = "int8") -> Iterator[Case]:
    """Yield the cases of seeds ``seed`` .. ``seed + count - 1``.

    Args:
        op: one of ``operators(dtype)``.
        seed: first seed, not negative.
        count: how many.
        dtype: one of ``DTYPES``.

    Raises:
        ValueError: unknown operator or dtype, or an operator that does not declare this one.
    """
    if op not in GENERATORS:
        raise ValueError(f"there are no cases for {op}; there are for {', '.join(sorted(GENERATORS))}")
    if dtype not in DTYPES:
        raise ValueError(f"dtype {dtype!r} is none of {', '.join(DTYPES)}")
    if op not in operators(dtype):
        raise ValueError(f"there are no {dtype} cases for {op}; there are for {', '.join(operators(dtype))}")
    for number in range(seed, seed + count):
        yield any_case(op, number, dtype)


def any_case(op: str, seed: int, dtype: str) -> Case:
    """One case, of a dtype that the operator need not declare: then the reference interpreter may refuse it."""
    rng = np.random.default_rng([zlib.crc32(f"{op} {dtype}".encode()), seed])
    draw = Draw(rng, _ACTIVATIONS.get(dtype, dtype), dyadic=bool(rng.random() < DYADIC_SHARE))
    if dtype == "int4" or (dtype == "hybrid" and op in _FOUR_BITS and draw.chance(0.25)):
        draw.weights = "int4"
    elif dtype == "hybrid":
        draw.weights = "int8"
    inputs, outputs = GENERATORS[op](draw)
    model = draw.writer.finish(inputs, outputs)
    sets = input_sets(rng, [draw.writer.tensors[index] for index in inputs])
    name = re.sub(r"\W", "_", f"{op.lower()}_{dtype}_{seed}")
    return Case(name, op, seed, dtype, model, sets)
