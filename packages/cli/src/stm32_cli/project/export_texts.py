# SPDX-License-Identifier: Apache-2.0
"""Texts of an exported folder: build files, example and README, for each kind of project."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Sequence

LIBRARY = "stm32_models"
FORMATS = ("cmake", "cube", "makefile")

_CMAKE = """\
# SPDX-License-Identifier: Apache-2.0
# Library {library}: compiled models and their runtime. In your project:
#     add_subdirectory(path/to/this/folder)
#     target_link_libraries(your_target {library})
# The flags that choose the CPU have to hold here, too: CMAKE_C_FLAGS or add_compile_options before add_subdirectory.
cmake_minimum_required(VERSION 3.20)
if(NOT CMAKE_PROJECT_NAME)
  project({library} LANGUAGES C)
endif()

file(GLOB {library}_sources "${{CMAKE_CURRENT_LIST_DIR}}/ai/*.c")
add_library({library} STATIC ${{{library}_sources}})
target_include_directories({library} PUBLIC "${{CMAKE_CURRENT_LIST_DIR}}/ai")
set_target_properties({library} PROPERTIES C_STANDARD 99 C_EXTENSIONS ON C_STANDARD_REQUIRED ON)
if(CMAKE_C_COMPILER_ID MATCHES "GNU|Clang")
  target_compile_options({library} PRIVATE {opt} -ffunction-sections -fdata-sections)
endif()
if(CMAKE_C_COMPILER_ID STREQUAL "GNU") # short loops must not become calls of memcpy and memset
  target_compile_options({library} PRIVATE -fno-tree-loop-distribute-patterns)
endif()
target_link_libraries({library} PUBLIC m)
"""

_CMAKE_EXAMPLE = """
if(CMAKE_SOURCE_DIR STREQUAL CMAKE_CURRENT_LIST_DIR) # on its own, the example is a program of this computer
  add_executable(example main.c)
  target_link_libraries(example {library})
endif()
"""

_MK = """\
# SPDX-License-Identifier: Apache-2.0
# The models and their runtime, for a Makefile: sources, and the one include path.
STM32_MODELS_DIR := $(dir $(lastword $(MAKEFILE_LIST)))
STM32_MODELS_SOURCES := $(wildcard $(STM32_MODELS_DIR)ai/*.c)
STM32_MODELS_INCLUDES := -I$(STM32_MODELS_DIR)ai
"""

_MK_CUBE = """\
# The lists of a Makefile that STM32CubeMX generates.
C_SOURCES += $(STM32_MODELS_SOURCES)
C_INCLUDES += $(STM32_MODELS_INCLUDES)
"""

_MAKEFILE = """\
# SPDX-License-Identifier: Apache-2.0
# Builds lib{library}.a from the models and their runtime:
#     make CC=arm-none-eabi-gcc AR=arm-none-eabi-ar CPU="-mcpu=cortex-m4 -mthumb -mfpu=fpv4-sp-d16 -mfloat-abi=hard"
# BUILD=folder says where; `make example` builds main.c for this computer.
include {library}.mk

BUILD ?= build
CPU ?=
OPT ?= {opt}
FLAGS = $(CPU) $(OPT) -std=gnu99 -ffunction-sections -fdata-sections $(STM32_MODELS_INCLUDES) $(CFLAGS)
OBJECTS = $(patsubst $(STM32_MODELS_DIR)ai/%.c,$(BUILD)/%.o,$(STM32_MODELS_SOURCES))

.PHONY: all example clean
all: $(BUILD)/lib{library}.a

$(BUILD)/%.o: $(STM32_MODELS_DIR)ai/%.c $(wildcard $(STM32_MODELS_DIR)ai/*.h) | $(BUILD)
\t$(CC) $(FLAGS) -c $< -o $@

$(BUILD)/lib{library}.a: $(OBJECTS)
\trm -f $@
\t$(AR) rcs $@ $(OBJECTS)

example: $(BUILD)/lib{library}.a
\t$(CC) $(FLAGS) main.c -L$(BUILD) -l{library} -lm -o $(BUILD)/example

$(BUILD):
\tmkdir -p $@

clean:
\trm -rf $(BUILD)
"""

_RUN = """\
AI_ALIGNED(AI_POOL_ALIGNMENT) static uint8_t {name}_pool[_{upper}_ACTIVATION_BYTES_];

{static}ai_status {function}(void)
{{
    ai_handle network;
    if (ai_create_sized(&{name}_network, {name}_pool, sizeof {name}_pool, &network) != AI_STATUS_OK) {{
        return AI_STATUS_ERROR; /* ai_get_create_error says why */
    }}
    const ai_tensor *const input = ai_get_input(network, 0);
    memset(input->dltensor.data, 0, get_tensor_size(input)); /* your data here */
    const ai_status status = ai_run(network);
    if (status == AI_STATUS_OK) {{
        const ai_tensor *const output = ai_get_output(network, 0);
        (void)output; /* output->dltensor.data holds get_tensor_size(output) bytes */
    }} /* else ai_get_error(network) says why */
    (void)ai_destroy(network);
    return status;
}}
"""

_README = """\
# {names}
Compiled models and their runtime as C sources: everything in `ai/`, with `ai/` as the one include path. No other file
is needed to build them, no definition, no linker script.

{how}
## Calling a model
`{example}` shows the four calls: `ai_create_sized`, `ai_get_input`, `ai_run`, `ai_get_output` (and `ai_destroy` at the
end). The memory of a model is a `static` array of yours, {pools}; constants stay in flash.

## What to know
- Optimise: {opt}, also in a debug build. `-ffunction-sections -fdata-sections` with `-Wl,--gc-sections` drops the
  kernels that these models do not use. C99 with GNU assembly; the compiler is gcc or clang.
- The models were compiled for {targets}. They compute the same on any core, and are fast on that one.
- A new version: export again with --force, which replaces this folder and whatever was changed in it.
"""

_HOW_CMAKE = """\
## Into a CMake project
```cmake
add_subdirectory({folder})
target_link_libraries(your_target {library})
```
The flags that choose the CPU have to be set before, for all targets: in the toolchain file, by `CMAKE_C_FLAGS` or
`add_compile_options`.
On its own, for this computer: `cmake -B build . && cmake --build build && build/example`.
"""

_HOW_MAKEFILE = """\
## Into a Makefile project
As sources, with `include {folder}/{library}.mk`: compile `$(STM32_MODELS_SOURCES)` with `$(STM32_MODELS_INCLUDES)`.
Or as an archive:

    make -C {folder} CC=arm-none-eabi-gcc AR=arm-none-eabi-ar CPU="-mcpu=cortex-m4 -mthumb ..."

then link `{folder}/build/lib{library}.a -lm`. `make example` builds main.c for this computer.
"""

_HOW_CUBE = """\
## Into a project of STM32CubeMX or STM32CubeIDE
Put this folder beside `Core`. Then, by the kind of project:

- **CMake** (generated CMakeLists.txt at the root), at its end:
  ```cmake
  add_subdirectory({folder})
  target_link_libraries(${{CMAKE_PROJECT_NAME}} {library})
  ```
- **Makefile** (generated), behind the list `C_INCLUDES`:
  ```make
  include {folder}/{library}.mk
  ```
- **STM32CubeIDE** (managed build): *Properties > C/C++ General > Paths and Symbols*: add `{folder}/ai` under *Includes*
  and `{folder}` under *Source Location*.

In `Core/Src/main.c`: `#include "{first}.h"` and the calls of `example.c`.
"""


def cmake_text(kind: str, opt: str) -> str:
    """CMakeLists.txt."""
    example = _CMAKE_EXAMPLE if kind == "cmake" else ""
    return (_CMAKE + example).format(library=LIBRARY, opt=opt)


def mk_text(kind: str) -> str:
    """stm32_models.mk."""
    return _MK + (_MK_CUBE if kind == "cube" else "")


def makefile_text(opt: str) -> str:
    """The Makefile."""
    return _MAKEFILE.format(library=LIBRARY, opt=opt)


def _run_text(name: str, *, static: bool) -> str:
    function = f"run_{name}"
    head = "" if static else f"ai_status {function}(void);\n\n"
    return head + _RUN.format(name=name, upper=name.upper(), function=function, static="static " if static else "")


def example_text(names: Sequence[str], *, with_main: bool) -> str:
    """main.c, or the same without a main function: the four calls for each model."""
    title = "/* The calls that run a model, on an input of zeros. */\n"
    includes = "#include <string.h>\n\n" + "".join(f'#include "{name}.h"\n' for name in names)
    parts = [title + includes, *(_run_text(name, static=with_main) for name in names)]
    if with_main:
        calls = " && ".join(f"run_{name}() == AI_STATUS_OK" for name in names)
        parts.append(f"int main(void)\n{{\n    return {calls} ? 0 : 1;\n}}\n")
    return "\n".join(parts)


def readme_text(kind: str, folder: str, models: Sequence[tuple[str, int, str]], opt: str) -> str:
    """README.md.

    Args:
        kind: one of FORMATS.
        folder: the exported folder's name.
        models: name, bytes of its pool and target of each model.
        opt: the compiler's optimisation option.
    """
    how = {"cmake": _HOW_CMAKE, "cube": _HOW_CUBE, "makefile": _HOW_MAKEFILE}[kind]
    return _README.format(
        names=", ".join(name for name, _, _ in models),
        how=how.format(folder=folder, library=LIBRARY, first=models[0][0]),
        example="example.c" if kind == "cube" else "main.c",
        pools=", ".join(f"{size:,} B for {name}" for name, size, _ in models),
        opt=opt,
        targets=", ".join(sorted({target for _, _, target in models})),
    )
