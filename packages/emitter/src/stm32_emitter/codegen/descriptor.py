# SPDX-License-Identifier: Apache-2.0
"""``<m>.h`` and ``<m>.c``: descriptor, run list, and what the observer sees."""

from __future__ import annotations

import re

import numpy as np

from stm32_emitter.codegen.arrays import initializer, inline_list
from stm32_emitter.codegen.library import prototypes
from stm32_emitter.codegen.model import Model, c_string, comment_text
from stm32_emitter.program import Argument, Node, NodeOutput, TensorInfo
from stm32_emitter.tir.c_source import c_type

API_MAJOR = 1
API_VERSION = "1.1.0"
REVISION = "1"
_BYTE_TYPES = ("int8", "uint8", "bool")


def model_header(model: Model) -> str:
    """The public face of a model."""
    guard, upper, name = f"{model.upper}_H", model.upper, model.name
    pool = f"extern uint8_t {name}_activations[];\n" if model.options.include_activations else ""
    pool = f"#ifndef AI_SHARED_POOL\n{pool}#endif\n" if pool else ""
    return f"""/* {name}: descriptor and functions of a compiled neural network.
 * Emitted by stm32-ai {model.tool_version}. */
#ifndef {guard}
#define {guard}

#include "ai_instance.h"

#if AI_API_VERSION_MAJOR != {API_MAJOR}
#error "{name} was emitted for version {API_MAJOR} of the runtime API: compile the model again for this runtime"
#endif

#ifdef __cplusplus
extern "C" {{
#endif

#define _{upper}_INPUTS_COUNT_ {len(model.program.inputs)}
#define _{upper}_OUTPUTS_COUNT_ {len(model.program.outputs)}
#define _{upper}_PLANNED_BYTES_ {model.plan.bytes}u
/* Bytes of a pool: instance context, inputs, outputs, tensors, scratch. */
#define _{upper}_ACTIVATION_BYTES_ \\
    (AI_CONTEXT_BYTES(_{upper}_INPUTS_COUNT_ + _{upper}_OUTPUTS_COUNT_) + _{upper}_PLANNED_BYTES_)

extern const ai_model_info {name}_network;
{pool}
ai_status ai_{name}_create(ai_ptr activations, ai_handle *handle);
ai_status ai_{name}_destroy(ai_handle handle);
ai_status ai_{name}_run(ai_handle handle);

#ifdef __cplusplus
}}
#endif

#endif
"""


def model_source(model: Model, signature: int) -> str:
    """Descriptor and run list."""
    parts = [
        _prologue(model),
        prototypes(model),
        "",
        _Tensors(model).text(),
        _node_tables(model),
        _pool(model),
        _numbers(model),
        _run_list(model),
        _states(model),
        _info(model, signature),
        _functions(model),
    ]
    return "\n".join(part for part in parts if part is not None)


def _prologue(model: Model) -> str:
    return f"""/* {model.name}: descriptor and run list. Emitted by stm32-ai {model.tool_version}. */
#include "{model.name}.h"

#include "{model.name}_data.h"
"""


def dl_type(dtype: str) -> str:
    """``{code, bits, lanes}`` of DLPack."""
    if dtype == "bool":
        return "{kDLBool, 8, 1}"
    match = re.fullmatch(r"(float|uint|int)(\d+)", dtype)
    if match is None:
        raise ValueError(f"no DLPack type for {dtype}")
    code = {"float": "kDLFloat", "uint": "kDLUInt", "int": "kDLInt"}[match[1]]
    return f"{{{code}, {match[2]}, 1}}"


def _dl_tensor(tensor: TensorInfo, shape: str) -> str:
    dims = f", .shape = {shape}" if tensor.shape else ""
    return f"{{.device = {{kDLCPU, 0}}, .ndim = {len(tensor.shape)}, .dtype = {dl_type(tensor.dtype)}{dims}}}"


def _quantization(tensor: TensorInfo, name: str) -> list[str]:
    if not tensor.scale:
        return []
    axis = -1 if len(tensor.scale) == 1 else len(tensor.shape) - 1
    return [
        f"static const float {name}_scale[{len(tensor.scale)}] = {inline_list(tensor.scale, 'float32')};",
        f"static const int32_t {name}_zero_point[{len(tensor.scale)}] = {inline_list(tensor.zero_point, 'int32')};",
        f"static const ai_quantization_info {name}_quant = {{{name}_scale, {name}_zero_point, {axis}}};",
    ]


def _shape(tensor: TensorInfo, name: str) -> list[str]:
    if not tensor.shape:
        return []
    return [f"static const int64_t {name}_shape[{len(tensor.shape)}] = {inline_list(tensor.shape, 'int32')};"]


def _tensor(tensor: TensorInfo, name: str) -> str:
    quant = f", .quant = &{name}_quant" if tensor.scale else ""
    return f"{{.dltensor = {_dl_tensor(tensor, f'{name}_shape')}{quant}}}"


class _Tensors:
    """The templates of inputs and outputs."""

    def __init__(self, model: Model) -> None:
        self.model = model

    def text(self) -> str:
        """Declarations in C."""
        program = self.model.program
        entries = [("input", program.inputs), ("output", program.outputs)]
        lines: list[str] = []
        for kind, tensors in entries:
            for i, entry in enumerate(tensors):
                lines += _shape(entry.tensor, f"{kind}{i}") + _quantization(entry.tensor, f"{kind}{i}")
        for kind, tensors in entries:
            if not tensors:
                continue
            count = f"_{self.model.upper}_{kind.upper()}S_COUNT_"
            body = "".join(f"    {_tensor(entry.tensor, f'{kind}{i}')},\n" for i, entry in enumerate(tensors))
            lines.append(f"static const ai_tensor {kind}s[{count}] = {{\n{body}}};")
        every = [*program.inputs, *program.outputs]
        offsets = ", ".join(_offset(self.model, entry.buffer) for entry in every)
        names = ",\n    ".join(c_string(entry.tensor.name) for entry in every)
        lines.append(f"static const uint32_t io_offsets[{len(every)}] = {{{offsets}}};")
        lines.append(f"static const char *const io_names[{len(every)}] = {{\n    {names},\n}};")
        return "\n".join(lines) + "\n"


def _offset(model: Model, buffer: int) -> str:
    offset = model.offset(buffer)
    return "AI_OFFSET_EXTERNAL" if offset is None else str(offset)


def _node_tables(model: Model) -> str:
    nodes = model.program.nodes
    if not nodes:
        return ""
    lines = ["#ifdef AI_OBSERVER"]
    for number, node in enumerate(nodes):
        if node.source_ops:
            lines.append(
                f"static const uint16_t node{number}_ops[{len(node.source_ops)}] = "
                f"{inline_list(node.source_ops, 'int32')};"
            )
        lines += _node_outputs(model, number, node.outputs)
    rows = "".join(f"    {_node_row(model, number, node)},\n" for number, node in enumerate(nodes))
    lines.append(f"static const ai_node_info nodes[{len(nodes)}] = {{\n{rows}}};")
    return "\n".join([*lines, "#endif", ""])


def _node_outputs(model: Model, number: int, outputs: tuple[NodeOutput, ...]) -> list[str]:
    if not outputs:
        return []
    lines: list[str] = []
    rows = []
    for position, output in enumerate(outputs):
        name = f"node{number}_{position}"
        lines += _shape(output.tensor, name) + _quantization(output.tensor, name) + _removed(output, name)
        removed = f",\n     .removed = &{name}_removed" if output.removed is not None else ""
        removed += ",\n     .inverted = 0x80u" if output.inverted else ""
        rows.append(
            f"    {{.name = {c_string(output.tensor.name)},\n     .tensor = {_tensor(output.tensor, name)},\n"
            f"     .pool_offset = {_offset(model, output.buffer)},\n"
            f"     .io_index = {model.is_output(output.buffer)}{removed}}},\n"
        )
    lines.append(f"static const ai_node_tensor node{number}_outputs[{len(outputs)}] = {{\n{''.join(rows)}}};")
    return lines


def _removed(output: NodeOutput, name: str) -> list[str]:
    """What an observer needs to put removed channels back."""
    removed = output.removed
    if removed is None:
        return []
    kept = np.zeros(removed.count, bool)
    kept[list(removed.kept)] = True
    unread = output.tensor.zero_point[0] if output.tensor.zero_point else 0
    values = np.array([unread if v is None else v for v in removed.values], output.tensor.dtype).view(np.uint8)
    bits = np.packbits(kept, bitorder="little")
    return [
        f"static const uint8_t {name}_kept[{bits.size}] = {initializer(bits)};",
        f"static const uint8_t {name}_values[{values.size}] = {initializer(values)};",
        f"static const ai_removed_channels {name}_removed = {{{name}_kept, {name}_values}};",
    ]


def _node_row(model: Model, number: int, node: Node) -> str:
    ops = f"node{number}_ops" if node.source_ops else "NULL"
    outputs = f"node{number}_outputs" if node.outputs else "NULL"
    macs = model.program.kernels[node.kernel].macs
    return f"{{{c_string(node.name)}, {ops}, {outputs}, {macs}u, {len(node.source_ops)}, {len(node.outputs)}}}"


def _pool(model: Model) -> str | None:
    if not model.options.include_activations:
        return None
    return (
        "#ifndef AI_SHARED_POOL\n"
        f'AI_SECTION(".{model.name}.nn_data_act") AI_ALIGNED(AI_POOL_ALIGNMENT)\n'
        f"uint8_t {model.name}_activations[_{model.upper}_ACTIVATION_BYTES_];\n"
        "#endif\n"
    )


def _numbers(model: Model) -> str | None:
    """What the layers that share a function differ in."""
    lines = [
        f"static const {shared.element} {model.numbers_name(kernel)}[{len(shared.numbers[kernel])}] = "
        f"{inline_list(shared.numbers[kernel], 'int32')};"
        for kernel, shared in model.shared.items()
    ]
    return "\n".join([*lines, ""]) if lines else None


def _run_list(model: Model) -> str:
    nodes = model.program.nodes
    uses_pool = any(not a.is_constant and model.offset(a.index) is not None for node in nodes for a in node.arguments)
    uses_io = any(not a.is_constant and model.offset(a.index) is None for node in nodes for a in node.arguments)
    lines = ["static ai_status run_nodes(ai_handle handle)", "{"]
    if uses_pool:
        upper = model.upper
        lines.append(
            f"    uint8_t *const pool = (uint8_t *)handle + AI_CONTEXT_BYTES(_{upper}_INPUTS_COUNT_ + "
            f"_{upper}_OUTPUTS_COUNT_);"
        )
    if uses_io:
        lines.append("    const ai_tensor *const io = ai_instance_io(handle);")
    if not uses_pool and not uses_io:
        lines.append("    (void)handle;")
    for number, node in enumerate(nodes):
        lines.append(f"    AI_NODE_BEGIN(handle, {number}); /* {comment_text(node.name)} */")
        lines.append(f"    {_call(model, node)}")
        lines.append(f"    AI_NODE_END(handle, {number});")
    return "\n".join([*lines, "    return AI_STATUS_OK;", "}", ""])


def _call(model: Model, node: Node) -> str:
    parameters = model.program.kernels[node.kernel].parameters
    written = model.program.written[node.kernel]
    arguments = [
        _pointer(model, argument, parameter.dtype, position in written)
        for position, (argument, parameter) in enumerate(zip(node.arguments, parameters, strict=True))
    ]
    if numbers := model.numbers_name(node.kernel):
        arguments.append(numbers)
    return f"{model.kernel_name(node.kernel)}({', '.join(arguments)});"


def _pointer(model: Model, argument: Argument, dtype: str, written: bool) -> str:
    if argument.is_constant:
        return model.argument_constant(argument)
    kind = f"{'' if written else 'const '}{c_type(dtype)} *"
    offset = model.offset(argument.index)
    if offset is None:
        return f"({kind})io[{model.io_number(argument.index)}].dltensor.data"
    through = "" if dtype in _BYTE_TYPES else "(void *)"
    place = "pool" if offset == 0 else f"(pool + {offset})"
    return f"({kind}){through}{place}"


def _states(model: Model) -> str | None:
    """What is kept from one run to the next, and the function that resets it."""
    states = model.program.states
    if not states:
        return None
    lines = [
        "#ifdef AI_SHARED_POOL",
        f'#error "{model.name} keeps values from one run to the next: its pool cannot be shared"',
        "#endif",
    ]
    rows = ""
    for number, state in enumerate(states):
        initial = np.frombuffer(state.initial, np.uint8)
        lines.append(f"static const uint8_t state{number}[{initial.size}] = {initializer(initial)};")
        size = model.program.buffers[state.buffer].bytes
        comment = comment_text(state.tensor.name)
        rows += f"    {{{_offset(model, state.buffer)}, {size}u, state{number}, {initial.size}u}}, /* {comment} */\n"
    lines += [f"static const ai_state states[{len(states)}] = {{\n{rows}}};", ""]
    lines += ["static void reset(ai_handle handle)", "{"]
    return "\n".join([*lines, f"    ai_instance_reset(handle, states, {len(states)});", "}", ""])


def _info(model: Model, signature: int) -> str:
    program, upper, name = model.program, model.upper, model.name
    activations = "    .activations = NULL,\n"
    if model.options.include_activations:
        own = f"    .activations = {name}_activations,\n"
        activations = f"#ifdef AI_SHARED_POOL\n{activations}#else\n{own}#endif\n"
    observer = "#ifdef AI_OBSERVER\n    .nodes = nodes,\n#endif\n" if program.nodes else ""
    inputs = "    .inputs = inputs,\n" if program.inputs else ""
    reset = "    .reset = reset,\n" if program.states else ""
    return f"""const ai_model_info {name}_network = {{
    .name = "{name}",
    .datetime = "{model.datetime}",
    .revision = "{REVISION}",
    .tool_version = "{model.tool_version}",
    .api_version = "{API_VERSION}",
    .n_nodes = {len(program.nodes)},
    .n_inputs = _{upper}_INPUTS_COUNT_,
    .n_outputs = _{upper}_OUTPUTS_COUNT_,
    .signature = 0x{signature:08X}u,
    .activations_size = _{upper}_ACTIVATION_BYTES_,
    .params_size = {program.params_size}u,
    .n_macc = {program.macs}u,
{activations}{inputs}    .outputs = outputs,
    .io_offsets = io_offsets,
    .io_names = io_names,
{observer}    .get_params = {name}_get_params,
    .create = ai_{name}_create,
    .destroy = ai_{name}_destroy,
    .run = run_nodes,
{reset}}};

AI_SECTION(".nn_models") AI_USED static const ai_model_info *const {name}_network_entry = &{name}_network;
"""


def _functions(model: Model) -> str:
    name = model.name
    return f"""ai_status ai_{name}_create(ai_ptr activations, ai_handle *handle)
{{
    return ai_instance_create(&{name}_network, activations, handle);
}}

ai_status ai_{name}_destroy(ai_handle handle)
{{
    return ai_instance_destroy(handle);
}}

ai_status ai_{name}_run(ai_handle handle)
{{
    return ai_instance_run(&{name}_network, handle);
}}
"""
