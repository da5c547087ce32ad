# SPDX-License-Identifier: Apache-2.0
"""Every emitted file by itself under the strict flags, and all files of a model under those of three compilers."""

from __future__ import annotations

import shutil

import pytest
import stm32_runtime_c
from stm32_emitter import compile_model
from stm32_emitter.testing.cases import GENERATORS, cases, operators
from stm32_emitter.testing.graphs import graphs

from tests.conformance.toolchain import STRICT, run
from tests.conftest import lacking

SEED = 200_000
ARM = ("-mcpu=cortex-m4", "-mthumb", "-mfpu=fpv4-sp-d16", "-mfloat-abi=hard")
OPTIMISED = (("gcc", "-Os"), ("clang", "-O2"), ("arm-none-eabi-gcc", "-Os", *ARM))
"""The batches of the other tests are compiled with gcc -O1 and arm-none-eabi-gcc -O2 under the same flags."""


def types_of(op):
    """Those that are common; truth values for what takes nothing else."""
    return [dtype for dtype in ("int8", "float32") if op in operators(dtype)] or ["bool"]


@pytest.fixture(scope="module")
def emitted(tmp_path_factory):
    """The files of one case for each operator and type, and of some graphs; their C sources by name."""
    folder = tmp_path_factory.mktemp("emitted")
    models = [next(cases(op, SEED, 1, dtype)) for op in GENERATORS for dtype in types_of(op)]
    for model in [*models, *graphs(SEED, 6)]:
        for name, content in compile_model(model.model, name=model.name).files.items():
            if name.endswith((".c", ".h")):
                (folder / name).write_bytes(content)
    return folder


def installed(program):
    if shutil.which(program) is None:
        lacking(f"{program} is not installed")


def test_each_file_compiles_by_itself(emitted, tmp_path):
    """A file includes what it needs, and the front end has nothing to say."""
    installed("gcc")
    sources = sorted(str(path) for path in emitted.glob("*.c"))
    assert len(sources) > 500
    include = f"-I{stm32_runtime_c.include_dir()}"
    run(["gcc", "-O0", *STRICT, include, "-fsyntax-only", *sources], tmp_path, timeout=900)


@pytest.mark.parametrize("command", OPTIMISED, ids=" ".join)
def test_emitted_c_is_clean(command, emitted, tmp_path):
    """Warnings come from the front end and from what the optimiser sees; nothing is assembled.

    The files of a model are compiled as one, which saves two thirds of the compiler's starts.
    """
    installed(command[0])
    models = sorted(path.name.removesuffix("_data.c") for path in emitted.glob("*_data.c"))
    for model in models:
        files = (emitted / f"{model}{part}.c" for part in ("_data", "_lib", ""))
        (tmp_path / f"{model}.c").write_text("".join(f'#include "{file}"\n' for file in files))
    assert len(models) > 200
    include = f"-I{stm32_runtime_c.include_dir()}"
    run([*command, *STRICT, include, "-S", *[f"{model}.c" for model in models]], tmp_path, timeout=900)
    assert len(list(tmp_path.glob("*.s"))) == len(models)
