# SPDX-License-Identifier: Apache-2.0
"""What is computed from constants alone: by numpy where it only moves elements, else by TVM."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray
from tvm import relax

from stm32_emitter.frontends.graph.records import GraphNode
from stm32_emitter.frontends.relax.vocabulary import rebuilt
from stm32_emitter.operators.scope import constant_value, integers, op_name, shape_of

_RESHAPES = ("reshape", "expand_dims", "squeeze", "flatten")
_KEPT = ("quantize", "call_tir", "call_dps_packed", "call_pure_packed")


def evaluate_call(call: relax.Call, values: Sequence[NDArray[Any]]) -> NDArray[Any] | None:
    """The result of a call.

    Args:
        call: of a Relax operator.
        values: its tensor arguments.

    Returns:
        None for what the graph has to keep: quantization of weights, calls of functions, random numbers.
    """
    name = op_name(call)
    if not name or name in _KEPT or not call.op.get_attr("FPurity"):
        return None
    if name in _RESHAPES:
        return values[0].reshape(shape_of(call))
    if name == "permute_dims":
        return np.transpose(values[0], None if call.attrs.axes is None else integers(call.attrs.axes))
    if name == "dequantize" and str(values[0].dtype) in ("int8", "uint8"):
        return None
    return _by_tvm(call, values)


def _by_tvm(call: relax.Call, values: Sequence[NDArray[Any]]) -> NDArray[Any] | None:
    builder = relax.BlockBuilder()
    with builder.function("main", []):
        with builder.dataflow():
            constants = [relax.const(np.array(value, order="C"), str(value.dtype)) for value in values]
            result = builder.emit_output(builder.emit(rebuilt(call, constants)))
        builder.emit_func_output(result)
    folded = relax.transform.CanonicalizeBindings()(relax.transform.FoldConstant()(builder.get()))
    body = folded["main"].body
    known = relax.analysis.get_var2val(folded["main"])
    return constant_value(known.get(body.body, body.body))


def evaluate_node(node: GraphNode, values: list[NDArray[Any] | None]) -> list[NDArray[Any]]:
    """A node whose inputs became constants after reading: quantized weights that are moved.

    Raises:
        NotImplementedError: it is another one.
    """
    (value,) = (found for found in values[:1] if found is not None)
    if node.kind == "Transpose":
        return [np.ascontiguousarray(value.transpose(node.attributes["perm"]))]
    if node.kind == "Reshape" and values[1] is not None:
        return [value.reshape([int(size) for size in values[1]])]
    if node.kind in ("Squeeze", "Unsqueeze") and values[1] is not None:
        move = np.squeeze if node.kind == "Squeeze" else np.expand_dims
        return [move(value, tuple(int(axis) for axis in values[1]))]
    raise NotImplementedError(f"{node.title} of integers that are constant")
