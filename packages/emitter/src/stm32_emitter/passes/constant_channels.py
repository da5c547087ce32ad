# SPDX-License-Identifier: Apache-2.0
"""Channels that are constant, and channels that nobody reads, are taken out; the results stay the same to the bit."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import tvm
from tvm import ir, relax

from stm32_emitter.channels.graph import Graph, Step, analysed
from stm32_emitter.channels.registry import RESHAPE
from stm32_emitter.model_info import ModelInfo, RemovedChannels, attach, info_of
from stm32_emitter.operators.base import Fused, constant


def fold_constant_channels(mod: tvm.IRModule) -> tvm.IRModule:
    """Takes channels out of tensors that are neither inputs nor outputs of the model.

    Before: ``a = CONV_2D(x, w, b); y = CONV_2D(a, v, c)`` where channel 1 of ``a`` has no weights.
    After: ``w`` and ``b`` have one row less, ``v`` has one column less, and ``c`` holds what the column contributed.

    Args:
        mod: with fused operators (:func:`~stm32_emitter.passes.fuse.fuse_operators`).

    Returns:
        ``mod`` itself if there is nothing to take out. Else the module's information tells of each operator's result
        what it lost, and which operators are gone.
    """
    graph = analysed(mod)
    if all(graph.is_whole(var) and not graph.constant(step) for var, step in graph.steps.items()):
        return mod
    result = _rewritten(mod, graph)
    return relax.transform.Normalize()(attach(result, _information(info_of(mod), graph)))


def _rewritten(mod: tvm.IRModule, graph: Graph) -> tvm.IRModule:
    main, narrow = mod["main"], dict[relax.Var, relax.Var]()
    blocks = []
    for block in main.body.blocks:
        left = [new for binding in block.bindings if (new := _binding(binding, graph, narrow)) is not None]
        kind = relax.DataflowBlock if isinstance(block, relax.DataflowBlock) else relax.BindingBlock
        blocks.append(kind(left))
    result = tvm.IRModule(dict(mod.functions.items()), attrs=mod.attrs)
    body = relax.SeqExpr(blocks, main.body.body)
    result["main"] = relax.Function(main.params, body, main.ret_ty, is_pure=main.is_pure, attrs=main.attrs)
    return result


def _binding(binding: relax.Binding, graph: Graph, narrow: dict[relax.Var, relax.Var]) -> relax.Binding | None:
    """The binding on what is left; None if that is nothing. ``narrow`` has the variables that lost channels."""
    step = graph.steps.get(binding.var)
    if step is None:
        return binding
    if not graph.kept[step.var].any():
        return None
    sources = [var for _, var in step.sources]
    if all(graph.is_whole(var) for var in [step.var, *sources]) and not graph.constant(step):
        return binding
    fused = _constant_of(step, graph) if graph.constant(step) else _layer_of(step, graph, narrow)
    var = step.var
    if not graph.is_whole(var):
        var = type(var)(str(var.name), relax.TensorType(fused.shape, fused.dtype))
        narrow[step.var] = var
    return relax.VarBinding(var, _reshape(fused) if fused.kind == RESHAPE else fused.call())


def _layer_of(step: Step, graph: Graph, narrow: dict[relax.Var, relax.Var]) -> Fused:
    arguments = [narrow.get(a, a) if isinstance(a, relax.Var) else a for a in step.arguments]
    return step.rule.rebuilt(step.layer, graph.kept[step.var], graph.masks(step), arguments)


def _constant_of(step: Step, graph: Graph) -> Fused:
    """A layer whose result is known."""
    kept, output = graph.kept[step.var], step.layer.request.output
    shape = (*output.shape[:-1], int(kept.sum()))
    value = np.broadcast_to(graph.ranges[step.var].low[kept].astype(output.dtype), shape)
    return Fused("COPY", (constant(value),), shape, output.dtype)


def _reshape(fused: Fused) -> relax.Call:
    return relax.Call(ir.Op.get("relax.reshape"), [fused.inputs[0], relax.ShapeExpr(fused.shape)])


def _information(info: ModelInfo, graph: Graph) -> ModelInfo:
    """What the results of operators lost, and the operators that are gone."""
    channels: dict[str, RemovedChannels] = {}
    folded: list[str] = []
    for var in graph.steps:
        name, kept = str(var.name), graph.kept[var]
        if name not in info.sources or kept.all():
            continue
        if not kept.any():
            folded.append(name)
            continue
        known = graph.ranges[var]
        gone = [int(i) for i in np.flatnonzero(~kept)]
        values = tuple(int(known.low[i]) if known.constant[i] else None for i in gone)
        channels[name] = RemovedChannels(len(kept), tuple(gone), values)
    return replace(info, channels=channels, folded=tuple(folded))
