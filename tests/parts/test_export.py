# SPDX-License-Identifier: Apache-2.0
"""Exported folders in projects of each kind: built with the documented lines alone, run, compared with the reference.

The projects of STM32CubeMX are skeletons of ours with the structure and the names of generated ones, not its output.
"""

from __future__ import annotations

import json
import re
import shutil

import pytest

from tests.parts.conftest import KWS
from tests.parts.project import CUBE_SCRIPT, board_files, main_source, printed_outputs, run_tool, samples

BOARD, MCU = "qemu-mps2-an386", "stm32f405rg"
CROSS = {"CC": "arm-none-eabi-gcc", "AR": "arm-none-eabi-ar"}

CMAKE_PROJECT = """
cmake_minimum_required(VERSION 3.20)
set(CMAKE_SYSTEM_NAME Generic)
set(CMAKE_C_COMPILER arm-none-eabi-gcc)
set(CMAKE_TRY_COMPILE_TARGET_TYPE STATIC_LIBRARY)
set(CMAKE_C_FLAGS "@FLAGS@")
project(application C)
add_executable(${CMAKE_PROJECT_NAME} @SOURCES@)
target_include_directories(${CMAKE_PROJECT_NAME} PRIVATE @INCLUDES@)
target_link_options(${CMAKE_PROJECT_NAME} PRIVATE -T@SCRIPT@ -nostartfiles -Wl,--gc-sections -Wl,--no-warn-rwx-segments)
"""

CUBE_MAKEFILE = """
TARGET = application
BUILD_DIR = build
C_SOURCES = \\
@SOURCES@
CC = arm-none-eabi-gcc
MCU = @FLAGS@
C_INCLUDES = \\
@INCLUDES@
# here
CFLAGS += $(MCU) $(C_INCLUDES) -Og -Wall -fdata-sections -ffunction-sections
LDFLAGS = $(MCU) -T@SCRIPT@ -nostartfiles -lm -Wl,--gc-sections -Wl,--no-warn-rwx-segments
all: $(BUILD_DIR)/$(TARGET).elf
OBJECTS = $(addprefix $(BUILD_DIR)/,$(notdir $(C_SOURCES:.c=.o)))
vpath %.c $(sort $(dir $(C_SOURCES)))
$(BUILD_DIR)/%.o: %.c Makefile | $(BUILD_DIR)
	$(CC) -c $(CFLAGS) $< -o $@
$(BUILD_DIR)/$(TARGET).elf: $(OBJECTS) Makefile
	$(CC) $(OBJECTS) $(LDFLAGS) -o $@
$(BUILD_DIR):
	mkdir $@
"""

MAKE_PROJECT = """
include models/stm32_models.mk
LINK = -Wl,--gc-sections -Wl,--no-warn-rwx-segments -Lmodels/build -lstm32_models -lm
application.elf: models/build/libstm32_models.a @SOURCES@
	arm-none-eabi-gcc @FLAGS@ -O2 $(STM32_MODELS_INCLUDES) @INCLUDES@ @SOURCES@ -nostartfiles -T@SCRIPT@ $(LINK) -o $@
"""


class Project:
    """A user's project: Core/Src with start-up and main program, a linker script, the exported models."""

    def __init__(self, maker, zoo, folder, kind):
        self.folder = folder
        done = maker.stm32("export", maker.model(KWS, MCU), "--format", kind, "-o", folder / "models")
        assert done.returncode == 0, done.stderr
        inputs, expected = samples(zoo, KWS)
        self.expected = [row.tobytes() for row in expected]
        source = folder / "Core" / "Src"
        source.mkdir(parents=True)
        flags, self.includes, sources = board_files(BOARD, folder / "Core" / "Inc")
        self.flags = " ".join(flags)
        for path in sources:
            shutil.copy(path, source)
        (source / "main.c").write_text(main_source(inputs))
        (folder / "flash.ld").write_text(CUBE_SCRIPT)
        self.sources = sorted(path.relative_to(folder) for path in source.iterdir())

    def fill(self, text, separator=" ", prefix=""):
        values = {"FLAGS": self.flags, "SCRIPT": str(self.folder / "flash.ld")}
        values["SOURCES"] = separator.join(map(str, self.sources))
        values["INCLUDES"] = separator.join(f"{prefix}{path}" for path in self.includes)
        return re.sub("@([A-Z]+)@", lambda found: values[found[1]], text)

    def documented(self, language):
        """The lines that the README tells to add."""
        text = (self.folder / "models" / "README.md").read_text()
        block = re.search(rf"```{language}\n(.*?)```", text, re.DOTALL)[1]
        return "".join(line.strip() + "\n" for line in block.splitlines())

    def check(self, elf):
        assert printed_outputs(BOARD, elf) == self.expected


def _cmake(project):
    run_tool(["cmake", "-G", "Ninja", "-B", "build", "."], cwd=project.folder)
    run_tool(["cmake", "--build", "build"], cwd=project.folder)
    return project.folder / "build" / "application"


@pytest.mark.parametrize("kind", ["cmake", "cube"])
def test_cmake_project(kind, maker, zoo, emulator, tmp_path):  # noqa: ARG001
    project = Project(maker, zoo, tmp_path, kind)
    lines = project.documented("cmake").replace("your_target", "${CMAKE_PROJECT_NAME}")
    (tmp_path / "CMakeLists.txt").write_text(project.fill(CMAKE_PROJECT) + lines)
    project.check(_cmake(project))


def test_makefile_of_cube(maker, zoo, emulator, tmp_path):  # noqa: ARG001
    project = Project(maker, zoo, tmp_path, "cube")
    text = project.fill(CUBE_MAKEFILE, " \\\n", "-I")
    (tmp_path / "Makefile").write_text(text.replace("# here\n", project.documented("make")))
    run_tool(["make", "-j2"], cwd=tmp_path)
    project.check(tmp_path / "build" / "application.elf")


def test_makefile_project_with_the_archive(maker, zoo, emulator, tmp_path):  # noqa: ARG001
    project = Project(maker, zoo, tmp_path, "makefile")
    tools = [f"{name}={program}" for name, program in CROSS.items()]
    run_tool(["make", "-j2", "-C", "models", *tools, f"CPU={project.flags}"], cwd=tmp_path)
    (tmp_path / "Makefile").write_text(project.fill(MAKE_PROJECT, prefix="-I"))
    run_tool(["make"], cwd=tmp_path)
    project.check(tmp_path / "application.elf")


def test_example_runs_on_this_computer(maker, tmp_path):
    done = maker.stm32("export", maker.model(KWS, MCU), "--format", "cmake", "-o", tmp_path / "models")
    assert done.returncode == 0, done.stderr
    run_tool(["cmake", "-G", "Ninja", "-B", tmp_path / "build", tmp_path / "models"])
    run_tool(["cmake", "--build", tmp_path / "build"])
    run_tool([tmp_path / "build" / "example"])


def test_example_of_cube_compiles_without_a_warning(maker, tmp_path):
    done = maker.stm32("export", maker.model(KWS, MCU), "--format", "cube", "-o", tmp_path / "models")
    assert done.returncode == 0, done.stderr
    strict = ["-std=c99", "-Wall", "-Wextra", "-pedantic", "-Wconversion", "-Wmissing-prototypes", "-Werror"]
    argv = ["arm-none-eabi-gcc", "-mcpu=cortex-m4", "-mthumb", *strict, f"-I{tmp_path / 'models' / 'ai'}"]
    run_tool([*argv, "-c", tmp_path / "models" / "example.c", "-o", tmp_path / "example.o"])
    assert "main(" not in (tmp_path / "models" / "example.c").read_text()


def test_export_is_not_overwritten_silently(maker, tmp_path):
    folder, model = tmp_path / "models", maker.model(KWS, MCU)
    export = ("export", model, "--format", "cmake", "-o", folder)
    assert maker.stm32(*export).returncode == 0
    (folder / "main.c").write_text("mine")
    refused = maker.stm32(*export)
    assert refused.returncode == 2
    assert "exists; it was not touched" in refused.stderr
    assert (folder / "main.c").read_text() == "mine"
    assert maker.stm32(*export, "--force").returncode == 0
    assert "ai_run" in (folder / "main.c").read_text()
    assert json.loads((folder / "stm32-export.json").read_text()) == {"format": "cmake", "models": ["net"]}


def test_foreign_folder_is_never_replaced(maker, tmp_path):
    (tmp_path / "precious").write_text("x")
    done = maker.stm32("export", maker.model(KWS, MCU), "--format", "cmake", "-o", tmp_path, "--force")
    assert done.returncode == 2
    assert "was not made by stm32 export" in done.stderr
    assert [path.name for path in tmp_path.iterdir()] == ["precious"]
