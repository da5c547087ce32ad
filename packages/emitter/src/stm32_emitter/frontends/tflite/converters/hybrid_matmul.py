# SPDX-License-Identifier: Apache-2.0
"""BATCH_MATMUL with a right side of constant int8 and a left side of float32 (``operators/batch_matmul_hybrid.py``)."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

import numpy as np
import tflite
from numpy.typing import NDArray
from tvm import relax

from stm32_emitter.errors import ModelRefused
from stm32_emitter.frontends.tflite.converters.hybrid import quantized_rows, weights_of_int8
from stm32_emitter.frontends.tflite.support import Limit
from stm32_emitter.operators.base import Attribute, Fused, constant
from stm32_emitter.operators.float_group import LARGEST

if TYPE_CHECKING:
    from stm32_emitter.frontends.tflite.importer import Converter
    from stm32_emitter.frontends.tflite.reader import Operator

Shape = tuple[int, ...]
SUMMED = Limit(
    "the first of three leading axes of hybrid weights is 1 where the input is quantized with a zero point",
    hint="Export the model with fewer leading axes.",
)
"""The reference interpreter computes the sums of too few matrices else, and reads those of others."""


def hybrid_matmul(c: Converter, op: Operator, options: tflite.BatchMatMulOptions) -> relax.Expr:
    """x float32 [...,M,K], weights [...,K,N] -> [...,M,N]; each row of x is quantized by itself."""
    for tensor in (op.input(0), op.input(1)):
        if len(tensor.shape) < 2:
            raise ModelRefused(f"tensor '{tensor.name}' has the shape {list(tensor.shape)}, a matrix is needed")
    weights, scales = _transposed_weights(op, stored=bool(options.AdjY()))
    x, shape = c.raw(op.input(0)), op.input(0).shape
    if options.AdjX():
        x = relax.op.permute_dims(x, [*range(len(shape) - 2), len(shape) - 1, len(shape) - 2])
        shape = (*shape[:-2], shape[-1], shape[-2])
    if shape[-1] != weights.shape[-1] or not _broadcast(shape[:-2], weights.shape[:-2]):
        raise ModelRefused(f"weights {list(op.input(1).shape)} do not fit an input of shape {list(op.input(0).shape)}")
    left, right = _joined(shape, weights.shape, joins=not options.AdjX())
    offset = bool(options.AsymmetricQuantizeInputs())
    SUMMED.require(not offset or _summed(right))
    rows = c.bb.normalize(relax.op.reshape(c.bb.normalize(x), left))
    inputs = (
        *quantized_rows(c, op, rows, math.prod(left[:-1]), offset=offset), constant(weights.reshape(right)),
        constant(scales), constant(np.zeros(right[-2], np.float32)),
    )  # fmt: skip
    result = (*np.broadcast_shapes(left[:-2], right[:-2]), left[-2], right[-2])
    attributes: dict[str, Attribute] = {"offset": int(offset), "stepwise": 0, "low": -LARGEST, "high": LARGEST}
    expr = Fused("BATCH_MATMUL_HYBRID", inputs, result, "float32", attributes).call()
    return relax.op.reshape(c.bb.normalize(expr), op.outputs[0].shape)


def _transposed_weights(op: Operator, *, stored: bool) -> tuple[NDArray[np.int8], NDArray[np.float32]]:
    """([...,N,K], scale or scales of N); ``stored`` where the file has them so."""
    weights, scales = weights_of_int8(op, len(op.input(1).shape) - (2 if stored else 1))
    return (weights if stored else np.ascontiguousarray(np.swapaxes(weights, -1, -2))), scales


def _broadcast(left: Shape, right: Shape) -> bool:
    return all(1 in pair or pair[0] == pair[1] for pair in zip(left[::-1], right[::-1], strict=False))


def _joined(left: Shape, right: Shape, *, joins: bool) -> tuple[Shape, Shape]:
    """[...,Q,M,K] and [...,1,N,K] as [...,Q*M,K] and [...,N,K], as the reference interpreter takes them."""
    if not joins or min(len(left), len(right)) < 3 or right[-3] != 1:
        return left, right
    return (*left[:-3], left[-3] * left[-2], left[-1]), (*right[:-3], *right[-2:])


def _summed(right: Shape) -> bool:
    """Whether the reference interpreter has computed the sums that it reads (``batch_matmul_hybrid.py``)."""
    *_, outer, middle, inner = (1, 1, 1, *right[:-2])
    return (outer - 1) + (middle - 1) + (inner - 1) < middle * inner
