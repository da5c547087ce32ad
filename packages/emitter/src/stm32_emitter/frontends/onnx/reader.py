# SPDX-License-Identifier: Apache-2.0
"""The bytes of an .onnx file -> records of nodes, constants and inputs with static shapes."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
from numpy.typing import NDArray

from stm32_emitter.errors import MissingPackage, ModelRefused, OptionError
from stm32_emitter.frontends.graph.records import Graph, GraphInput, GraphNode, counted

Shapes = Mapping[str, tuple[int, ...]]
"""Name of an input -> its shape."""

DTYPES = ("float32", "int8", "uint8", "int32")
"""Element types of inputs."""


def onnx_package() -> Any:
    """The module `onnx`.

    Raises:
        MissingPackage: it is not installed.
    """
    try:
        import onnx
        import onnx.inliner
        import onnx.numpy_helper
        import onnx.reference
    except ImportError as error:
        raise MissingPackage("an .onnx model needs the package onnx", "pip install 'stm32-ai-emitter[onnx]'") from error
    return onnx


def read_onnx(data: bytes, shapes: Shapes | None = None) -> Graph:
    """Reads a model.

    Args:
        data: the bytes of an .onnx file; weights in files beside it are not read.
        shapes: shapes of inputs, by name; a dimension that is free otherwise becomes 1.

    Raises:
        MissingPackage: the package `onnx` is not installed.
        ModelRefused: not an ONNX file, a damaged one, or one with weights elsewhere.
        OptionError: ``shapes`` names no input, or contradicts a fixed dimension.
    """
    onnx = onnx_package()
    model = _parsed(onnx, data)
    graph = model.graph
    opset = next((entry.version for entry in model.opset_import if entry.domain in ("", "ai.onnx")), 1)
    constants = {tensor.name: onnx.numpy_helper.to_array(tensor) for tensor in graph.initializer}
    inputs = tuple(_input(onnx, value, shapes or {}) for value in graph.input if value.name not in constants)
    unknown = sorted(set(shapes or {}) - {entry.name for entry in inputs})
    if unknown:
        names = ", ".join(entry.name for entry in inputs)
        raise OptionError(f"a shape is given for '{unknown[0]}', which is no input of the model; inputs: {names}")
    nodes = tuple(_node(onnx, index, node, opset) for index, node in enumerate(graph.node))
    outputs = tuple(value.name for value in graph.output)
    return Graph(nodes, inputs, outputs, constants, counted(nodes, outputs), evaluate)


def _parsed(onnx: Any, data: bytes) -> Any:
    try:
        model = onnx.load_from_string(data)
        elsewhere = any(t.data_location == onnx.TensorProto.EXTERNAL for t in model.graph.initializer)
        if not elsewhere:
            onnx.checker.check_model(model)
            model = onnx.inliner.inline_local_functions(model) if model.functions else model
    except Exception as error:
        reason = (str(error).strip().splitlines() or [type(error).__name__])[0]
        raise ModelRefused(f"this is no valid ONNX model: {reason[:200]}") from error
    if elsewhere:
        raise ModelRefused("its weights are in another file", hint="Save it with onnx.save(model, path) into one file.")
    return model


def _node(onnx: Any, index: int, node: Any, opset: int) -> GraphNode:
    domain = "" if node.domain in ("", "ai.onnx") else f"{node.domain}."
    attributes = {entry.name: onnx.helper.get_attribute_value(entry) for entry in node.attribute}
    return GraphNode(
        index, domain + node.op_type, node.name, tuple(node.input), tuple(node.output), attributes, opset, node
    )


def _input(onnx: Any, value: Any, shapes: Shapes) -> GraphInput:
    kind = value.type.tensor_type
    dtype = str(onnx.helper.tensor_dtype_to_np_dtype(kind.elem_type)) if kind.elem_type else "no tensor"
    if dtype not in DTYPES:
        raise ModelRefused(
            f"input '{value.name}' is {dtype}; inputs can be {', '.join(DTYPES)}", hint="Convert the model to float32."
        )
    declared = [dim.dim_value if dim.dim_value > 0 else None for dim in kind.shape.dim]
    given = shapes.get(value.name)
    if given is None:
        return GraphInput(value.name, tuple(1 if dim is None else dim for dim in declared), dtype)
    fits = len(given) == len(declared) and all(d is None or d == g for d, g in zip(declared, given, strict=True))
    if not fits or min(given, default=1) < 1:
        text = [dim or "?" for dim in declared]
        raise OptionError(f"the shape {list(given)} does not fit input '{value.name}', which is {text} in the model")
    return GraphInput(value.name, tuple(given), dtype)


def evaluate(node: GraphNode, inputs: list[NDArray[Any] | None]) -> list[NDArray[Any]]:
    """What ``node`` computes from constants, by ONNX's own reference implementation."""
    onnx = onnx_package()
    evaluator = onnx.reference.ReferenceEvaluator(node.origin, opsets={"": node.opset})
    feeds = {name: value for name, value in zip(node.origin.input, inputs, strict=True) if name}
    return [np.asarray(value) for value in evaluator.run(None, feeds)]
