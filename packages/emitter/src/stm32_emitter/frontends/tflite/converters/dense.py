# SPDX-License-Identifier: Apache-2.0
"""FULLY_CONNECTED and BATCH_MATMUL."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

import numpy as np
import tflite
from tvm import relax

from stm32_emitter.errors import ModelRefused
from stm32_emitter.frontends.tflite.converters.common import FUSED, activated, rank
from stm32_emitter.frontends.tflite.converters.hybrid import AS_INT8, hybrid_dense, is_hybrid
from stm32_emitter.frontends.tflite.converters.hybrid_matmul import SUMMED, hybrid_matmul
from stm32_emitter.frontends.tflite.support import EIGHT_BITS, Limit, Support, takes

if TYPE_CHECKING:
    from stm32_emitter.frontends.tflite.importer import Converter
    from stm32_emitter.frontends.tflite.reader import Operator, Tensor


UNSHUFFLED = Limit("weights_format is DEFAULT", hint="Convert the model with default weights.")


def convert_fully_connected(c: Converter, op: Operator) -> relax.Expr:
    """x [..., K] (any shape of B*K elements), weights [N,K] -> [B,N], or [...,N] with keep_num_dims."""
    options = op.options(tflite.FullyConnectedOptions)
    x, weights, output = op.input(0), op.input(1), op.outputs[0]
    rank(weights.name, weights.shape, 2)
    UNSHUFFLED.require(options.WeightsFormat() == tflite.FullyConnectedOptionsWeightsFormat.DEFAULT)
    units, depth = weights.shape
    elements = math.prod(x.shape)
    if depth < 1 or elements % depth:
        raise ModelRefused(f"weights {list(weights.shape)} do not fit an input of shape {list(x.shape)}")
    raw = relax.op.reshape(c.raw(x), (elements // depth, depth))
    shape = (*x.shape[:-1], units) if options.KeepNumDims() else (elements // depth, units)
    if is_hybrid(op):
        expr = hybrid_dense(c, op, options, c.bb.normalize(raw))
        return expr if len(shape) == 2 else relax.op.reshape(c.bb.normalize(expr), shape)
    flat = c.dequantized(c.bb.normalize(raw), x) if x.quantization and x.dtype != "float32" else raw
    expr = relax.op.matmul(c.bb.normalize(flat), relax.op.permute_dims(c.bb.normalize(c.real(weights))))
    bias = op.inputs[2] if len(op.inputs) > 2 else None
    if bias is not None:
        expr = relax.op.add(expr, c.real(bias))
    expr = c.result(activated(expr, options.FusedActivationFunction()), output)
    return expr if len(shape) == 2 else relax.op.reshape(c.bb.normalize(expr), shape)


ALIKE = Limit(
    "both sides and the output have one element type, or the right one is int8 without zero point beside int16",
    hint="Quantize all alike, or leave all in float32.",
)


def convert_batch_matmul(c: Converter, op: Operator) -> relax.Expr:
    """a [...,M,K] x b [...,K,N] -> [...,M,N]; adj_x and adj_y say that a is [...,K,M] and b is [...,N,K]."""
    options = op.options(tflite.BatchMatMulOptions)
    if is_hybrid(op):
        return hybrid_matmul(c, op, options)
    adjoint = (options.AdjX(), options.AdjY())
    types = [tensor.dtype for tensor in (op.input(0), op.input(1), op.outputs[0])]
    mixed = types == ["int16", "int8", "int16"] and not _has_zero_point(op.input(1))
    ALIKE.require(mixed or len(set(types)) == 1, f"it multiplies {types[0]} by {types[1]} to {types[2]}")
    a, b = (_matrix(c, op.input(i), types[0], exchanged=adjoint[i]) for i in range(2))
    return c.result(relax.op.matmul(a, b), op.outputs[0])


def _has_zero_point(x: Tensor) -> bool:
    return x.quantization is not None and bool(np.any(x.quantization.zero_point))


def _matrix(c: Converter, x: Tensor, dtype: str, *, exchanged: bool) -> relax.Expr:
    """The real numbers of x, its elements widened to ``dtype``, the last two axes exchanged where it is said so."""
    dims = len(x.shape)
    if dims < 2:
        raise ModelRefused(f"tensor '{x.name}' has the shape {list(x.shape)}, a matrix is needed")
    order = [*range(dims - 2), dims - 1, dims - 2] if exchanged else list(range(dims))
    if x.data is not None:
        raw = relax.const(np.ascontiguousarray(x.data.transpose(order)).astype(dtype), dtype)
    else:
        raw = c.raw(x) if x.dtype == dtype else c.bb.normalize(relax.op.astype(c.raw(x), dtype))
        raw = c.bb.normalize(relax.op.permute_dims(raw, order)) if exchanged else raw
    return c.bb.normalize(c.dequantized(raw, x) if x.quantization and x.dtype != "float32" else raw)


CONVERTERS = {"BATCH_MATMUL": convert_batch_matmul, "FULLY_CONNECTED": convert_fully_connected}

SUPPORT: dict[str, Support] = {
    "BATCH_MATMUL": takes("int8", "int16", "float32", "hybrid", limits=(ALIKE, AS_INT8, SUMMED)),
    "FULLY_CONNECTED": takes(
        *EIGHT_BITS, "int16", "int4", "float32", "hybrid", limits=(FUSED, UNSHUFFLED),
        constants={1: "weights", 2: "bias"},
    ),
}  # fmt: skip
