# SPDX-License-Identifier: Apache-2.0
"""The package as a user meets it: accessors, CMake, and the README's example as it stands there."""

import re
import shutil
from pathlib import Path

import pytest
import stm32_runtime_c

README = Path(__file__).parent.parent / "README.md"
SUBDIRECTORY = 'add_subdirectory("{parent}" runtime)'


def test_accessors_give_existing_absolute_paths():
    assert (stm32_runtime_c.include_dir() / "ai_runtime_api.h").is_file()
    assert (stm32_runtime_c.cmake_dir() / "stm32_ai_runtime-config.cmake").is_file()
    sources = stm32_runtime_c.sources()
    assert sources == sorted(sources)
    assert {"ai_runtime.c", "ai_iterator.c"} <= {path.name for path in sources}
    for path in (stm32_runtime_c.include_dir(), stm32_runtime_c.source_dir(), *sources):
        assert path.is_absolute()
        assert path.exists()


def test_api_version_is_that_of_the_fixtures():
    header = (stm32_runtime_c.include_dir() / "ai_runtime_api.h").read_text(encoding="utf-8")
    numbers = re.findall(r"#define AI_API_VERSION_(?:MAJOR|MINOR|PATCH) (\d+)", header)
    assert ".".join(numbers) == "1.1.0"


def test_package_version():
    assert re.fullmatch(r"\d+\.\d+\.\d+", stm32_runtime_c.__version__)


def _readme_block(language: str) -> str:
    blocks = re.findall(rf"^```{language}\n(.*?)^```", README.read_text(encoding="utf-8"), re.MULTILINE | re.DOTALL)
    assert len(blocks) == 1
    return blocks[0]


def _example(c_tools, folder: Path, cmake: str) -> None:
    (folder / "main.c").write_text(_readme_block("c"), encoding="utf-8")
    (folder / "CMakeLists.txt").write_text(cmake, encoding="utf-8")
    shutil.copytree(c_tools.folder / "tiny", folder / "tiny")


# By hand: pixels i / 4 with scale 0.5, zero point -1 are round(i / 2 - 1), halves away from zero; weights 2, 3, -4.
EXAMPLE_SUM = sum((2, 3, -4)[i % 3] * q for i, q in enumerate([-1, -1, 0, 1, 1, 2, 2, 3, 3, 4, 4, 5])) + 3


@pytest.mark.parametrize("compiler", ["gcc", "clang"])
def test_readme_example_compiles_and_runs(c_tools, tmp_path, compiler):
    _example(c_tools, tmp_path, "")
    sources = [tmp_path / "main.c", *sorted((tmp_path / "tiny").glob("*.c")), *stm32_runtime_c.sources()]
    flags = ["-O0", "-ffunction-sections", "-fdata-sections", "-Wl,--gc-sections"]
    c_tools.compile(compiler, *flags, *sources, "-o", tmp_path / "example", "-lm")
    result = c_tools.run(tmp_path / "example")
    assert (result.returncode, result.stdout) == (0, f"tiny: {EXAMPLE_SUM}\n")


@pytest.mark.parametrize(("models", "way"), [("tiny", "find_package"), ("OBSERVER tiny", "add_subdirectory")])
def test_readme_cmake_project_builds(c_tools, tmp_path, way, models):
    cmake = _readme_block("cmake").replace("example tiny", f"example {models}")
    if way == "add_subdirectory":
        subdirectory = SUBDIRECTORY.format(parent=stm32_runtime_c.cmake_dir().parent.as_posix())
        cmake = cmake.replace("find_package(stm32_ai_runtime CONFIG REQUIRED)", subdirectory)
    _example(c_tools, tmp_path, cmake)
    build = tmp_path / "build"
    command = [c_tools.need("cmake"), "-S", tmp_path, "-B", build]
    configured = c_tools.run(*command, f"-Dstm32_ai_runtime_DIR={stm32_runtime_c.cmake_dir()}")
    assert configured.returncode == 0, configured.stderr
    built = c_tools.run("cmake", "--build", build)
    assert built.returncode == 0, built.stdout + built.stderr
    assert c_tools.run(build / "example").stdout == f"tiny: {EXAMPLE_SUM}\n"


def test_cmake_names_a_folder_without_a_model(c_tools, tmp_path):
    _example(c_tools, tmp_path, _readme_block("cmake").replace("example tiny", "example elsewhere"))
    command = [c_tools.need("cmake"), "-S", tmp_path, "-B", tmp_path / "build"]
    result = c_tools.run(*command, f"-Dstm32_ai_runtime_DIR={stm32_runtime_c.cmake_dir()}")
    assert result.returncode != 0
    assert "holds no emitted model: elsewhere.c is missing" in " ".join(result.stderr.split())
