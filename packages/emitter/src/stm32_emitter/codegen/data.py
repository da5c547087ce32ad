# SPDX-License-Identifier: Apache-2.0
"""``<m>_data.h`` and ``<m>_data.c``: the constants."""

from __future__ import annotations

from stm32_emitter.codegen.arrays import initializer
from stm32_emitter.codegen.model import Model
from stm32_emitter.tir.c_source import c_type


def data_header(model: Model) -> str:
    """Declarations of the constants."""
    guard = f"{model.upper}_DATA_H"
    lines = [
        f"extern const {c_type(str(constant.value.dtype))} {model.constant_name(i)}[{constant.value.size}];"
        for i, constant in enumerate(model.program.constants)
    ]
    lines.append(f"const uint8_t *{model.name}_get_params(void);")
    declarations = "\n".join(lines)
    return f"""/* Constants of {model.name}; weights are packed as the kernels read them.
 * Emitted by stm32-ai {model.tool_version}. */
#ifndef {guard}
#define {guard}

#include <stdint.h>

{declarations}

#endif
"""


def data_source(model: Model) -> str:
    """Definitions of the constants, in section .nn_weights."""
    arrays = [
        f"AI_WEIGHTS({model.constant_name(i)}) AI_ALIGNED(4)\n"
        f"const {c_type(str(constant.value.dtype))} {model.constant_name(i)}[{constant.value.size}] = "
        f"{initializer(constant.value)};\n"
        for i, constant in enumerate(model.program.constants)
    ]
    first = f"(const uint8_t *)(const void *){model.constant_name(0)}" if arrays else "NULL"
    joined = "\n".join(arrays)
    return f"""/* Constants of {model.name}. Emitted by stm32-ai {model.tool_version}. */
#include "{model.name}_data.h"

#include <math.h>
#include <stddef.h>

#include "ai_instance.h"

{joined}
const uint8_t *{model.name}_get_params(void)
{{
    return {first};
}}
"""
