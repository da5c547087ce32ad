# SPDX-License-Identifier: Apache-2.0
"""Reads a lowered Relax module into a :class:`~stm32_emitter.program.Program`."""

from __future__ import annotations

import json
import math
from dataclasses import dataclass, field, replace
from typing import Any

import tvm
from tvm import ir, relax

from stm32_emitter.errors import ModelRefused
from stm32_emitter.model_info import IOInfo, ModelInfo, SourceOperator, info_of
from stm32_emitter.operators.scope import constant_value, dtype_of, op_name, shape_of
from stm32_emitter.passes.bindings import ALIASES, bindings
from stm32_emitter.passes.lower import OFFERS, described
from stm32_emitter.passes.outputs import result_fields, root_of
from stm32_emitter.passes.states import state_pairs
from stm32_emitter.program import (
    Argument,
    Buffer,
    Constant,
    IOTensor,
    Node,
    NodeOutput,
    Program,
    StateTensor,
    TensorInfo,
)
from stm32_emitter.tir.lowering import LoweredKernel, c_names, check_element, element_bytes, lower


@dataclass
class _Step:
    """A call_tir while the program is put together."""

    var: relax.Var
    function: ir.GlobalVar
    arguments: list[Argument]
    results: list[int]
    scratch: list[int]


@dataclass
class _State:
    info: ModelInfo
    sizes: list[int] = field(default_factory=list)
    labels: list[str] = field(default_factory=list)
    location: dict[relax.Var, list[int]] = field(default_factory=dict)
    names: dict[int, str] = field(default_factory=dict)  # buffer -> name of the source operator's binding
    types: dict[int, tuple[tuple[int, ...], str]] = field(default_factory=dict)
    constants: dict[bytes, int] = field(default_factory=dict)
    values: list[Any] = field(default_factory=list)
    owners: list[str] = field(default_factory=list)
    kernels: dict[ir.GlobalVar, int] = field(default_factory=dict)
    lowered: list[LoweredKernel] = field(default_factory=list)
    written: list[frozenset[int]] = field(default_factory=list)
    steps: list[_Step] = field(default_factory=list)
    offers: dict[str, Any] = field(default_factory=dict)  # name of a binding -> layer key, names of schedules
    kept: dict[relax.Expr, int] = field(default_factory=dict)  # what computes a state's next value -> its buffer

    def new_buffer(self, size: int, label: str) -> int:
        self.sizes.append(size)
        self.labels.append(label)
        return len(self.sizes) - 1

    def note(self, var: relax.Var, buffer: int) -> None:
        """Remembers that ``var``, an operator's output, lies in ``buffer``."""
        if str(var.name) in self.info.sources and buffer not in self.names:
            self.names[buffer] = str(var.name)
            self.types[buffer] = (shape_of(var), dtype_of(var))
            self.labels[buffer] = self.labels[buffer] or self.info.sources[str(var.name)].output


def extract_program(mod: tvm.IRModule) -> Program:
    """The program of a module that :func:`~stm32_emitter.passes.lower.lower_operators` made.

    Raises:
        ModelRefused: something is left that cannot be printed as C.
    """
    main, state = mod["main"], _State(info_of(mod), offers=_offers(mod["main"]))
    pairs = state_pairs(mod)
    inputs = list(main.params)[: len(main.params) - len(pairs)]
    for number, parameter in enumerate(inputs):
        name = state.info.inputs[number].name if number < len(state.info.inputs) else str(parameter.name)
        state.location[parameter] = [state.new_buffer(_bytes(parameter.ty, name), name)]
    _place_states(main, state, pairs)
    for binding in bindings(main):
        _read_binding(mod, state, binding.var, binding.value)
    results = result_fields(main)
    return _finish(state, inputs, results[: len(results) - len(pairs)], [before for before, _ in pairs])


def _place_states(main: relax.Function, state: _State, pairs: list[tuple[relax.Var, relax.Expr]]) -> None:
    """The value before and the one after a run have one buffer (see :mod:`stm32_emitter.passes.states`)."""
    values = {binding.var: binding.value for binding in bindings(main)}
    for (before, after), info in zip(pairs, state.info.states, strict=True):
        buffer = state.new_buffer(_bytes(before.ty, info.name), info.name)
        state.location[before] = [buffer]
        state.kept[root_of(after, values)] = buffer


def _offers(main: relax.Function) -> dict[str, Any]:
    attrs = main.attrs or {}
    return dict(json.loads(str(attrs[OFFERS]))) if OFFERS in attrs else {}


def _bytes(tensor: relax.TensorType, name: str) -> int:
    """Bytes of a tensor that C can hold."""
    shape, dtype = tuple(int(dim) for dim in tensor.shape), str(tensor.dtype)
    check_element(dtype, name)
    if math.prod(shape) == 0:
        raise ModelRefused(f"'{name}' has the shape {list(shape)}: no elements")
    return math.prod(shape) * element_bytes(dtype)


def _read_binding(mod: tvm.IRModule, state: _State, var: relax.Var, value: relax.Expr) -> None:
    name = op_name(value)
    if name == "call_tir":
        _read_call(mod, state, var, value)
    elif name in ALIASES:
        state.location[var] = _locate(state, value.args[0])
    elif isinstance(value, relax.Var):
        state.location[var] = state.location[value]
    elif isinstance(value, relax.Tuple):
        state.location[var] = [buffer for item in value.fields for buffer in _locate(state, item)]
    elif isinstance(value, relax.TupleGetItem):
        state.location[var] = [state.location[value.tuple_value][value.index]]
    else:
        raise ModelRefused(f"'{var.name}' ({described(value)}) has no lowering to C")
    if len(state.location[var]) == 1 and not isinstance(value, relax.Tuple):
        state.note(var, state.location[var][0])


def _locate(state: _State, expr: relax.Expr) -> list[int]:
    if expr not in state.location:
        raise ModelRefused(f"a {type(expr).__name__} stands where a computed tensor is needed")
    return state.location[expr]


def _read_call(mod: tvm.IRModule, state: _State, var: relax.Var, call: relax.Call) -> None:
    function, result = call.args[0], call.ty_args[0]
    types = list(result.fields) if isinstance(result, relax.TupleType) else [result]
    arguments = [_argument(state, expr, var) for expr in call.args[1].fields]
    results = [state.new_buffer(_bytes(tensor, str(var.name)), "") for tensor in types if var not in state.kept]
    results = results or [state.kept[var]]
    kernel = _kernel(mod, state, function, len(arguments), len(results))
    lowered = state.lowered[kernel]
    spare = lowered.parameters[len(arguments) + len(results) :]
    scratch = [state.new_buffer(parameter.bytes, f"scratch of {var.name}") for parameter in spare]
    state.location[var] = results
    state.steps.append(_Step(var, function, arguments, results, scratch))


def _argument(state: _State, expr: relax.Expr, var: relax.Var) -> Argument:
    value = constant_value(expr)
    if value is None:
        (buffer,) = _locate(state, expr)
        return Argument(buffer)
    check_element(str(value.dtype), f"a constant of {var.name}")
    key = str(value.dtype).encode() + value.tobytes()
    if key not in state.constants:
        state.constants[key] = len(state.values)
        state.values.append(value)
        state.owners.append(str(var.name))
    return Argument(state.constants[key], is_constant=True)


def _kernel(mod: tvm.IRModule, state: _State, variable: ir.GlobalVar, inputs: int, outputs: int) -> int:
    if variable not in state.kernels:
        lowered = lower(mod[variable], str(variable.name_hint).removeprefix("tir_"))
        assert len(lowered.parameters) == inputs + outputs + lowered.scratch, variable.name_hint  # noqa: S101
        state.kernels[variable] = len(state.lowered)
        state.lowered.append(lowered)
        state.written.append(frozenset(range(inputs, len(lowered.parameters))))
    return state.kernels[variable]


def _finish(state: _State, parameters: list[relax.Var], results: list[relax.Expr], befores: list[relax.Var]) -> Program:
    inputs = [IOTensor(_io(p, i, state.info.inputs, "input"), state.location[p][0]) for i, p in enumerate(parameters)]
    outputs = [IOTensor(_io(r, i, state.info.outputs, "output"), state.location[r][0]) for i, r in enumerate(results)]
    states = [
        StateTensor(TensorInfo(i.name, shape_of(b), dtype_of(b)), state.location[b][0], bytes.fromhex(i.initial))
        for b, i in zip(befores, state.info.states, strict=True)
    ]
    for position, entry in enumerate(outputs):
        state.labels[entry.buffer] = state.labels[entry.buffer] or f"output {position}"
    return Program(
        _buffers(state, inputs, outputs, states),
        tuple(Constant(name, value) for name, value in zip(_constant_names(state), state.values, strict=True)),
        tuple(state.lowered),
        tuple(state.written),
        _nodes(state),
        tuple(inputs),
        tuple(outputs),
        tuple(state.info.sources[name] for name in state.info.folded),
        tuple(states),
    )


def _io(expr: relax.Expr, position: int, infos: tuple[IOInfo, ...], kind: str) -> TensorInfo:
    info = infos[position] if position < len(infos) else IOInfo(f"{kind}_{position}")
    return TensorInfo(info.name, shape_of(expr), dtype_of(expr), info.scale, info.zero_point)


def _buffers(
    state: _State, inputs: list[IOTensor], outputs: list[IOTensor], states: list[StateTensor]
) -> tuple[Buffer, ...]:
    """Lifetimes: inputs live from the start, outputs to the end, states always, scratch in its own node only."""
    last_node = max(len(state.steps) - 1, 0)
    first, last = dict.fromkeys((entry.buffer for entry in inputs), 0), {}
    last.update(first)
    for number, step in enumerate(state.steps):
        for buffer in [*step.results, *step.scratch]:
            first[buffer] = last[buffer] = number
        for argument in step.arguments:
            if not argument.is_constant:
                last[argument.index] = number
    for entry in outputs:
        last[entry.buffer] = last_node
    for kept in states:
        first[kept.buffer], last[kept.buffer] = 0, last_node
    return tuple(
        Buffer(i, size, first[i], last[i], state.labels[i] or f"step {first[i]}") for i, size in enumerate(state.sizes)
    )


def _constant_names(state: _State) -> list[str]:
    """``<binding>_<parameter>`` of the first kernel that takes each constant."""
    names = [""] * len(state.values)
    for number, step in enumerate(state.steps):
        parameters = state.lowered[state.kernels[step.function]].parameters
        for argument, parameter in zip(step.arguments, parameters, strict=False):
            if argument.is_constant and not names[argument.index]:
                names[argument.index] = f"node{number}_{parameter.name.lower()}"
    return c_names(names)


def _nodes(state: _State) -> tuple[Node, ...]:
    nodes: list[Node] = []
    pending: list[tuple[_Step, SourceOperator | None]] = [(step, _source(state, step)) for step in state.steps]
    upcoming: SourceOperator | None = None
    for step, source in reversed(pending):
        upcoming = source or upcoming
        nodes.append(_node(state, step, source, upcoming))
    return tuple(reversed(nodes))


def _source(state: _State, step: _Step) -> SourceOperator | None:
    """The operator whose output this step computes, if any."""
    names = [state.names[buffer] for buffer in step.results if buffer in state.names]
    return state.info.sources[names[0]] if names else None


def _node(state: _State, step: _Step, source: SourceOperator | None, upcoming: SourceOperator | None) -> Node:
    kernel = state.kernels[step.function]
    kind = state.lowered[kernel].kind
    owner = source or upcoming
    if owner is None:
        name = f"{step.var.name}:{kind}"
    else:
        name = f"{owner.index}:{owner.kind}" if source else f"{owner.index}:{owner.kind}/{kind}"
    arguments = [*step.arguments, *(Argument(b) for b in [*step.results, *step.scratch])]
    outputs = [_output(state, buffer) for buffer in step.results if buffer in state.names]
    layer, offered = state.offers.get(str(step.var.name), ("", ()))
    sources = () if owner is None else (owner.index,)
    return Node(name, kernel, tuple(arguments), tuple(outputs), sources, layer, tuple(offered))


def _output(state: _State, buffer: int) -> NodeOutput:
    source, removed = state.info.sources[state.names[buffer]], state.info.channels.get(state.names[buffer])
    shape, dtype = state.types[buffer]
    inverted = state.names[buffer] in state.info.unsigned
    if removed is not None:
        shape = (*shape[:-1], removed.count)
        removed = replace(removed, values=tuple(_unsigned(v) if inverted else v for v in removed.values))
    tensor = TensorInfo(source.output, shape, "uint8" if inverted else dtype, source.scale, source.zero_point)
    return NodeOutput(tensor, buffer, removed, inverted)


def _unsigned(value: int | None) -> int | None:
    """The value of uint8 that stands for this one of int8."""
    return None if value is None else value + 128
