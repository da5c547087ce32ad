# SPDX-License-Identifier: Apache-2.0
"""Writes Relax while a graph is imported: bindings with names, axes in the order that is needed, dequantized operands.

A binding ``op<index>`` is an operator's result, ``step<n>`` what its operands needed; both are in
``ModelInfo.sources``, so that no operator reaches across them. ``part<index>`` is inside of a group.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import Any

import numpy as np
from numpy.typing import NDArray
from tvm import relax

from stm32_emitter.errors import ModelRefused, OperatorError
from stm32_emitter.frontends.graph.groups import Group, group_of
from stm32_emitter.frontends.graph.records import Graph, GraphNode
from stm32_emitter.frontends.graph.values import (
    Known,
    Perm,
    Quantization,
    Value,
    broadcast_rank,
    identity,
    permuted,
    same_bytes,
)
from stm32_emitter.model_info import IOInfo, SourceOperator

_SHIFT = 128
"""uint8 x with zero point z is int8 x - 128 with zero point z - 128."""


class Emission:
    """The state of one import.

    Args:
        graph: the model.
        builder: inside of a dataflow block while nodes are converted.
    """

    def __init__(self, graph: Graph, builder: relax.BlockBuilder) -> None:
        self.graph, self.builder = graph, builder
        self.values: dict[str, Value | Known] = {name: Known(array) for name, array in graph.constants.items()}
        self.sources: dict[str, SourceOperator] = {}
        self.accumulator_scale: NDArray[np.float64] | None = None
        self.failures: list[OperatorError] = []
        self._groups: dict[str, Group] = {}
        self._cache: dict[tuple[Any, ...], relax.Expr] = {}
        self._node: GraphNode | None = None

    # Nodes and groups

    def begin(self, node: GraphNode) -> None:
        """Called before a node is converted."""
        self._node = node
        if node.outputs[0] in self._groups:
            return
        running = [v for v in map(self.values.get, node.inputs) if isinstance(v, Value)]
        quantized = bool(running) and all(v.quant is not None and v.quant.per_tensor for v in running)
        group = group_of(self.graph, node, quantized=quantized)
        self._groups.update({member.outputs[0]: group for member in group.nodes})

    @property
    def node(self) -> GraphNode:
        """The node that is converted."""
        if self._node is None:
            raise ValueError("no node was begun")
        return self._node

    @property
    def group(self) -> Group:
        """Its group."""
        return self._groups[self.node.outputs[0]]

    @property
    def inside(self) -> bool:
        """Whether the node stands inside of its group, behind the head."""
        return self.group.head.outputs[0] != self.node.outputs[0]

    @property
    def group_activated(self) -> bool:
        """Whether an activation stands behind the head of the group."""
        return any(member.kind in ("Relu", "Clip") for member in self.group.nodes[1:])

    def demote(self) -> None:
        """The node is computed in float after all: it and its followers become groups of their own."""
        for member in self.group.nodes:
            self._groups.pop(member.outputs[0])
        self._groups[self.node.outputs[0]] = Group((self.node,))

    def quantization_of_result(self) -> Quantization:
        """What the QuantizeLinear at the end of a quantized group holds."""
        return self.parameters(self.group.last)

    def parameters(self, node: GraphNode) -> Quantization:
        """Scale and zero point of a QuantizeLinear or DequantizeLinear."""
        scale = self.values.get(node.given(1))
        zero = self.values.get(node.given(2)) if node.given(2) else None
        if not isinstance(scale, Known) or isinstance(zero, Value) or node.attributes.get("block_size", 0):
            raise ModelRefused("its scale or zero point is not constant, or it is quantized by blocks")
        axis = int(node.attributes.get("axis", 1))
        zeros = np.zeros(scale.array.size, np.int32) if zero is None else zero.array.astype(np.int32).ravel()
        return Quantization(scale.array.astype(np.float32).ravel(), zeros, axis)

    # Bindings

    def emit(self, expr: relax.Expr, perm: Perm, dtype: str = "float32", position: int = 0) -> Value:
        """The result of the node; the end of a group, unless more of it follows."""
        node, group = self.node, self.group
        rest = group.nodes[group.nodes.index(node) + 1 :]
        suffix = f"_{position}" if position else ""
        if any(member.kind != "BatchNormalization" for member in rest):
            return Value(self.builder.emit(expr, name_hint=f"part{node.index}"), perm, dtype=dtype)
        last = group.last
        io = _io(self.parameters(last)) if last.kind == "QuantizeLinear" else IOInfo("")
        variable = self.builder.emit(expr, name_hint=f"op{last.index}{suffix}")
        self.sources[str(variable.name)] = SourceOperator(
            group.head.index, group.head.title, last.called(position), io.scale, io.zero_point
        )
        return Value(variable, perm, dtype=dtype)

    def step(self, expr: relax.Expr, tensor: str = "") -> relax.Var:
        """Something that is computed for the node besides its result."""
        variable = self.builder.emit(expr, name_hint=f"step{len(self.sources)}")
        title = tensor or self.node.called()
        self.sources[str(variable.name)] = SourceOperator(self.node.index, self.node.title, title)
        return variable

    def normalized(self, expr: relax.Expr) -> relax.Expr:
        """With a type, inside of the operator."""
        return self.builder.normalize(expr)

    # Operands

    def operand(self, position: int) -> Value | Known:
        """An input of the node.

        Raises:
            ModelRefused: it is left out.
        """
        found = self.optional(position)
        if found is None:
            raise ModelRefused(f"its input {position} is missing")
        return found

    def optional(self, position: int) -> Value | Known | None:
        """An input of the node, or None where it is left out."""
        name = self.node.given(position)
        return self.values[name] if name else None

    def constant(self, position: int) -> NDArray[Any] | None:
        """The value of an input that has to be constant, or None where it is left out.

        Raises:
            ModelRefused: it is computed at run time.
        """
        found = self.optional(position)
        if isinstance(found, Value):
            raise ModelRefused(
                f"its input '{self.node.inputs[position]}' is computed at run time; it has to be constant",
                hint="Export the model with static shapes and constant parameters.",
            )
        return None if found is None else np.asarray(found.real())

    def stored(self, value: Value, perm: Perm) -> relax.Expr:
        """The elements as they are stored, with the axes in the order ``perm``."""
        if value.reshaped is not None:
            value = self._natural(value)
        if value.perm == perm:
            return value.expr
        key = (value.expr, perm)
        if key not in self._cache:
            shape = value.shape
            if same_bytes(shape, value.perm, perm):
                expr = relax.op.reshape(value.expr, permuted(shape, perm))
            else:
                expr = relax.op.permute_dims(value.expr, [value.perm.index(axis) for axis in perm])
            self._cache[key] = self.step(expr)
        return self._cache[key]

    def _natural(self, value: Value) -> Value:
        base = value.reshaped
        if base is None:
            raise ValueError("it is not reshaped")
        key = (base.expr, base.perm, value.natural)
        if key not in self._cache:
            flat = self.stored(base, identity(len(base.shape)))
            self._cache[key] = self.step(relax.op.reshape(flat, value.natural))
        return Value(self._cache[key], identity(len(value.natural)), value.quant, value.made, value.dtype)

    def real(self, operand: Value | Known, perm: Perm) -> relax.Expr:
        """The operand as real numbers, with the axes in the order ``perm``, of which it may have fewer in front."""
        if isinstance(operand, Known):
            return self._real_constant(operand, perm)
        operand = self.ranked(operand, len(perm))
        if operand.quant is not None and not self.group.quantized:
            operand = self.dequantized(operand)
        if operand.quant is None:
            if operand.dtype in ("int8", "uint8"):
                raise ModelRefused("it computes with integers that stand for no real numbers")
            return self.stored(operand, perm)
        return self.dequantize(self.stored(operand, perm), operand.quant)

    def _real_constant(self, operand: Known, perm: Perm) -> relax.Expr:
        array = broadcast_rank(operand.array, len(perm))
        if operand.quant is None or not self.group.quantized:
            plain = broadcast_rank(operand.real(), len(perm)).transpose(perm)
            return relax.const(np.ascontiguousarray(plain), str(plain.dtype))
        raw = np.ascontiguousarray(array.transpose(perm))
        return self.dequantize(relax.const(raw, str(raw.dtype)), operand.quant)

    def dequantize(self, expr: relax.Expr, quant: Quantization, axis: int = 0) -> relax.Expr:
        """``dequantize(expr)`` inside of the operator."""
        return self.normalized(relax.op.dequantize(expr, *constants(quant), axis=axis))

    def dequantized(self, value: Value) -> Value:
        """The float32 tensor that a lazy DequantizeLinear stands for, as an operator of its own."""
        if value.reshaped is not None:
            value = self._natural(value)
        if value.quant is None:
            return value
        key = (value.expr, "float32", float(value.quant.scale[0]), int(value.quant.zero_point[0]))
        if key not in self._cache:
            self._cache[key] = self.step(relax.op.dequantize(value.expr, *constants(value.quant)), value.source)
        return Value(self._cache[key], value.perm)

    def ranked(self, value: Value, rank: int) -> Value:
        """With axes of size 1 in front."""
        more = rank - len(value.shape)
        if more <= 0:
            return value
        if value.reshaped is not None:
            value = self._natural(value)
        shape = (1,) * more + permuted(value.shape, value.perm)
        perm = (*range(more), *(axis + more for axis in value.perm))
        expr = self.step(relax.op.reshape(value.expr, shape))
        return Value(expr, perm, value.quant, value.made, value.dtype, value.source)

    def requantized(self, value: Value, quant: Quantization) -> Value:
        """Integers that stand for the numbers of a lazily dequantized value by another quantization."""
        if value.quant is None:
            raise ValueError("it is not quantized")
        if value.quant.same(quant):
            return Value(value.expr, value.perm, None, quant, value.dtype, value.source, value.reshaped, value.natural)
        if value.reshaped is not None:
            base = self.requantized(replace(value.reshaped, quant=value.quant), quant)
            return Value(base.expr, value.perm, None, quant, "int8", value.source, base, value.natural)
        expr = relax.op.quantize(self.dequantize(value.expr, value.quant), *constants(quant), axis=0, out_dtype="int8")
        return Value(self.step(expr), value.perm, None, quant, "int8")

    def output(self, name: str) -> tuple[relax.Expr, IOInfo]:
        """An output of the model in the graph's order of axes, and its quantization."""
        value = self.values[name]
        if isinstance(value, Known):
            plain = np.ascontiguousarray(value.real())
            return relax.const(plain, str(plain.dtype)), IOInfo(name)
        if value.quant is not None:
            value = self.dequantized(value)
        expr = self.stored(value, identity(len(value.shape)))
        if value.made is None:
            return expr, IOInfo(name)
        if value.dtype != "uint8":
            return expr, _io(value.made)
        wide = Quantization(value.made.scale, value.made.zero_point + _SHIFT)
        return self._as_uint8(expr, value.made, wide, name), _io(wide)

    def _as_uint8(self, expr: relax.Expr, made: Quantization, wide: Quantization, name: str = "") -> relax.Expr:
        back = relax.op.quantize(self.dequantize(expr, made), *constants(wide), axis=0, out_dtype="uint8")
        return self.step(back, name)

    def plain(self, operand: Value | Known) -> relax.Expr:
        """An operand in the graph's order of axes with the element type that the graph says."""
        if isinstance(operand, Known):
            array = np.array(operand.real(), order="C")
            return relax.const(array, str(array.dtype))
        value = self.dequantized(operand) if operand.quant is not None else operand
        expr = self.stored(value, identity(len(value.shape)))
        if value.made is None or value.dtype != "uint8":
            return expr
        return self._as_uint8(expr, value.made, Quantization(value.made.scale, value.made.zero_point + _SHIFT))


def constants(quant: Quantization) -> tuple[relax.Expr, relax.Expr]:
    """(scale, zero point) as Relax constants: scalars, or vectors per channel."""
    if quant.per_tensor:
        return relax.const(float(quant.scale[0]), "float32"), relax.const(int(quant.zero_point[0]), "int32")
    return relax.const(quant.scale, "float32"), relax.const(quant.zero_point, "int32")


def preferred(values: Sequence[Value]) -> Perm:
    """The order of axes that most of the bytes have: of the largest value that is not in the graph's order, if any."""
    rank = max(len(value.shape) for value in values)
    fitting = [value for value in values if len(value.shape) == rank and value.reshaped is None]
    moved = [value for value in fitting if value.perm != identity(rank)]
    return max(moved, key=lambda value: float(np.prod(value.shape))).perm if moved else identity(rank)


def _io(quant: Quantization) -> IOInfo:
    return IOInfo("", tuple(float(s) for s in quant.scale), tuple(int(z) for z in quant.zero_point))
