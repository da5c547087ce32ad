# SPDX-License-Identifier: Apache-2.0
"""A graph in ONNX's terms -> Relax, channels last.

A quantized operator comes out as ``quantize(activation(op(dequantize(inputs))))``, which the operators recognise; it
is what stands between DequantizeLinear and QuantizeLinear in the graph. Convolutions and pools are NHWC. Axes are put
in another order where they have to be, which is at the model's border for usual models; inputs and outputs keep the
graph's order.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from typing import Any

import tvm
from tvm import relax

from stm32_emitter.errors import ModelRefused, OperatorError, Refuse
from stm32_emitter.frontends.graph.emission import Emission
from stm32_emitter.frontends.graph.records import Graph, GraphNode
from stm32_emitter.frontends.graph.simplify import folded
from stm32_emitter.frontends.graph.values import Known, Value, identity
from stm32_emitter.model_info import IOInfo, ModelInfo, attach

Converters = Mapping[str, Callable[[Any, Any], Any]]
"""By ``GraphNode.kind``: ``convert(emission, node) -> value``, or a list with a value for each output."""

_KEPT = ("QuantizeLinear", "DequantizeLinear")

Explain = Callable[[GraphNode], ModelRefused]
"""Why a node without a converter is refused."""


def import_graph(
    graph: Graph, converters: Converters, refuse: Refuse, explain: Explain, functions: tvm.IRModule | None = None
) -> tvm.IRModule:
    """Imports a graph.

    Args:
        graph: the model.
        converters: one for each kind of node.
        refuse: told of each node that is not supported; if it returns, the import goes on with what can be known.
        explain: gives the refusal of a node that ``converters`` does not have.
        functions: what nodes may call; these functions are in the result, too.

    Returns:
        A module with a function ``main`` (see the text at the top of this file).

    Raises:
        OperatorError: an operator from outside fails.
    """
    builder = relax.BlockBuilder(functions)
    emission = Emission(graph, builder)
    parameters = []
    for position, entry in enumerate(graph.inputs):
        parameter = relax.Var(f"input{position}", relax.TensorType(entry.shape, entry.dtype))
        parameters.append(parameter)
        emission.values[entry.name] = Value(parameter, identity(len(entry.shape)), dtype=entry.dtype)
    with builder.function("main", parameters):
        with builder.dataflow():
            complete = _convert_all(emission, converters, refuse, explain)
            # What was refused leaves tensors of unknown shape: the search for more refusals goes on without them.
            made = [emission.output(name) for name in graph.outputs] if complete else _unknown(parameters)
            result = builder.emit_output(made[0][0] if len(made) == 1 else relax.Tuple([expr for expr, _ in made]))
        builder.emit_func_output(result)
    if emission.failures:
        raise emission.failures[0]
    titles = graph.titles or graph.outputs
    outputs = tuple(replace(io, name=name) for (_, io), name in zip(made, titles, strict=complete))
    inputs = tuple(_input_info(graph, entry.name) for entry in graph.inputs)
    return attach(builder.get(), ModelInfo(inputs, outputs, emission.sources, nearest=True))


def _unknown(parameters: Sequence[relax.Var]) -> list[tuple[relax.Expr, IOInfo]]:
    """Some output, for a model that is refused already."""
    return [(parameters[0] if parameters else relax.const(0.0, "float32"), IOInfo(""))]


def _convert_all(emission: Emission, converters: Converters, refuse: Refuse, explain: Explain) -> bool:
    """Whether every node could be converted; what follows from a refused one is not told again."""
    complete = True
    for node in emission.graph.nodes:
        known = [not name or name in emission.values for name in node.inputs]
        try:
            done = all(known) and _folded(emission, node)
            if not done:
                _check(node, converters, explain)
            if all(known) and not done:
                _convert(emission, converters, node)
            complete = complete and all(known)
        except ModelRefused as refusal:
            complete = False
            refuse(refusal.at(node.title, node.index, node.called()))
        except OperatorError as error:
            complete = False
            emission.failures.append(error)
        except Exception as error:  # noqa: BLE001 - whatever TVM raises of a model is said of the node
            complete = False
            lines = [line for line in str(error).strip().splitlines() if line.strip()]
            reason = f"cannot be imported: {type(error).__name__}: {lines[-1] if lines else ''}"[:300]
            refuse(ModelRefused(reason, operator=node.title, index=node.index, name=node.called()))
    return complete


def _folded(emission: Emission, node: GraphNode) -> bool:
    """Computes a node whose inputs became known during the import, such as shapes; False for any other."""
    operands = [emission.values[name] for name in node.inputs if name]
    arrays = [value.array for value in operands if isinstance(value, Known) and value.quant is None]
    if not operands or len(arrays) < len(operands) or node.kind in _KEPT or "." in node.kind:
        return False
    known = dict(zip([name for name in node.inputs if name], arrays, strict=True))
    emission.values.update({name: Known(array) for name, array in folded(emission.graph, node, known).items()})
    return True


def _check(node: GraphNode, converters: Converters, explain: Explain) -> None:
    if node.kind not in converters:
        raise explain(node)


def _convert(emission: Emission, converters: Converters, node: GraphNode) -> None:
    emission.begin(node)
    result = converters[node.kind](emission, node)
    results = result if isinstance(result, list) else [result]
    emission.values.update(zip(node.outputs, results, strict=False))


def _input_info(graph: Graph, name: str) -> IOInfo:
    """Name and, for an input that is dequantized at once, its quantization."""
    for node in graph.nodes:
        if node.kind == "DequantizeLinear" and node.inputs[0] == name:
            scale = graph.constants.get(node.inputs[1])
            zero = graph.constants.get(node.given(2))
            if scale is not None and scale.size == 1:
                return IOInfo(name, (float(scale.ravel()[0]),), (0 if zero is None else int(zero.ravel()[0]),))
    return IOInfo(name)
