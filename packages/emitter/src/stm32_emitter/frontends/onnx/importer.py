# SPDX-License-Identifier: Apache-2.0
"""ONNX -> Relax, channels last.

A quantized operator comes out as ``quantize(activation(op(dequantize(inputs))))``, which the operators recognise; it
is what stands between DequantizeLinear and QuantizeLinear in the file. Convolutions and pools are NHWC. Axes are put
in another order where they have to be, which is at the model's border for usual models; inputs and outputs keep
ONNX's order. TVM's own ONNX importer serves for functions of one element, see converters/elementwise.py.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import tvm
from tvm import relax

from stm32_emitter.errors import ModelRefused, OperatorError, Refuse, raise_refusal
from stm32_emitter.frontends.onnx.converters import CONVERTERS
from stm32_emitter.frontends.onnx.emission import Emission
from stm32_emitter.frontends.onnx.reader import GraphNode, OnnxGraph, Shapes, read_onnx
from stm32_emitter.frontends.onnx.simplify import folded, simplified
from stm32_emitter.frontends.onnx.values import Known, Value, identity
from stm32_emitter.model_info import IOInfo, ModelInfo, attach

_OPERATORS = ("QLinear", "ConvInteger", "MatMulInteger", "DynamicQuantizeLinear", "com.microsoft.QLinear",
              "com.microsoft.QGemm")  # fmt: skip


def import_onnx(data: bytes, refuse: Refuse = raise_refusal, shapes: Shapes | None = None) -> tvm.IRModule:
    """Imports a model.

    Args:
        data: the bytes of an .onnx file.
        refuse: told of each node that is not supported; if it returns, the import goes on with what can be known.
        shapes: shapes of inputs by name; dimensions that are free otherwise become 1.

    Returns:
        A module with one function ``main`` (see the text at the top of this file).

    Raises:
        MissingPackage: the package `onnx` is not installed.
        ModelRefused: no valid model, a node that is not supported, shapes that depend on data.
        OperatorError: an operator from outside fails.
        OptionError: ``shapes`` does not fit the model.
    """
    graph = simplified(read_onnx(data, shapes))
    builder = relax.BlockBuilder()
    emission = Emission(graph, builder)
    parameters = []
    for position, entry in enumerate(graph.inputs):
        parameter = relax.Var(f"input{position}", relax.TensorType(entry.shape, entry.dtype))
        parameters.append(parameter)
        emission.values[entry.name] = Value(parameter, identity(len(entry.shape)), dtype=entry.dtype)
    with builder.function("main", parameters):
        with builder.dataflow():
            complete = _convert_all(emission, refuse)
            # What was refused leaves tensors of unknown shape: the search for more refusals goes on without them.
            made = [emission.output(name) for name in graph.outputs] if complete else _unknown(parameters)
            result = builder.emit_output(made[0][0] if len(made) == 1 else relax.Tuple([expr for expr, _ in made]))
        builder.emit_func_output(result)
    if emission.failures:
        raise emission.failures[0]
    outputs = tuple(replace(io, name=name) for (_, io), name in zip(made, graph.outputs, strict=complete))
    inputs = tuple(_input_info(graph, entry.name) for entry in graph.inputs)
    return attach(builder.get(), ModelInfo(inputs, outputs, emission.sources, nearest=True))


def _unknown(parameters: Sequence[relax.Var]) -> list[tuple[relax.Expr, IOInfo]]:
    """Some output, for a model that is refused already."""
    return [(parameters[0] if parameters else relax.const(0.0, "float32"), IOInfo(""))]


def _convert_all(emission: Emission, refuse: Refuse) -> bool:
    """Whether every node could be converted; what follows from a refused one is not told again."""
    complete = True
    for node in emission.graph.nodes:
        known = [not name or name in emission.values for name in node.inputs]
        try:
            if not all(known):
                _check_supported(node)
            elif not _folded(emission, node):
                _convert(emission, node)
            complete = complete and all(known)
        except ModelRefused as refusal:
            complete = False
            refuse(refusal.at(node.kind, node.index, node.outputs[0]))
        except OperatorError as error:
            complete = False
            emission.failures.append(error)
        except Exception as error:  # noqa: BLE001 - whatever TVM raises of a model is said of the node
            complete = False
            lines = [line for line in str(error).strip().splitlines() if line.strip()]
            reason = f"cannot be imported: {type(error).__name__}: {lines[-1] if lines else ''}"[:300]
            refuse(ModelRefused(reason, operator=node.kind, index=node.index, name=node.outputs[0]))
    return complete


def _check_supported(node: GraphNode) -> None:
    if node.kind in CONVERTERS:
        return
    if node.kind.startswith(_OPERATORS):
        raise ModelRefused(
            "operators with quantization inside (QOperator format) are not supported",
            hint="Export the quantized model in QDQ format: quant_format=QuantFormat.QDQ of onnxruntime's "
            "quantize_static.",
        )
    if "." in node.kind:
        hint = "Bring one of your own, see docs/extending.md: stm32 compile --plugin FILE.py"
        raise ModelRefused("operators of this domain are not supported", hint=hint)
    raise ModelRefused("this operator is not supported", hint="Replace it in the model before the export.")


def _folded(emission: Emission, node: GraphNode) -> bool:
    """Computes a node whose inputs became known during the import, such as shapes; False for any other."""
    operands = [emission.values[name] for name in node.inputs if name]
    arrays = [value.array for value in operands if isinstance(value, Known) and value.quant is None]
    if len(arrays) < len(operands) or node.kind in ("QuantizeLinear", "DequantizeLinear") or "." in node.kind:
        return False
    known = dict(zip([name for name in node.inputs if name], arrays, strict=True))
    emission.values.update({name: Known(array) for name, array in folded(node, known).items()})
    return True


def _convert(emission: Emission, node: GraphNode) -> None:
    _check_supported(node)
    emission.begin(node)
    result = CONVERTERS[node.kind](emission, node)
    results = result if isinstance(result, list) else [result]
    emission.values.update(zip(node.outputs, results, strict=False))


def _input_info(graph: OnnxGraph, name: str) -> IOInfo:
    """Name and, for an input that is dequantized at once, its quantization."""
    for node in graph.nodes:
        if node.kind == "DequantizeLinear" and node.inputs[0] == name:
            scale = graph.constants.get(node.inputs[1])
            zero = graph.constants.get(node.given(2))
            if scale is not None and scale.size == 1:
                return IOInfo(name, (float(scale.ravel()[0]),), (0 if zero is None else int(zero.ravel()[0]),))
    return IOInfo(name)
