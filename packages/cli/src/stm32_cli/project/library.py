# SPDX-License-Identifier: Apache-2.0
"""Compiled models as a library for another project: an archive, headers, a linker fragment, and how to use them."""

from __future__ import annotations

import re
import shutil
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING

from stm32_cli.project.firmware import build_target

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from stm32_cli.project.firmware import Build
    from stm32_cli.project.models import ModelFolder

ARCHIVE = "libstm32_models.a"
FRAGMENT = "stm32_models.ld"
_INCLUDE = re.compile(r'^\s*#include "([^"]+)"', re.MULTILINE)

FRAGMENT_TEXT = """\
/* Sections of compiled models: one line inside of SECTIONS { } of your linker script, behind .bss,
 *     INCLUDE stm32_models.ld
 * Constants go to the memory FLASH, pools in a section .nn_data_act to RAM. Memories of other names:
 * REGION_ALIAS("FLASH", name) before SECTIONS. */
.nn_models : ALIGN(4)
{
    __models_section_start__ = .;
    KEEP(*(.nn_models))
    __models_section_end__ = .;
} > FLASH
.nn_weights : ALIGN(16)
{
    *(.nn_weights .nn_weights.* .*.nn_weights)
    . = ALIGN(4);
} > FLASH
.nn_data_act (NOLOAD) : ALIGN(16)
{
    *(.nn_data_act .*.nn_data_act)
    . = ALIGN(4);
} > RAM
"""

_README = """\
# {title}
Built for {part}: {core}, {flags}.
Compile and link your project with the same flags: the way that functions are called depends on them.

    arm-none-eabi-gcc {flags} -Iinclude -c main.c
    arm-none-eabi-gcc {flags} main.o ... -L. -lstm32_models -lm -Wl,--gc-sections -T project.ld

project.ld takes one line inside of `SECTIONS {{ }}`, behind `.bss`: `INCLUDE {fragment}`. It places constants in the
memory `FLASH`, and gives the table of models that `ai_model_iterator_begin` needs. -L tells where the file is.

```c
{example}```

Constants {constants:,} B and code {code:,} B of flash; activations {activations:,} B of RAM.
"""


@dataclass(frozen=True)
class Library:
    """Where the parts of a library were written."""

    folder: Path

    @property
    def archive(self) -> Path:
        """The static library."""
        return self.folder / ARCHIVE


def include_closure(headers: Iterable[str], folders: Iterable[Path]) -> list[Path]:
    """Headers and all that they include, as paths, sorted.

    Args:
        headers: names, as in an #include "...".
        folders: where they are looked for, in this order; what is nowhere is a header of the compiler.
    """
    places = list(folders)
    found: dict[str, Path] = {}
    todo = list(headers)
    while todo:
        name = todo.pop()
        path = next((place / name for place in places if (place / name).is_file()), None)
        if name not in found and path is not None:
            found[name] = path
            todo += _INCLUDE.findall(path.read_text(encoding="utf-8"))
    return sorted(found.values())


def example_text(name: str) -> str:
    """A C function with the four calls for a model, and its pool."""
    upper = name.upper()
    return f"""\
#include "{name}.h"

AI_ALIGNED(AI_POOL_ALIGNMENT) static uint8_t pool[_{upper}_ACTIVATION_BYTES_];

ai_status run_{name}(void)
{{
    ai_handle network;
    if (ai_create_sized(&{name}_network, pool, sizeof pool, &network) != AI_STATUS_OK) {{
        return AI_STATUS_ERROR; /* ai_get_create_error says why */
    }}
    /* fill ai_get_input(network, 0)->dltensor.data here */
    const ai_status status = ai_run(network);
    /* use ai_get_output(network, 0)->dltensor.data here */
    (void)ai_destroy(network);
    return status;
}}
"""


_REFUSES_SHARING = re.compile(r"#ifdef AI_SHARED_POOL\n#error [^\n]*\n#endif\n")


def without_refusal(source: str) -> str:
    """The source of a model without its refusal of a pool that models share: its pool is the application's alone."""
    return _REFUSES_SHARING.sub("", source)


def for_application(models: Sequence[ModelFolder], folder: Path) -> list[ModelFolder]:
    """The models of a library, whose pools the application gives; those that refuse a shared pool as copies.

    Args:
        models: compiled models.
        folder: where the copies are made, in a folder of their own for each.
    """
    return [_copied(model, folder / "models" / model.name) if model.info.get("states") else model for model in models]


def _copied(model: ModelFolder, folder: Path) -> ModelFolder:
    shutil.rmtree(folder, ignore_errors=True)
    shutil.copytree(model.path, folder)
    source = folder / f"{model.name}.c"
    source.write_text(without_refusal(source.read_text(encoding="utf-8")), encoding="utf-8")
    return replace(model, path=folder)


def without_pool(header: str) -> str:
    """The header of a model whose pool is the application's: it says so to the model's sources, too."""
    said = (
        "/* The application gives the pool to ai_create. */\n#ifndef AI_SHARED_POOL\n#define AI_SHARED_POOL\n#endif\n"
    )
    return header.replace('#include "ai_instance.h"', f'{said}\n#include "ai_instance.h"', 1)


def build_library(build: Build) -> Library:
    """Makes the library of an image that was built, in the folder `library` of its build folder.

    The models keep no pool of their own: the application gives one to `ai_create_sized`.

    Raises:
        CliError: the compiler failed; exit code 1.
    """
    import stm32_runtime_c

    build_target(build, "library")
    library = Library(build.folder / "library")
    shutil.rmtree(library.folder, ignore_errors=True)
    include = library.folder / "include"
    include.mkdir(parents=True)
    shutil.copyfile(build.folder / ARCHIVE, library.archive)
    folders = [*(model.path for model in build.models), stm32_runtime_c.include_dir()]
    for header in include_closure([f"{model.name}.h" for model in build.models], folders):
        text = header.read_text(encoding="utf-8")
        is_model = header.stem in {model.name for model in build.models}
        (include / header.name).write_text(without_pool(text) if is_model else text, encoding="utf-8")
    (library.folder / FRAGMENT).write_text(FRAGMENT_TEXT, encoding="utf-8")
    return library


def write_readme(library: Library, build: Build, sizes: tuple[int, int, int]) -> None:
    """Writes README.md.

    Args:
        library: where.
        build: what was built.
        sizes: bytes of code, constants, activations.
    """
    from stm32_board_support.cores import CORES, cpu_flags

    data = build.board.descriptor
    code, constants, activations = sizes
    text = _README.format(
        title=", ".join(model.name for model in build.models),
        part=data.part or data.name,
        core=CORES[data.core].pretty,
        flags=" ".join(cpu_flags(data.core, data.fpu)),
        fragment=FRAGMENT,
        example="\n".join(example_text(model.name) for model in build.models),
        code=code,
        constants=constants,
        activations=activations,
    )
    (library.folder / "README.md").write_text(text, encoding="utf-8")
