# SPDX-License-Identifier: Apache-2.0
"""ONNX -> Relax, channels last: see :mod:`stm32_emitter.frontends.graph.importer`."""

from __future__ import annotations

import tvm

from stm32_emitter.errors import ModelRefused, Refuse, raise_refusal
from stm32_emitter.frontends.graph.converters import CONVERTERS
from stm32_emitter.frontends.graph.importer import import_graph
from stm32_emitter.frontends.graph.one_dimensional import with_two_dimensions
from stm32_emitter.frontends.graph.records import GraphNode
from stm32_emitter.frontends.graph.simplify import simplified
from stm32_emitter.frontends.onnx.reader import Shapes, read_onnx

_OPERATORS = ("QLinear", "ConvInteger", "MatMulInteger", "DynamicQuantizeLinear", "com.microsoft.QLinear",
              "com.microsoft.QGemm")  # fmt: skip


def import_onnx(data: bytes, refuse: Refuse = raise_refusal, shapes: Shapes | None = None) -> tvm.IRModule:
    """Imports a model.

    Args:
        data: the bytes of an .onnx file.
        refuse: told of each node that is not supported; if it returns, the import goes on with what can be known.
        shapes: shapes of inputs by name; dimensions that are free otherwise become 1.

    Returns:
        A module with one function ``main`` over static shapes.

    Raises:
        MissingPackage: the package `onnx` is not installed.
        ModelRefused: no valid model, a node that is not supported, shapes that depend on data.
        OperatorError: an operator from outside fails.
        OptionError: ``shapes`` does not fit the model.
    """
    graph = with_two_dimensions(simplified(read_onnx(data, shapes)))
    return import_graph(graph, CONVERTERS, refuse, _explain)


def _explain(node: GraphNode) -> ModelRefused:
    if node.kind.startswith(_OPERATORS):
        return ModelRefused(
            "operators with quantization inside (QOperator format) are not supported",
            hint="Export the quantized model in QDQ format: quant_format=QuantFormat.QDQ of onnxruntime's "
            "quantize_static.",
        )
    if "." in node.kind:
        hint = "Bring one of your own, see docs/extending.md: stm32 compile --plugin FILE.py"
        return ModelRefused("operators of this domain are not supported", hint=hint)
    return ModelRefused("this operator is not supported", hint="Replace it in the model before the export.")
