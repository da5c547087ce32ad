# SPDX-License-Identifier: Apache-2.0
"""``<m>_lib.c``: the kernels."""

from __future__ import annotations

from stm32_emitter.codegen.model import Model, comment_text
from stm32_emitter.program import Node


def prototypes(model: Model) -> str:
    """Declarations of all kernels."""
    return "\n".join(model.kernel_signature(i) + ";" for i in _distinct(model))


def _distinct(model: Model) -> list[int]:
    """The kernels that are emitted."""
    return sorted({model.function_of(i) for i in range(len(model.program.kernels))})


def library_source(model: Model) -> str:
    """All kernels, each with the layers that it runs, its shapes and its scratch."""
    functions = "\n".join(_function(model, i) for i in _distinct(model))
    return f"""/* Kernels of {model.name}. Emitted by stm32-ai {model.tool_version} for {model.options.target}.
 * Loop nests are specialised on constant shapes; ai_k_* are the runtime's micro-kernels (ai_kernels.h). */
#include <math.h>
#include <stdbool.h>
#include <stdint.h>
#include <string.h>

#include "ai_kernels.h"
{_external(model)}
{prototypes(model)}

{functions}"""


def _external(model: Model) -> str:
    """Where functions come from that are none of the runtime's."""
    return f'#include "{model.name}_ext.h"\n' if any(k.external for k in model.program.kernels) else ""


def _function(model: Model, number: int) -> str:
    kernel = model.program.kernels[number]
    users = [node for node in model.program.nodes if model.function_of(node.kernel) == number]
    if len({node.kernel for node in users}) > 1:
        return _shared_function(model, number, users)
    lines = [f"/* {', '.join(comment_text(node.name) for node in users)}", f" * {_shapes(model, users[0])}"]
    scratch = sum(kernel.parameters[p].bytes for p in _scratch_positions(model, users[0]))
    work = f"{kernel.macs} multiply-accumulates" if kernel.macs else "no multiply-accumulates"
    lines.append(f" * {work}, {scratch} bytes of scratch */")
    return "\n".join([*lines, model.kernel_signature(number), model.kernel_bodies[number]])


def _shared_function(model: Model, number: int, users: list[Node]) -> str:
    """One function for layers of several shapes."""
    shared = model.shared.get(number)
    body = model.kernel_bodies[number] if shared is None else shared.body
    lines = [f"{comment_text(node.name)}: {_shapes(model, node)}" for node in users]
    head = "/* " + "\n * ".join(lines) + " */"
    return "\n".join([head, model.kernel_signature(number), body])


def _scratch_positions(model: Model, node: Node) -> list[int]:
    """Parameters behind the results: a buffer that lives in this node only and is no tensor of the model."""
    position = model.program.nodes.index(node)
    found = []
    for index, argument in enumerate(node.arguments):
        if argument.is_constant:
            continue
        buffer = model.program.buffers[argument.index]
        if buffer.label.startswith("scratch of ") and buffer.first == position:
            found.append(index)
    return found


def _shapes(model: Model, node: Node) -> str:
    parameters = model.program.kernels[node.kernel].parameters
    parts = [f"{p.name} {p.dtype}[{p.elements}]" for p in parameters]
    shapes = ", ".join(f"{o.tensor.dtype}{list(o.tensor.shape)}" for o in node.outputs)
    return ", ".join(parts) + (f"; result {shapes}" if shapes else "")
