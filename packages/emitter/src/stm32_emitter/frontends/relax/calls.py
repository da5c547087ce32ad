# SPDX-License-Identifier: Apache-2.0
"""Relax calls that stay what they are, with operands in the order of axes that they expect."""

from __future__ import annotations

import numpy as np
from tvm import relax

from stm32_emitter.errors import ModelRefused
from stm32_emitter.frontends.graph.converters.elementwise import argument, common_order
from stm32_emitter.frontends.graph.emission import Emission
from stm32_emitter.frontends.graph.records import GraphNode
from stm32_emitter.frontends.graph.values import Known, Value, channels_last, identity
from stm32_emitter.operators.scope import dtype_of


def convert_call(c: Emission, node: GraphNode) -> Value | list[Value]:
    """Any call: operands and results in the graph's order of axes; one result, or a tuple of them."""
    operands = [c.plain(c.operand(position)) for position in range(len(node.inputs))]
    call = c.normalized(node.attributes["rebuild"](operands))
    if isinstance(call.ty, relax.TensorType):
        return c.emit(call, identity(len(call.ty.shape)), dtype_of(call))
    results = c.step(call)
    parts = [c.normalized(relax.TupleGetItem(results, position)) for position in range(len(node.outputs))]
    return [c.emit(part, identity(len(part.ty.shape)), dtype_of(part), position) for position, part in enumerate(parts)]


def convert_function(c: Emission, node: GraphNode) -> Value:
    """A function of one element, in any order of axes."""
    expr, perm = argument(c)
    call = c.normalized(node.attributes["rebuild"]([expr]))
    return c.emit(call, perm, dtype_of(call))


def convert_elements(c: Emission, node: GraphNode) -> Value:
    """A function of the elements of several operands with broadcasting."""
    operands = [c.operand(position) for position in range(len(node.inputs))]
    perm = common_order(operands)
    call = c.normalized(node.attributes["rebuild"]([c.real(operand, perm) for operand in operands]))
    return c.emit(call, perm, dtype_of(call))


def convert_resize(c: Emission, node: GraphNode) -> Value:
    """x [N,C,H,W], another size of H and W."""
    x = c.operand(0)
    if isinstance(x, Known):
        raise ModelRefused("it is applied to a constant")
    attrs, perm = node.attributes["attrs"], channels_last(4)
    expr = relax.op.image.resize2d(
        c.real(x, perm), relax.ShapeExpr(node.attributes["size"]), [float(r) for r in attrs.roi], layout="NHWC",
        method=attrs.method, coordinate_transformation_mode=attrs.coordinate_transformation_mode,
        rounding_method=attrs.rounding_method, cubic_alpha=float(attrs.cubic_alpha),
        cubic_exclude=int(attrs.cubic_exclude), extrapolation_value=float(attrs.extrapolation_value),
    )  # fmt: skip
    return c.emit(expr, perm)


def convert_prelu(c: Emission, node: GraphNode) -> Value:
    """x [...,C,...], slopes [C] for each index of ``axis``."""
    x, slopes = c.operand(0), c.constant(1)
    if isinstance(x, Known) or slopes is None:
        raise ModelRefused("it is applied to a constant")
    perm = channels_last(len(x.shape)) if x.reshaped is None else identity(len(x.shape))
    axis = perm.index(node.attributes["axis"] % len(x.shape))
    alpha = relax.const(np.ascontiguousarray(slopes.astype(np.float32)), "float32")
    return c.emit(relax.op.nn.prelu(c.real(x, perm), alpha, axis), perm)


CONVERTERS = {
    "relax.call": convert_call,
    "relax.function": convert_function,
    "relax.elements": convert_elements,
    "relax.resize2d": convert_resize,
    "relax.prelu": convert_prelu,
}
