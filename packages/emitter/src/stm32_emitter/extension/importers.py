# SPDX-License-Identifier: Apache-2.0
"""Calls of somebody else's operators in TFLite, ONNX and Relax become fused calls of the operator."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np
from tvm import relax

from stm32_emitter.errors import ModelRefused, OperatorError
from stm32_emitter.extension.call import Call, Tensor, fused_call, plain
from stm32_emitter.frontends.graph.values import Known, identity
from stm32_emitter.frontends.tflite.custom import custom_bytes, custom_map
from stm32_emitter.operators import REGISTRY
from stm32_emitter.operators.scope import constant_value, dtype_of, shape_of

if TYPE_CHECKING:
    from stm32_emitter.extension.operator import Operator
    from stm32_emitter.frontends.graph.emission import Emission
    from stm32_emitter.frontends.graph.records import GraphNode
    from stm32_emitter.frontends.tflite import reader
    from stm32_emitter.frontends.tflite.importer import Converter


def tflite_converter(operator: Operator) -> Callable[[Converter, reader.Operator], list[relax.Expr]]:
    """Converts the custom operators of TFLite that this one stands for."""

    def convert(c: Converter, op: reader.Operator) -> list[relax.Expr]:
        given = [tensor for tensor in op.inputs if tensor is not None]
        if len(given) < len(op.inputs):
            raise ModelRefused("one of its inputs is left out, which operators from outside cannot have")
        options = {name: plain(value, name) for name, value in custom_map(op).items()}
        inputs = tuple(map(_tflite_tensor, given))
        outputs = tuple(map(_tflite_tensor, op.outputs))
        call = operator.resolved(Call(operator.name, inputs, outputs, options, custom_bytes(op)))
        if len(call.outputs) != len(op.outputs):
            raise ModelRefused(
                f"it has {len(op.outputs)} outputs, operator '{operator.name}' computes {len(call.outputs)}"
            )
        made = fused_call(call, [c.raw(tensor) for tensor in given])
        return [made] if len(call.outputs) == 1 else _fields(c.bb.emit(made), len(call.outputs))

    return convert


def _tflite_tensor(tensor: reader.Tensor) -> Tensor:
    q = tensor.quantization
    scale, zero = ((), ()) if q is None else (tuple(map(float, q.scale)), tuple(map(int, q.zero_point)))
    return Tensor(tensor.shape, tensor.dtype, scale, zero, tensor.data, tensor.name)


def onnx_converter(operator: Operator) -> Callable[[Emission, GraphNode], Any]:
    """Converts the ONNX nodes that this operator stands for; its inputs are real numbers in ONNX's order of axes."""

    def convert(c: Emission, node: GraphNode) -> Any:
        expressions = [_onnx_operand(c, position) for position in range(len(node.inputs))]
        inputs = tuple(_relax_tensor(e, name) for e, name in zip(expressions, node.inputs, strict=True))
        options = {name: plain(_without_proto(value), name) for name, value in node.attributes.items()}
        call = operator.resolved(Call(operator.name, inputs, (), options))
        if len(call.outputs) < len(node.outputs):
            raise ModelRefused(
                f"it has {len(node.outputs)} outputs, operator '{operator.name}' computes {len(call.outputs)}"
            )
        made: relax.Expr = fused_call(call, expressions)
        fields = [made] if len(call.outputs) == 1 else _fields(c.builder.emit(made), len(call.outputs))
        used = list(zip(fields, call.outputs, strict=True))[: len(node.outputs)]
        return [c.emit(e, identity(len(t.shape)), t.dtype, position) for position, (e, t) in enumerate(used)]

    return convert


def _onnx_operand(c: Emission, position: int) -> relax.Expr:
    operand = c.operand(position)
    if isinstance(operand, Known):
        value = np.ascontiguousarray(operand.real())
        return relax.const(value, str(value.dtype))
    return c.real(operand, identity(len(operand.shape)))


def _without_proto(value: Any) -> Any:
    """An attribute that is a tensor, as an array."""
    if type(value).__name__ != "TensorProto":
        return value
    from onnx import numpy_helper

    return numpy_helper.to_array(value)


def relax_call(name: str, inputs: Sequence[relax.Expr], options: Mapping[str, Any] | None = None) -> relax.Call:
    """A call of a registered operator, to be emitted by a ``relax.BlockBuilder``.

    Args:
        name: of the operator.
        inputs: variables with static shapes, or constants.
        options: what the operator finds in ``Call.options``.

    Raises:
        OperatorError: there is no such operator.
        ModelRefused: the operator refuses the call.
    """
    definition = REGISTRY.by_kind.get(name)
    operator: Operator | None = getattr(definition, "operator", None)
    if operator is None:
        raise OperatorError(f"no operator '{name}' was registered", "Call register_operator first.")
    tensors = tuple(_relax_tensor(expr) for expr in inputs)
    known = {key: plain(value, key) for key, value in (options or {}).items()}
    return fused_call(operator.resolved(Call(name, tensors, (), known)), inputs)


def _relax_tensor(expr: relax.Expr, name: str = "") -> Tensor:
    return Tensor(shape_of(expr), dtype_of(expr), value=constant_value(expr), name=name)


def _fields(several: relax.Expr, count: int) -> list[relax.Expr]:
    return [relax.TupleGetItem(several, position) for position in range(count)]
