# SPDX-License-Identifier: Apache-2.0
"""``<m>_lib.c``: the kernels."""

from __future__ import annotations

from stm32_emitter.codegen.model import Model, comment_text
from stm32_emitter.program import Node
from stm32_emitter.tir.c_source import signature


def prototypes(model: Model) -> str:
    """Declarations of all kernels."""
    program = model.program
    return "\n".join(
        signature(model.kernel_name(i), program.kernels[i], program.written[i]) + ";" for i in _distinct(model)
    )


def _distinct(model: Model) -> list[int]:
    """The kernels that are emitted."""
    return sorted(set(model.same_text))


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

{prototypes(model)}

{functions}"""


def _function(model: Model, number: int) -> str:
    kernel = model.program.kernels[number]
    name = model.kernel_name(number)
    users = [node for node in model.program.nodes if model.same_text[node.kernel] == number]
    if len({node.kernel for node in users}) > 1:
        return _shared_function(model, number, users)
    lines = [f"/* {', '.join(comment_text(node.name) for node in users)}", f" * {_shapes(model, users[0])}"]
    scratch = sum(kernel.parameters[p].bytes for p in _scratch_positions(model, users[0]))
    work = f"{kernel.macs} multiply-accumulates" if kernel.macs else "no multiply-accumulates"
    lines.append(f" * {work}, {scratch} bytes of scratch */")
    return (
        "\n".join(lines) + f"\n{signature(name, kernel, model.program.written[number])}\n{model.kernel_bodies[number]}"
    )


def _shared_function(model: Model, number: int, users: list[Node]) -> str:
    """One function for layers of several shapes."""
    kernel, name = model.program.kernels[number], model.kernel_name(number)
    lines = [f"{comment_text(node.name)}: {_shapes(model, node)}" for node in users]
    head = "/* " + "\n * ".join(lines) + " */"
    return f"{head}\n{signature(name, kernel, model.program.written[number])}\n{model.kernel_bodies[number]}"


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
