# SPDX-License-Identifier: Apache-2.0
"""torch.export's programs -> Relax, channels last: TVM's importer, then :mod:`stm32_emitter.frontends.relax`."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import Any

import numpy as np
import tvm
from numpy.typing import NDArray
from tvm import relax

from stm32_emitter.errors import ModelRefused, Refuse, raise_refusal
from stm32_emitter.frontends.relax import import_relax
from stm32_emitter.frontends.relax.reader import Origin
from stm32_emitter.frontends.torch.operators import OPERATORS
from stm32_emitter.frontends.torch.program import core_program, load_program, quiet
from stm32_emitter.frontends.torch.quantized import quantized_converters
from stm32_emitter.frontends.torch.sizes import Shapes, with_sizes
from stm32_emitter.model_info import IOInfo, attach, info_of
from stm32_emitter.passes.bindings import bindings
from stm32_emitter.passes.check import check_module


def import_torch(model: Any, refuse: Refuse = raise_refusal, shapes: Shapes | None = None) -> tvm.IRModule:
    """Imports a program, float32 or quantized by PT2E.

    Args:
        model: the bytes of a .pt2 file, or a torch.export.ExportedProgram.
        refuse: told of each operator that is not supported; if it returns, the import goes on with what can be known.
        shapes: shapes of inputs by name; dimensions that are free otherwise become 1.

    Returns:
        A module with one function ``main`` over static shapes.

    Raises:
        MissingPackage: torch is not installed.
        ModelRefused: no program of torch.export, an operator that is not supported.
        OptionError: ``shapes`` does not fit the model.
    """
    program = load_program(model) if isinstance(model, bytes) else model
    titles = tuple(str(name) for name in program.graph_signature.user_outputs)
    core = core_program(program)
    calls = [node for node in core.graph.nodes if node.op == "call_function"]
    module, origins = _translated(core, calls, refuse)
    module = check_module(with_sizes(module, shapes or {}, _parameter_names(module, core)))
    imported = import_relax(module, refuse, origins)
    return _named(imported, titles)


def _parameter_names(mod: tvm.IRModule, program: Any) -> dict[str, str]:
    names = [str(name) for name in program.graph_signature.user_inputs]
    return {str(parameter.name): name for parameter, name in zip(mod["main"].params, names, strict=True)}


def _translated(program: Any, calls: list[Any], refuse: Refuse) -> tuple[tvm.IRModule, dict[str, Origin]]:
    """TVM's import, and what each of its bindings is in the program.

    Raises:
        ModelRefused: TVM cannot convert an operator.
    """
    from tvm.relax.frontend.torch.exported_program_translator import ExportedProgramImporter

    importer = ExportedProgramImporter()
    converters = {**OPERATORS, **quantized_converters(_constants(program))}
    refused = False
    for index, node in enumerate(calls):
        name = node.target.__name__
        if name in converters or name in importer.convert_map:
            continue
        refused = True
        hint = "Quantize the model with a static quantizer." if "choose_qparams" in name else None
        hint = hint or "Replace it in the model before the export."
        refuse(ModelRefused("this operator is not supported", operator=name, index=index, name=node.name, hint=hint))
    if refused:
        return _empty(), {}
    places = {node: index for index, node in enumerate(calls)}
    importer.convert_map.update({n: _told(convert, places) for n, convert in importer.convert_map.items()})
    custom = {n: _told(convert, places) for n, convert in converters.items()}
    with quiet():
        module = importer.from_exported_program(program, False, False, False, custom)
    return module, _origins(module, importer, calls)


def _empty() -> tvm.IRModule:
    """Some module, for a model that is refused already."""
    builder, x = relax.BlockBuilder(), relax.Var("x", relax.TensorType((1,), "float32"))
    with builder.function("main", [x]):
        with builder.dataflow():
            result = builder.emit_output(relax.op.nn.relu(x))
        builder.emit_func_output(result)
    return builder.get()


def _told(convert: Callable[..., Any], places: dict[Any, int]) -> Callable[..., Any]:
    """A converter whose errors say which operator it is."""

    def converted(node: Any, *rest: Any) -> Any:
        place = (node.target.__name__, places.get(node, 0), node.name)
        try:
            return convert(node, *rest)
        except ModelRefused as refusal:
            raise refusal.at(*place) from None
        except Exception as error:
            lines = [line for line in str(error).strip().splitlines() if line.strip()]
            reason = f"TVM cannot import it: {type(error).__name__}: {lines[-1] if lines else ''}"[:300]
            raise ModelRefused(reason).at(*place) from error

    return converted


def _constants(program: Any) -> dict[str, NDArray[Any]]:
    """Parameters, buffers and constant tensors by the name of their placeholder."""
    values = {**program.state_dict, **program.constants}
    found: dict[str, NDArray[Any]] = {}
    for spec in program.graph_signature.input_specs:
        tensor = values.get(spec.target) if spec.target is not None else None
        if tensor is not None and hasattr(tensor, "detach"):
            found[spec.arg.name] = np.asarray(tensor.detach().cpu().numpy())
    return found


def _origins(mod: tvm.IRModule, importer: Any, calls: list[Any]) -> dict[str, Origin]:
    """A binding belongs to the operator whose result is the next one that the importer noted."""
    results: dict[str, Origin] = {}
    for index, node in enumerate(calls):
        value = importer.env.get(node)
        if isinstance(value, relax.Var):
            results.setdefault(str(value.name), Origin(index, node.target.__name__.split(".")[0], node.name))
    origins: dict[str, Origin] = {}
    waiting: list[str] = []
    for binding in bindings(mod["main"]):
        waiting.append(str(binding.var.name))
        if waiting[-1] in results:
            origins.update(dict.fromkeys(waiting, results[waiting[-1]]))
            waiting.clear()
    return origins


def _named(mod: tvm.IRModule, titles: tuple[str, ...]) -> tvm.IRModule:
    """With the outputs called as in the program."""
    info = info_of(mod)
    if len(titles) != len(info.outputs):
        return mod
    outputs = tuple(
        IOInfo(title, entry.scale, entry.zero_point) for title, entry in zip(titles, info.outputs, strict=True)
    )
    return attach(mod, replace(info, outputs=outputs))
