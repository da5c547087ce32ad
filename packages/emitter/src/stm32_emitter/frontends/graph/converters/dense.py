# SPDX-License-Identifier: Apache-2.0
"""Gemm, with a BatchNormalization behind it, and MatMul.

Weights behind a flattened image take the order in which the image is stored.
"""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np
from numpy.typing import NDArray
from tvm import relax

from stm32_emitter.errors import ModelRefused
from stm32_emitter.frontends.graph.converters.common import bias_constant
from stm32_emitter.frontends.graph.converters.normalization import batch_normalization
from stm32_emitter.frontends.graph.emission import Emission
from stm32_emitter.frontends.graph.records import GraphNode
from stm32_emitter.frontends.graph.values import Known, Quantization, Value, identity


def convert_gemm(c: Emission, node: GraphNode) -> Value:
    """alpha * A [M,K] @ B [K,N] + beta * C; B is constant, C is a constant for each column."""
    x, weights = c.operand(0), c.operand(1)
    alpha, beta = (float(node.attributes.get(key, 1.0)) for key in ("alpha", "beta"))
    if node.attributes.get("transA", 0) or isinstance(x, Known) or not isinstance(weights, Known):
        raise ModelRefused("its first operand is transposed or constant, or its second one is not constant")
    if node.attributes.get("transB", 0):
        weights = _transposed(weights)
    if alpha != 1.0:
        weights = _scaled(c, weights, alpha)
    bias = c.constant(2)
    bias = None if bias is None else bias * np.float32(beta)
    if len(c.group.nodes) > 1 and c.group.nodes[1].kind == "BatchNormalization":
        weights, bias = _normalized(c, weights, bias)
    return _dense(c, x, weights, bias)


def _normalized(c: Emission, weights: Known, bias: NDArray[Any] | None) -> tuple[Known, NDArray[Any]]:
    """Weights [K,N] and bias with the BatchNormalization behind them, which has a factor and an offset for a column."""
    factor, offset = batch_normalization(c, c.group.nodes[1])
    real = (weights.real().astype(np.float64) * factor).astype(np.float32)
    moved = offset if bias is None else offset + bias.astype(np.float64) * factor
    return Known(real), moved.astype(np.float32)


def convert_matmul(c: Emission, node: GraphNode) -> Value:  # noqa: ARG001
    """A [...,K] @ B [K,N] with a constant B, or two computed float32 operands with broadcasting."""
    x, weights = c.operand(0), c.operand(1)
    if isinstance(x, Value) and isinstance(weights, Known) and len(weights.shape) == 2:
        return _dense(c, x, weights, None)
    if c.group.quantized:
        c.demote()
    left, right = (c.real(operand, identity(len(operand.shape))) for operand in (x, weights))
    expr = c.normalized(relax.op.matmul(left, right))
    return c.emit(expr, identity(len(expr.ty.shape)))


def _dense(c: Emission, x: Value, weights: Known, bias: NDArray[Any] | None) -> Value:
    if x.shape[-1] != weights.shape[0]:
        raise ModelRefused(f"weights {list(weights.shape)} do not fit an input of shape {list(x.shape)}")
    if c.group.quantized and len(x.shape) != 2:
        c.demote()
    source, order = _flat(c, x)
    array = weights.array if order is None else weights.array[order]
    weights = Known(array, weights.quant)
    rank = len(source.shape)
    if c.group.quantized:
        expr = relax.op.matmul(c.real(source, identity(rank)), _quantized_weights(c, source, weights))
    else:
        expr = relax.op.matmul(c.real(source, identity(rank)), relax.const(weights.real(), "float32"))
    if bias is not None:
        columns = weights.shape[1]
        if bias.size not in (1, columns) or (bias.ndim and bias.shape[-1] != bias.size):
            raise ModelRefused(f"its bias has the shape {list(bias.shape)}; one number for each column is needed")
        vector = np.broadcast_to(bias.ravel(), (columns,))
        expr = relax.op.add(c.normalized(expr), bias_constant(c, vector))
    return c.emit(expr, identity(rank))


def _quantized_weights(c: Emission, x: Value, weights: Known) -> relax.Expr:
    """permute_dims(dequantize([N,K]))."""
    quant = weights.quant
    if quant is None or x.quant is None or not (quant.per_tensor or quant.axis % 2 == 1):
        raise ModelRefused(
            "its weights are not quantized per tensor or per column",
            hint="Quantize the weights to int8, or leave the whole operator in float32.",
        )
    c.accumulator_scale = np.atleast_1d(x.quant.scale[0].astype(np.float64) * quant.scale.astype(np.float64))
    raw = np.ascontiguousarray(weights.array.T)
    return relax.op.permute_dims(c.dequantize(relax.const(raw, str(raw.dtype)), quant))


def _flat(c: Emission, x: Value) -> tuple[Value, NDArray[np.intp] | None]:
    """(x, None), or a flattened image [N,K] as its bytes lie and the order of its K elements in the graph's count."""
    base = x.reshaped
    if base is None or len(x.shape) != 2 or base.perm[0] != 0 or base.shape[0] != x.shape[0] or base.reshaped:
        return x, None
    axes = [axis - 1 for axis in base.perm[1:]]
    order = np.arange(x.shape[1]).reshape(base.shape[1:]).transpose(axes).ravel()
    flat = c.normalized(relax.op.reshape(base.expr, x.shape))
    return replace(x, expr=flat, perm=(0, 1), reshaped=None, natural=()), order


def _transposed(weights: Known) -> Known:
    quant = weights.quant
    if quant is not None and not quant.per_tensor:
        quant = Quantization(quant.scale, quant.zero_point, 1 - quant.axis % 2)
    return Known(np.ascontiguousarray(weights.array.T), quant)


def _scaled(c: Emission, weights: Known, alpha: float) -> Known:
    if weights.quant is not None and c.group.quantized:
        return Known(weights.array, replace(weights.quant, scale=weights.quant.scale * np.float32(alpha)))
    return Known(np.asarray(weights.real() * np.float32(alpha)))


CONVERTERS = {"Gemm": convert_gemm, "MatMul": convert_matmul}
