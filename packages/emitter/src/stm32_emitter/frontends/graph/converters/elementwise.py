# SPDX-License-Identifier: Apache-2.0
"""Activations, functions of one element, and arithmetic of two operands with broadcasting."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
from tvm import relax

from stm32_emitter.errors import ModelRefused
from stm32_emitter.frontends.graph.converters.common import bias_constant
from stm32_emitter.frontends.graph.emission import Emission, preferred
from stm32_emitter.frontends.graph.records import GraphNode
from stm32_emitter.frontends.graph.values import Known, Perm, Value, channels_last, identity
from stm32_emitter.operators.scope import dtype_of

_Convert = Callable[[Emission, GraphNode], Value]
_Function = Callable[[Emission, GraphNode, relax.Expr], relax.Expr]


def argument(c: Emission) -> tuple[relax.Expr, Perm]:
    """The first operand as real numbers, in the order in which it is stored."""
    x = c.operand(0)
    if isinstance(x, Known):
        raise ModelRefused("it is applied to a dequantized constant")
    if c.inside:
        return x.expr, x.perm
    perm = identity(len(x.shape)) if x.reshaped is not None else x.perm
    return c.real(x, perm), perm


def _unary(function: _Function) -> _Convert:
    def convert(c: Emission, node: GraphNode) -> Value:
        expr, perm = argument(c)
        return c.emit(function(c, node, expr), perm)

    return convert


_LARGEST = float(np.finfo(np.float32).max)
_INTEGER_BOUNDS = ((0.0, _LARGEST), (0.0, 6.0), (-1.0, 1.0))
"""Bounds of an activation that stands alone and has an integer kernel."""


def convert_clip(c: Emission, node: GraphNode) -> Value:
    """Bounds from attributes (opset < 11) or constant inputs; a missing one is none."""
    low, high = _bounds(c, node)
    if c.group.quantized and not c.inside and (low, high) not in _INTEGER_BOUNDS:
        c.demote()
    x, perm = argument(c)
    return c.emit(relax.op.nn.relu(x) if (low, high) == (0.0, _LARGEST) else relax.op.clip(x, low, high), perm)


def _bounds(c: Emission, node: GraphNode) -> tuple[float, float]:
    if node.opset < 11:
        low, high = node.attributes.get("min"), node.attributes.get("max")
    else:
        low, high = (None if (b := c.constant(i)) is None else float(b.ravel()[0]) for i in (1, 2))
    return -_LARGEST if low is None else max(low, -_LARGEST), _LARGEST if high is None else min(high, _LARGEST)


def _number(value: float) -> relax.Expr:
    return relax.const(value, "float32")


def _hard_swish(c: Emission, _: GraphNode, x: relax.Expr) -> relax.Expr:
    """x * clip(x + 3, 0, 6) / 6."""
    gate = relax.op.clip(c.normalized(relax.op.add(x, _number(3.0))), 0.0, 6.0)
    return relax.op.multiply(x, c.normalized(relax.op.divide(c.normalized(gate), _number(6.0))))


def _hard_sigmoid(c: Emission, node: GraphNode, x: relax.Expr) -> relax.Expr:
    """clip(alpha * x + beta, 0, 1)."""
    alpha, beta = float(node.attributes.get("alpha", 0.2)), float(node.attributes.get("beta", 0.5))
    scaled = c.step(relax.op.multiply(x, _number(alpha)))
    return relax.op.clip(c.step(relax.op.add(scaled, _number(beta))), 0.0, 1.0)


def _leaky_relu(_: Emission, node: GraphNode, x: relax.Expr) -> relax.Expr:
    return relax.op.nn.leakyrelu(x, float(node.attributes.get("alpha", 0.01)))


def _by_tvm(c: Emission, node: GraphNode, x: relax.Expr) -> relax.Expr:
    """TVM's own converter of a function of one element."""
    from tvm.relax.frontend.onnx.onnx_frontend import _get_convert_map

    converter = _get_convert_map()[node.kind].get_converter(node.opset)
    return converter(c.builder, [x], dict(node.attributes), ({}, {}))


def binary(operation: Callable[[Any, Any], relax.Expr]) -> _Convert:
    """A converter of two operands with broadcasting; behind a product, of its bias."""

    def convert(c: Emission, node: GraphNode) -> Value:
        if c.inside:
            return _biased(c, node)
        operands = [c.operand(0), c.operand(1)]
        if c.group.quantized and any(isinstance(o, Known) and o.quant is None for o in operands):
            c.demote()
        perm = common_order(operands)
        left, right = (c.real(operand, perm) for operand in operands)
        expr = c.normalized(operation(left, right))
        return c.emit(expr, perm, dtype_of(expr))

    return convert


def common_order(operands: Sequence[Value | Known]) -> Perm:
    """The order of axes of a result: that of the operand that would cost most to rearrange."""
    rank = max(len(operand.shape) for operand in operands)
    computed = [operand for operand in operands if isinstance(operand, Value)]
    largest = max(len(value.shape) for value in computed)
    perm = preferred(computed)
    return (*range(rank - largest), *(axis + rank - largest for axis in perm))


def _biased(c: Emission, node: GraphNode) -> Value:
    """The Add behind a product: one operand is the product, the other one a constant for each channel."""
    product, bias = (c.operand(i) for i in range(2))
    if isinstance(product, Known):
        product, bias = bias, product
    if isinstance(product, Known) or not isinstance(bias, Known):
        raise ModelRefused("it adds no constant", operator=node.kind, index=node.index, name=node.outputs[0])
    rank = len(product.shape)
    channel = 1 if product.perm == channels_last(4) and rank == 4 else rank - 1
    real = bias.real()
    shape = (1,) * (rank - real.ndim) + real.shape
    vector = real.size in (1, product.shape[channel]) and all(
        size == 1 for axis, size in enumerate(shape) if axis != channel
    )
    if not vector:
        plain = relax.const(np.ascontiguousarray(real.reshape(shape).transpose(product.perm)), "float32")
        return c.emit(relax.op.add(product.expr, plain), product.perm)
    flat = np.broadcast_to(real.ravel(), (product.shape[channel],))
    return c.emit(relax.op.add(product.expr, bias_constant(c, flat)), product.perm)


BY_TVM = ("Ceil", "Cos", "Elu", "Erf", "Exp", "Floor", "Log", "Neg", "Reciprocal", "Round", "Selu", "Sign",
          "Sin", "Sqrt")  # fmt: skip
"""Functions of one element that TVM's importer converts; always float32."""

CONVERTERS: dict[str, _Convert] = {
    "Relu": _unary(lambda _c, _n, x: relax.op.nn.relu(x)),
    "Clip": convert_clip,
    "LeakyRelu": _unary(_leaky_relu),
    "Sigmoid": _unary(lambda _c, _n, x: relax.op.sigmoid(x)),
    "Tanh": _unary(lambda _c, _n, x: relax.op.tanh(x)),
    "Abs": _unary(lambda c, _n, x: relax.op.maximum(x, c.normalized(relax.op.negative(x)))),
    "HardSwish": _unary(_hard_swish),
    "HardSigmoid": _unary(_hard_sigmoid),
    **dict.fromkeys(BY_TVM, _unary(_by_tvm)),
    "Add": binary(relax.op.add),
    "Sub": binary(relax.op.subtract),
    "Mul": binary(relax.op.multiply),
    "Div": binary(relax.op.divide),
    "Pow": binary(relax.op.power),
    "Max": binary(relax.op.maximum),
    "Min": binary(relax.op.minimum),
}
