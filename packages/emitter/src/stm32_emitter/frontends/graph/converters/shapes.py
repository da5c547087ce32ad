# SPDX-License-Identifier: Apache-2.0
"""Other shapes for the same elements, the shape as a tensor, and Softmax, which older opsets compute on a matrix."""

from __future__ import annotations

import math
from dataclasses import replace

import numpy as np
from tvm import relax

from stm32_emitter.errors import ModelRefused
from stm32_emitter.frontends.graph.emission import Emission
from stm32_emitter.frontends.graph.records import GraphNode
from stm32_emitter.frontends.graph.values import Known, Value, identity, same_bytes


def _reshaped(c: Emission, shape: tuple[int, ...]) -> Value | Known:
    x = c.operand(0)
    if isinstance(x, Known):
        if x.quant is None or x.quant.per_tensor:
            return Known(x.array.reshape(shape), x.quant)
        axis = _same_axis(x.shape, shape, x.quant.axis)
        if axis is None:
            return Known(x.real().reshape(shape))
        return Known(x.array.reshape(shape), replace(x.quant, axis=axis))
    if math.prod(shape) != math.prod(x.shape):
        raise ModelRefused(f"it makes {list(shape)} of {list(x.shape)}")
    base = x if x.reshaped is None else x.reshaped
    if base.shape == shape:
        return replace(x, expr=base.expr, perm=base.perm, reshaped=None, natural=())
    if x.reshaped is None and not same_bytes(x.shape, x.perm, identity(len(x.shape))):
        kept = _kept_order(x, shape)
        if kept is not None:
            return kept
    return replace(x, expr=base.expr, perm=identity(len(shape)), reshaped=replace(base, reshaped=None), natural=shape)


def _same_axis(old: tuple[int, ...], new: tuple[int, ...], axis: int) -> int | None:
    """Which axis of the shape ``new`` counts as ``axis`` of ``old`` does."""
    before = math.prod(old[:axis])
    found = (a for a in range(len(new)) if new[a] == old[axis] and math.prod(new[:a]) == before)
    return next(found, None)


def _kept_order(x: Value, shape: tuple[int, ...]) -> Value | None:
    """The stored bytes with axes of size 1 put in or taken out, or None if the shape differs otherwise."""
    axes = [axis for axis in range(len(x.shape)) if x.shape[axis] != 1]
    new = [axis for axis in range(len(shape)) if shape[axis] != 1]
    if [x.shape[a] for a in axes] != [shape[a] for a in new]:
        return None
    order = [new[axes.index(axis)] for axis in x.perm if axis in axes]
    perm = (*(axis for axis in range(len(shape)) if axis not in new), *order)
    expr = relax.op.reshape(x.expr, tuple(shape[axis] for axis in perm))
    return replace(x, expr=expr, perm=perm, natural=())


def _bound(c: Emission, value: Value | Known) -> Value | Known:
    """With its expression bound to a variable."""
    if isinstance(value, Value) and isinstance(value.expr, relax.Call):
        return replace(value, expr=c.step(value.expr))
    return value


def convert_reshape(c: Emission, node: GraphNode) -> Value | Known:
    """0 keeps a size (unless allowzero), -1 takes what is left."""
    x = c.operand(0)
    wanted = node.attributes.get("shape") if node.opset < 5 else c.constant(1)
    if wanted is None:
        raise ModelRefused("it has no shape")
    keep = not node.attributes.get("allowzero", 0)
    shape = [x.shape[i] if keep and int(s) == 0 else int(s) for i, s in enumerate(np.asarray(wanted).ravel())]
    if -1 in shape:
        shape[shape.index(-1)] = math.prod(x.shape) // max(-math.prod(shape), 1)
    return _bound(c, _reshaped(c, tuple(shape)))


def convert_flatten(c: Emission, node: GraphNode) -> Value | Known:
    """A matrix: the axes in front of ``axis`` and the others."""
    shape = c.operand(0).shape
    axis = int(node.attributes.get("axis", 1)) % (len(shape) + 1)
    return _bound(c, _reshaped(c, (math.prod(shape[:axis]), math.prod(shape[axis:]))))


def _axes(c: Emission, node: GraphNode) -> list[int] | None:
    given = c.constant(1) if node.opset >= 13 else node.attributes.get("axes")
    return None if given is None else [int(axis) for axis in np.asarray(given).ravel()]


def convert_squeeze(c: Emission, node: GraphNode) -> Value | Known:
    """Without axes of size 1."""
    shape, axes = c.operand(0).shape, _axes(c, node)
    gone = {axis % len(shape) for axis in axes} if axes is not None else {i for i, s in enumerate(shape) if s == 1}
    return _bound(c, _reshaped(c, tuple(size for axis, size in enumerate(shape) if axis not in gone)))


def convert_unsqueeze(c: Emission, node: GraphNode) -> Value | Known:
    """With more axes of size 1."""
    shape, axes = list(c.operand(0).shape), _axes(c, node) or []
    rank = len(shape) + len(axes)
    for axis in sorted(axis % rank for axis in axes):
        shape.insert(axis, 1)
    return _bound(c, _reshaped(c, tuple(shape)))


def convert_shape(c: Emission, node: GraphNode) -> Known:
    """All shapes are static."""
    shape = c.operand(0).shape
    chosen = slice(int(node.attributes.get("start", 0)), node.attributes.get("end"))
    return Known(np.array(shape[chosen], np.int64))


def convert_identity(c: Emission, node: GraphNode) -> Value | Known:  # noqa: ARG001
    """Identity and Dropout."""
    return c.operand(0)


def convert_cast(c: Emission, node: GraphNode) -> Value | Known:
    """To the type that the tensor has."""
    x = c.operand(0)
    if isinstance(x, Known) or int(node.attributes["to"]) != 1 or x.dtype != "float32":
        raise ModelRefused("it converts element types at run time")
    return x


def convert_softmax(c: Emission, node: GraphNode) -> Value:
    """Over one axis; over all axes from ``axis`` on where opset < 13. Always in float32."""
    x = c.operand(0)
    if isinstance(x, Known):
        raise ModelRefused("it is applied to a constant")
    rank = len(x.shape)
    axis = int(node.attributes.get("axis", -1 if node.opset >= 13 else 1)) % rank
    function = relax.op.nn.softmax if node.kind == "Softmax" else relax.op.nn.log_softmax
    others = [a for a in range(axis + 1, rank) if x.shape[a] != 1]
    if node.opset < 13 and others:
        flat = (math.prod(x.shape[:axis]), math.prod(x.shape[axis:]))
        matrix = c.step(relax.op.reshape(c.real(x, identity(rank)), flat))
        result = c.step(function(matrix, axis=-1))
        return c.emit(relax.op.reshape(result, x.shape), identity(rank))
    perm = (*(a for a in range(rank) if a != axis), axis)
    return c.emit(function(c.real(x, perm), axis=-1), perm)


CONVERTERS = {
    "Reshape": convert_reshape,
    "Flatten": convert_flatten,
    "Squeeze": convert_squeeze,
    "Unsqueeze": convert_unsqueeze,
    "Shape": convert_shape,
    "Identity": convert_identity,
    "Dropout": convert_identity,
    "Cast": convert_cast,
    "Softmax": convert_softmax,
    "LogSoftmax": convert_softmax,
}
