# SPDX-License-Identifier: Apache-2.0
"""``<m>_ext.h`` and ``<m>_ext_<file>.c``: the C of operators from outside.

Its functions get the model's name in front (by macros), so that several models may hold the same operator.
"""

from __future__ import annotations

import re

from stm32_emitter.codegen.model import Model
from stm32_emitter.errors import OperatorError
from stm32_emitter.tir.lowering import ExternalFunction


def external_functions(model: Model) -> list[ExternalFunction]:
    """What the kernels of a model call, each once, by name.

    Raises:
        OperatorError: two operators bring a function, or a file, of one name.
    """
    functions: dict[str, ExternalFunction] = {}
    files: dict[str, str] = {}
    for kernel in model.program.kernels:
        found = kernel.external
        if found is None:
            continue
        if functions.setdefault(found.function, found) != found:
            raise OperatorError(f"two C functions are named '{found.function}'; the kernels call them differently")
        if files.setdefault(_file(found), found.text) != found.text:
            raise OperatorError(f"two operators bring C files named '{found.file}.c'", "Give one of them another name.")
    return [functions[name] for name in sorted(functions)]


def external_files(model: Model) -> dict[str, str]:
    """File name -> content; empty for a model of which the runtime has all functions."""
    functions = external_functions(model)
    if not functions:
        return {}
    texts = {f"{model.name}_ext_{_file(function)}.c": _source(model, function) for function in functions}
    return {f"{model.name}_ext.h": _header(model, functions), **texts}


def _file(function: ExternalFunction) -> str:
    return re.sub(r"[^A-Za-z0-9_]", "_", function.file)


def _header(model: Model, functions: list[ExternalFunction]) -> str:
    guard = f"{model.upper}_EXT_H"
    lines = "\n".join(
        f"#define {function.function} {model.name}_E_{function.function}\n{function.prototype};"
        for function in functions
    )
    return f"""/* Functions of operators that do not come with stm32-ai, as the kernels of {model.name} call them.
 * Emitted by stm32-ai {model.tool_version}. */
#ifndef {guard}
#define {guard}

#include <stdint.h>

{lines}

#endif
"""


def _source(model: Model, function: ExternalFunction) -> str:
    text = function.text if function.text.endswith("\n") else function.text + "\n"
    return f"""/* {_file(function)}.c, which came with an operator of {model.name}; the first line gives its functions
 * the model's name. Emitted by stm32-ai {model.tool_version}. */
#include "{model.name}_ext.h"

{text}"""
