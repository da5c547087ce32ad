# SPDX-License-Identifier: Apache-2.0
"""Operators that only move elements: they work on the stored bytes, quantized or not, in any order of axes."""

from __future__ import annotations

import itertools
from dataclasses import replace
from typing import Any

import numpy as np
from tvm import relax

from stm32_emitter.errors import ModelRefused
from stm32_emitter.frontends.graph.emission import Emission, preferred
from stm32_emitter.frontends.graph.records import GraphNode
from stm32_emitter.frontends.graph.values import Known, Quantization, Value, identity


def _movable(c: Emission) -> Value:
    x = c.operand(0)
    if isinstance(x, Known):
        return Value(relax.const(np.ascontiguousarray(x.real())), identity(len(x.shape)))
    return x


def _moved(c: Emission, x: Value, expr: relax.Expr, perm: tuple[int, ...], position: int = 0) -> Value:
    """The result, with the quantization of ``x``."""
    result = c.emit(expr, perm, x.dtype, position)
    return replace(result, quant=x.quant, made=x.made, source=c.node.outputs[position])


def convert_transpose(c: Emission, node: GraphNode) -> Value | Known:
    """Costs nothing: the axes are called by other names."""
    x = c.operand(0)
    order = tuple(int(axis) for axis in node.attributes.get("perm", reversed(range(len(x.shape)))))
    if isinstance(x, Known):
        quant = x.quant
        if quant is not None and not quant.per_tensor:
            quant = replace(quant, axis=order.index(quant.axis))
        return Known(np.ascontiguousarray(x.array.transpose(order)), quant)
    if x.reshaped is not None:
        x = replace(x, expr=c.stored(x, identity(len(x.shape))), perm=identity(len(x.shape)), reshaped=None)
    return x.transposed(order)


def convert_concat(c: Emission, node: GraphNode) -> Value:
    """Operands with other scales than the first one's are brought to the scale of the result."""
    operands = [c.operand(i) for i in range(len(node.inputs))]
    rank = len(operands[0].shape)
    perm = preferred([operand for operand in operands if isinstance(operand, Value)])
    axis = int(node.attributes["axis"]) % rank
    target = _shared(c, operands)
    if target is None:
        parts, quant = [c.real(operand, perm) for operand in operands], None
    else:
        parts, quant = [_integers(c, operand, target, perm) for operand in operands], target
    expr = relax.op.concat(relax.Tuple(parts), axis=perm.index(axis))
    return replace(c.emit(expr, perm), quant=quant, source=node.outputs[0])


def _shared(c: Emission, operands: list[Any]) -> Quantization | None:
    """The quantization of the result, if all operands are quantized and a QuantizeLinear follows, or all agree."""
    if any(operand.quant is None or not operand.quant.per_tensor for operand in operands):
        return None
    following = c.graph.follower(c.node)
    if following is not None and following.kind == "QuantizeLinear":
        quant = c.parameters(following)
        zero = c.values[following.inputs[2]] if following.given(2) else None
        unsigned = not isinstance(zero, Known) or str(zero.array.dtype) == "uint8"
        return replace(quant, zero_point=quant.zero_point - 128) if unsigned else quant
    agreed = all(operand.quant.same(operands[0].quant) for operand in operands)
    return operands[0].quant if agreed else None


def _integers(c: Emission, operand: Value | Known, quant: Quantization, perm: tuple[int, ...]) -> relax.Expr:
    if isinstance(operand, Value):
        return c.stored(c.requantized(operand, quant), perm)
    raw = np.rint(operand.real().astype(np.float64) / quant.scale[0]) + quant.zero_point[0]
    return relax.const(np.ascontiguousarray(np.clip(raw, -128, 127).astype(np.int8).transpose(perm)), "int8")


def convert_pad(c: Emission, node: GraphNode) -> Value:
    """A border of one value."""
    x = _movable(c)
    given = (
        c.constant(1) if node.opset >= 11 else np.array(node.attributes.get("pads", node.attributes.get("paddings")))
    )
    value = c.constant(2) if node.opset >= 11 else np.array(node.attributes.get("value", 0.0))
    mode = node.attributes.get("mode", b"constant").decode()
    rank = len(x.shape)
    if given is None or given.size != 2 * rank or given.min() < 0 or mode != "constant" or node.given(3):
        raise ModelRefused(f"it pads in the mode {mode}, by negative widths, or along chosen axes only")
    fill = 0.0 if value is None else float(value.ravel()[0])
    if x.quant is not None:
        fill = float(np.clip(np.rint(fill / x.quant.scale[0]) + x.quant.zero_point[0], -128, 127))
    perm = x.perm if x.reshaped is None else identity(rank)
    widths = [int(given[axis + side * rank]) for axis in perm for side in (0, 1)]
    return _moved(c, x, relax.op.nn.pad(c.stored(x, perm), widths, "constant", fill), perm)


def convert_slice(c: Emission, node: GraphNode) -> Value:
    """Constant starts, ends, axes and steps, from attributes (opset < 10) or inputs; steps are positive."""
    x = _movable(c)
    rank = len(x.shape)
    given: list[Any]
    if node.opset < 10:
        given = [node.attributes.get(key) for key in ("starts", "ends", "axes")] + [None]
    else:
        given = [c.constant(i) for i in (1, 2, 3, 4)]
    starts, ends = given[0], given[1]
    axes = range(len(starts)) if given[2] is None else given[2]
    steps = [1] * len(starts) if given[3] is None else given[3]
    if min(int(step) for step in steps) < 1:
        raise ModelRefused("it walks backwards (a step below 1)")
    perm = x.perm if x.reshaped is None else identity(rank)
    natural = [int(axis) % rank for axis in axes]
    bounds = [
        slice(int(s), int(e), int(t)).indices(x.shape[a])
        for a, s, e, t in zip(natural, starts, ends, steps, strict=True)
    ]
    begin, end, step = ([b[i] for b in bounds] for i in (0, 1, 2))
    end = [max(e, b) for b, e in zip(begin, end, strict=True)]
    expr = relax.op.strided_slice(c.stored(x, perm), [perm.index(axis) for axis in natural], begin, end, step)
    return _moved(c, x, expr, perm)


def convert_split(c: Emission, node: GraphNode) -> list[Value]:
    """Sizes from an attribute (opset < 13), an input, or equal parts."""
    x = _movable(c)
    perm = x.perm if x.reshaped is None else identity(len(x.shape))
    axis = int(node.attributes.get("axis", 0)) % len(x.shape)
    given = c.constant(1) if node.opset >= 13 else node.attributes.get("split")
    count = len(node.outputs)
    each = -(-x.shape[axis] // count)
    sizes = [each] * (count - 1) + [x.shape[axis] - each * (count - 1)] if given is None else [int(s) for s in given]
    edges = [0, *np.cumsum(sizes).tolist()]
    stored, at = c.stored(x, perm), perm.index(axis)
    parts = [relax.op.strided_slice(stored, [at], [a], [b], [1]) for a, b in itertools.pairwise(edges)]
    return [_moved(c, x, part, perm, position) for position, part in enumerate(parts)]


CONVERTERS = {
    "Transpose": convert_transpose,
    "Concat": convert_concat,
    "Pad": convert_pad,
    "Slice": convert_slice,
    "Split": convert_split,
}
