# SPDX-License-Identifier: Apache-2.0
"""Random models with one operator, for comparison with the reference interpreter.

``cases(op, seed, count)`` yields models that the reference interpreter accepts. Case number ``s`` of an operator
depends on nothing but (op, dtype, s), so a failing one is made again with ``cases(op, s, 1)``.
"""

from __future__ import annotations

import zlib
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass

import numpy as np

from . import (
    activations,
    arithmetic,
    binary,
    convolution,
    dense,
    layout,
    logic,
    padding,
    pooling,
    quantization,
    rearrangement,
    recurrent,
    reduction,
    resizing,
    slicing,
    unary,
)
from .draw import Array, Draw, input_sets

Wiring = tuple[list[int], list[int]]
Generator = Callable[[Draw], Wiring]

GENERATORS: Mapping[str, Generator] = {
    **convolution.GENERATORS,
    **dense.GENERATORS,
    **arithmetic.GENERATORS,
    **pooling.GENERATORS,
    **padding.GENERATORS,
    **layout.GENERATORS,
    **slicing.GENERATORS,
    **rearrangement.GENERATORS,
    **recurrent.GENERATORS,
    **activations.GENERATORS,
    **resizing.GENERATORS,
    **quantization.GENERATORS,
    **logic.GENERATORS,
    **reduction.GENERATORS,
    **binary.GENERATORS,
    **unary.GENERATORS,
}
ELEMENTWISE = tuple(sorted({**unary.GENERATORS, **binary.GENERATORS, **reduction.GENERATORS, **logic.GENERATORS}))
"""Small operators: functions of elements and pairs, reductions, comparisons and logic."""
ONLY_FLOAT = frozenset((*unary.ONLY_FLOAT, *binary.ONLY_FLOAT, *reduction.ONLY_FLOAT, *logic.ONLY_FLOAT))
"""Operators that the reference interpreter does not know for quantized tensors."""
DTYPES = ("int8", "uint8", "int16", "float32", "int32", "int64", "bool")
"""The last three are elements without scale."""
MOVEMENTS = frozenset(
    (
        *("BATCH_TO_SPACE_ND", "BROADCAST_TO", "CONCATENATION", "EXPAND_DIMS", "GATHER", "MIRROR_PAD", "PACK", "PAD"),
        *("PADV2", "RESHAPE", "RESIZE_NEAREST_NEIGHBOR", "REVERSE_V2", "SELECT", "SELECT_V2", "SLICE"),
        *("SPACE_TO_BATCH_ND", "SPLIT", "SPLIT_V", "SQUEEZE", "STRIDED_SLICE", "TILE", "TRANSPOSE", "UNPACK"),
    )
)
"""Operators that move elements of any type without a look at them."""
_COMPARISONS = frozenset(("EQUAL", "GREATER", "GREATER_EQUAL", "LESS", "LESS_EQUAL", "NOT_EQUAL"))
_OF_WHOLE = frozenset(
    ("ADD", "MAXIMUM", "MEAN", "MINIMUM", "MUL", "NEG", "REDUCE_MAX", "REDUCE_MIN", "REDUCE_PROD", "SUB", "SUM")
)
_SMALL_OF_UINT8 = frozenset(
    (
        *("ARG_MAX", "ARG_MIN", "DIV", "GELU", "L2_NORMALIZATION", "MAXIMUM", "MINIMUM", "PRELU", "REDUCE_MAX"),
        *("REDUCE_MIN", "SELECT", "SELECT_V2", "SUM"),
    )
)
_OF_DTYPE: Mapping[str, frozenset[str]] = {
    "int8": frozenset(GENERATORS) - ONLY_FLOAT,
    "uint8": frozenset(GENERATORS) - {*recurrent.GENERATORS, *ELEMENTWISE} | _COMPARISONS | _SMALL_OF_UINT8,
    "int16": MOVEMENTS
    | _COMPARISONS
    | frozenset(
        (
            *("ABS", "ADD", "AVERAGE_POOL_2D", "CONV_2D", "DEPTHWISE_CONV_2D", "DEQUANTIZE", "EXP", "FULLY_CONNECTED"),
            *("GELU", "LEAKY_RELU", "LOG", "LOGISTIC", "MAXIMUM", "MAX_POOL_2D", "MEAN", "MINIMUM", "MUL", "NEG"),
            *("PRELU", "QUANTIZE", "REDUCE_MAX", "REDUCE_MIN", "REDUCE_PROD", "RELU", "RELU6", "RESIZE_BILINEAR"),
            *("RSQRT", "SOFTMAX", "SQRT", "SUB", "SUM", "TANH"),
        )
    ),
    "int32": MOVEMENTS
    | _COMPARISONS
    | _OF_WHOLE
    | {"ABS", "ARG_MAX", "ARG_MIN", "DEPTH_TO_SPACE", "DIV", "FLOOR_DIV", "FLOOR_MOD", "SPACE_TO_DEPTH"}
    | {"SQUARED_DIFFERENCE"},
    "int64": (MOVEMENTS | _COMPARISONS | _OF_WHOLE | {"DEPTH_TO_SPACE", "FLOOR_MOD", "SPACE_TO_DEPTH"})
    - {"RESIZE_NEAREST_NEIGHBOR", "UNPACK"},
    "bool": MOVEMENTS - {"PACK", "RESIZE_NEAREST_NEIGHBOR", "SPLIT", "SPLIT_V"}
    | {"ARG_MAX", "ARG_MIN", "EQUAL", "NOT_EQUAL", "REDUCE_MAX", "REDUCE_MIN"},
}
"""Operators with cases of these types; all have cases of float32."""
_TOLERANCES = {("GELU", "int16"): 1}
"""The reference samples GELU with the machine's tanhf and erfcf, which need not be rounded correctly."""
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
        tolerance: largest difference of an integer output.
    """

    name: str
    op: str
    seed: int
    dtype: str
    model: bytes
    inputs: tuple[tuple[Array, ...], ...]
    tolerance: int = 0


def operators(dtype: str = "int8") -> tuple[str, ...]:
    """Operators that have cases of this dtype, sorted."""
    return tuple(sorted(_OF_DTYPE.get(dtype, GENERATORS)))


def cases(op: str, seed: int, count: int, dtype: str = "int8") -> Iterator[Case]:
    """Yield the cases of seeds ``seed`` .. ``seed + count - 1``.

    Args:
        op: one of ``operators()``.
        seed: first seed, not negative.
        count: how many.
        dtype: one of ``DTYPES``.

    Raises:
        ValueError: unknown operator or dtype.
    """
    if op not in GENERATORS:
        raise ValueError(f"there are no cases for {op}; there are for {', '.join(operators('float32'))}")
    if dtype in ("int8", "uint8", "int16") and op in ONLY_FLOAT:
        raise ValueError(f"there are no {dtype} cases for {op}; the reference interpreter knows it for float32 only")
    if dtype not in DTYPES:
        raise ValueError(f"dtype {dtype!r} is none of {', '.join(DTYPES)}")
    for number in range(seed, seed + count):
        yield _case(op, number, dtype)


def _case(op: str, seed: int, dtype: str) -> Case:
    rng = np.random.default_rng([zlib.crc32(f"{op} {dtype}".encode()), seed])
    draw = Draw(rng, dtype, dyadic=bool(rng.random() < DYADIC_SHARE))
    inputs, outputs = GENERATORS[op](draw)
    model = draw.writer.finish(inputs, outputs)
    sets = input_sets(rng, [draw.writer.tensors[index] for index in inputs])
    name, tolerance = f"{op.lower()}_{dtype}_{seed}", _TOLERANCES.get((op, dtype), 0)
    return Case(name, op, seed, dtype, model, sets, tolerance)
