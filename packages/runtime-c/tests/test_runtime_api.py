# SPDX-License-Identifier: Apache-2.0
"""The C unit tests, built by each host compiler at each level, with and without sanitizers and the observer."""

from pathlib import Path

import pytest

COMPILERS = ["gcc", "clang"]
LEVELS = {
    "O0": ["-O0"],
    "O2": ["-O2"],
    "Os": ["-Os"],
    "sanitized": ["-O1", "-g", "-fsanitize=address,undefined", "-fno-sanitize-recover=all"],
}
# What a linker script of a target does, added to the host linker's own.
SECTION_SCRIPT = """SECTIONS {
    .nn_models : { __models_section_start__ = .; KEEP(*(.nn_models)) __models_section_end__ = .; }
} INSERT AFTER .data;
"""


@pytest.mark.parametrize("level", LEVELS)
@pytest.mark.parametrize("compiler", COMPILERS)
@pytest.mark.parametrize(("program", "defines"), [("api_tests", []), ("observer_tests", ["-DAI_OBSERVER"])])
def test_c_unit_tests(*, c_tools, tmp_path, seed, program, defines, compiler, level):
    binary = tmp_path / program
    sources = [c_tools.folder / f"{program}.c", c_tools.folder / "fixtures.c", c_tools.folder / "host_models.c"]
    c_tools.compile(
        compiler,
        *LEVELS[level],
        "-DAI_HOST_MODELS",
        *defines,
        *sources,
        *c_tools.models,
        *c_tools.runtime,
        "-o",
        binary,
    )
    result = c_tools.run(binary, seed)
    assert result.returncode == 0, f"seed {seed}\n{result.stdout}{result.stderr}"
    assert "0 failures" in result.stdout


def _link_with_section(c_tools, tmp_path: Path, flags: list[str], sources: list[Path]) -> Path:
    script = tmp_path / "models.ld"
    script.write_text(SECTION_SCRIPT, encoding="ascii")
    binary = tmp_path / "program"
    c_tools.compile("gcc", *flags, *sources, *c_tools.runtime, f"-Wl,-T,{script}", "-o", binary)
    return binary


@pytest.mark.parametrize("flags", [["-O0"], ["-O2"], ["-Os", "-flto"]], ids=["O0", "O2", "Os-lto"])
def test_iterator_over_the_section(c_tools, tmp_path, seed, flags):
    """The target's iterator, on the host: the same objects, the models collected by a linker script."""
    sources = [c_tools.folder / "api_tests.c", c_tools.folder / "fixtures.c", *c_tools.models]
    result = c_tools.run(_link_with_section(c_tools, tmp_path, [*flags, "-Wl,--gc-sections"], sources), seed)
    assert result.returncode == 0, result.stdout + result.stderr


EMPTY_MAIN = """#include "ai_runtime_api.h"
int main(void)
{
    int models = 0;
    ai_model_iterator it;
    for (it = ai_model_iterator_begin(); it != ai_model_iterator_end(); it = ai_model_iterator_next(it)) {
        models++;
    }
    return models + (ai_model_iterator_value(ai_model_iterator_begin()) != NULL ? 100 : 0);
}
"""


@pytest.mark.parametrize("flags", [["-O0"], ["-O2"], ["-O2", "-flto"]], ids=["O0", "O2", "O2-lto"])
@pytest.mark.parametrize("kind", ["section", "table"])
def test_no_model_is_linked(c_tools, tmp_path, kind, flags):
    main = tmp_path / "main.c"
    main.write_text(EMPTY_MAIN, encoding="ascii")
    if kind == "section":
        binary = _link_with_section(c_tools, tmp_path, flags, [main])
    else:
        binary = tmp_path / "program"
        table = c_tools.folder / "host_models.c"
        c_tools.compile("gcc", *flags, "-DAI_HOST_MODELS", "-DNO_MODELS", main, table, *c_tools.runtime, "-o", binary)
    assert c_tools.run(binary).returncode == 0


def test_observer_mix_does_not_link(c_tools, tmp_path):
    """A runtime with AI_OBSERVER and a model without it lay an instance out differently: the linker must refuse."""
    objects = []
    for source, flags in [(c_tools.runtime[0], ["-DAI_OBSERVER"]), *((s, []) for s in c_tools.models)]:
        objects.append(tmp_path / f"{source.stem}.o")
        c_tools.compile("gcc", *flags, "-c", source, "-o", objects[-1])
    main = tmp_path / "main.c"
    main.write_text("int main(void) { return 0; }\n", encoding="ascii")
    result = c_tools.run(c_tools.need("gcc"), main, *objects, "-o", tmp_path / "mixed")
    assert result.returncode != 0
    assert "ai_instance_create" in result.stderr


def test_application_of_the_original_runtime(c_tools, tmp_path):
    """Source compatibility: what users of the original wrote compiles without a warning and runs."""
    binary = tmp_path / "legacy"
    sources = [c_tools.folder / "legacy_app.c", c_tools.folder / "host_models.c", *c_tools.models, *c_tools.runtime]
    c_tools.compile("gcc", "-DAI_HOST_MODELS", *sources, "-o", binary)
    result = c_tools.run(binary)
    assert result.returncode == 0, result.stdout
    assert "scale 500/1000 zero point -1" in result.stdout
    assert "tiny 1.0.0: 2 nodes, parameters 3 bytes at an address" in result.stdout
    assert "ranks 1.0.0: 1 nodes, parameters 0 bytes at none" in result.stdout
