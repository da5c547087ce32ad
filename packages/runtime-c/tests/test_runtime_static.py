# SPDX-License-Identifier: Apache-2.0
"""What can be said without running: warnings, sizes, stack, headers in C++, static analysis, formatting."""

import re
from pathlib import Path

import pytest
import stm32_runtime_c

TARGETS = {
    "cortex-m0plus": ["-mcpu=cortex-m0plus", "-mthumb"],
    "cortex-m4": ["-mcpu=cortex-m4", "-mthumb", "-mfpu=fpv4-sp-d16", "-mfloat-abi=hard"],
    "cortex-m7": ["-mcpu=cortex-m7", "-mthumb", "-mfpu=fpv5-d16", "-mfloat-abi=hard"],
}
ARM = "arm-none-eabi-gcc"
HEADERS = sorted(path.name for path in stm32_runtime_c.include_dir().glob("*.h"))
PUBLIC_HEADERS = ["ai_dlpack.h", "ai_instance.h", "ai_runtime_api.h"]
# Bytes on Cortex-M4 at -Os with arm-none-eabi-gcc 12.2: code, and read-only data (the error strings).
CODE_BUDGET = 1200
TEXT_BUDGET = 640
# Bytes of stack of one API function and all that it calls in the runtime: without the model's functions, which are
# called through the descriptor, and without memcpy.
STACK_BUDGET = {"-O0": 160, "-O2": 80, "-Os": 80}


@pytest.mark.parametrize("level", ["-O0", "-O2", "-Os"])
@pytest.mark.parametrize("target", TARGETS)
@pytest.mark.parametrize("defines", [[], ["-DAI_OBSERVER"]], ids=["plain", "observer"])
def test_target_compiles_without_warnings(c_tools, tmp_path, target, level, defines):
    for source in (*c_tools.runtime, *c_tools.models):
        c_tools.compile(ARM, *TARGETS[target], level, *defines, "-c", source, "-o", tmp_path / f"{source.stem}.o")


@pytest.mark.parametrize("source", stm32_runtime_c.sources(), ids=lambda path: path.name)
@pytest.mark.parametrize("compiler", [ARM, "gcc", "clang"])
@pytest.mark.parametrize("level", ["-O0", "-O2", "-Os"])
def test_every_source_compiles_without_warnings(c_tools, source, compiler, level):
    """Warnings come from the front end and, above -O0, from what the optimiser sees; nothing is assembled."""
    flags = TARGETS["cortex-m4"] if compiler == ARM else []
    last = ["-fsyntax-only"] if level == "-O0" else ["-S", "-o", "/dev/null"]
    c_tools.compile(compiler, *flags, level, source, *last)


def _section_sizes(c_tools, binary: Path) -> dict[str, int]:
    out = c_tools.run(c_tools.need("arm-none-eabi-size"), "-A", binary).stdout
    rows = re.findall(r"^(\.(?:text|rodata|data|bss)\S*)\s+(\d+)", out, re.MULTILINE)
    totals = dict.fromkeys(("text", "rodata", "data", "bss"), 0)
    for name, size in rows:
        totals[name.split(".")[1]] += int(size)
    return totals


def _is_gcc_12_2(c_tools) -> bool:
    return c_tools.run(c_tools.need(ARM), "-dumpfullversion").stdout.startswith("12.2")


def test_code_fits_its_budget(c_tools, tmp_path):
    if not _is_gcc_12_2(c_tools):
        pytest.skip("sizes are compared for arm-none-eabi-gcc 12.2 only")
    total = dict.fromkeys(("text", "rodata", "data", "bss"), 0)
    for source in c_tools.runtime:
        binary = tmp_path / f"{source.stem}.o"
        c_tools.compile(ARM, *TARGETS["cortex-m4"], "-Os", "-ffunction-sections", "-c", source, "-o", binary)
        for name, size in _section_sizes(c_tools, binary).items():
            total[name] += size
    print(total)  # noqa: T201
    assert total["text"] <= CODE_BUDGET
    assert total["rodata"] <= TEXT_BUDGET
    assert total["data"] == total["bss"] == 0, "the runtime must have no state of its own"


def test_runtime_needs_no_heap_no_stdio(c_tools, tmp_path):
    """Undefined symbols of the objects: memcpy at most, besides the linker's and the build's tables."""
    allowed = {"memcpy", "__models_section_start__", "__models_section_end__"}
    for source in c_tools.runtime:
        binary = tmp_path / f"{source.stem}.o"
        c_tools.compile(ARM, *TARGETS["cortex-m4"], "-Os", "-c", source, "-o", binary)
        undefined = set(c_tools.run(c_tools.need("arm-none-eabi-nm"), "-u", binary).stdout.split()) - {"U"}
        assert undefined <= allowed


def _calls(c_tools, binary: Path) -> dict[str, set[str]]:
    """Function -> functions that it branches to, read from the disassembly; indirect calls go to a model's code."""
    calls: dict[str, set[str]] = {}
    function = ""
    for line in c_tools.run(c_tools.need("arm-none-eabi-objdump"), "-dr", binary).stdout.splitlines():
        if start := re.match(r"^[0-9a-f]+ <(\S+)>:", line):
            function = start.group(1)
            calls[function] = set()
        elif target := re.search(
            r"R_ARM_THM_(?:CALL|JUMP\d+|PC\d+)\s+(\S+)|\sbl?(?:\.[nw])?\s+[0-9a-f]+ <(\w+)>", line
        ):
            calls[function].add(target.group(1) or target.group(2))
    return calls


def _stack_bound(function: str, own: dict[str, int], calls: dict[str, set[str]], above: tuple[str, ...] = ()) -> int:
    assert function not in above, f"recursion: {' -> '.join((*above, function))}"
    called = [c for c in calls.get(function, set()) if c in own and c != function]
    return own[function] + max((_stack_bound(c, own, calls, (*above, function)) for c in called), default=0)


def _stack_bounds(c_tools, tmp_path: Path, level: str, defines: list[str]) -> dict[str, int]:
    own: dict[str, int] = {}
    calls: dict[str, set[str]] = {}
    flags = [*TARGETS["cortex-m4"], level, *defines, "-fstack-usage", "-ffunction-sections"]
    for source in c_tools.runtime:
        binary = tmp_path / f"{source.stem}.o"
        c_tools.compile(ARM, *flags, "-c", source, "-o", binary)
        for line in binary.with_suffix(".su").read_text(encoding="ascii").splitlines():
            place, size, kind = line.split("\t")
            assert kind == "static", f"{place}: stack is not bounded at compile time"
            own[place.rpartition(":")[2]] = int(size)
        calls |= _calls(c_tools, binary)
    return {name: _stack_bound(name, own, calls) for name in own if name.startswith("ai_")}


@pytest.mark.parametrize("level", ["-O0", "-O2", "-Os"])
@pytest.mark.parametrize("defines", [[], ["-DAI_OBSERVER"]], ids=["plain", "observer"])
def test_stack_is_bounded(c_tools, tmp_path, level, defines):
    bounds = _stack_bounds(c_tools, tmp_path, level, defines)
    print("\n".join(f"{size:4d} {name}" for name, size in sorted(bounds.items())))  # noqa: T201
    assert {"ai_create", "ai_run", "ai_destroy", "ai_get_input", "ai_model_iterator_next"} <= bounds.keys()
    worst = max(bounds, key=lambda name: bounds[name])
    assert bounds[worst] <= STACK_BUDGET[level], f"{worst} needs {bounds[worst]} bytes of stack"


@pytest.mark.parametrize("header", HEADERS)
@pytest.mark.parametrize("compiler", ["gcc", "clang"])
def test_header_stands_alone(c_tools, tmp_path, compiler, header):
    source = tmp_path / "alone.c"
    source.write_text(f'#include "{header}"\n#include "{header}"\nextern int alone;\n', encoding="ascii")
    c_tools.compile(compiler, "-O2", "-c", source, "-o", tmp_path / "alone.o")


CPP = """
AI_ALIGNED(AI_POOL_ALIGNMENT) static uint8_t pool[_TINY_ACTIVATION_BYTES_];
int main()
{
    ai_handle handle = AI_HANDLE_NULL;
    if (ai_create_sized(&tiny_network, pool, sizeof pool, &handle) != AI_STATUS_OK) {
        return 1;
    }
    for (int32_t i = 0; i < ai_get_input_size(handle); i++) {
        DLTensor *tensor = get_dltensor(ai_get_input(handle, i));
        if (tensor->data == nullptr || get_tensor_size(ai_get_input(handle, i)) == 0) {
            return 2;
        }
    }
    return ai_run(handle) == AI_STATUS_OK && ai_destroy(handle) == AI_STATUS_OK ? 0 : 3;
}
"""


@pytest.mark.parametrize("defines", [[], ["-DAI_OBSERVER"]], ids=["plain", "observer"])
@pytest.mark.parametrize(("cpp", "compiler"), [("g++", "gcc"), ("clang++", "clang")])
@pytest.mark.parametrize("standard", ["c++11", "c++20"])
def test_cpp_application(*, c_tools, tmp_path, cpp, compiler, standard, defines):
    main = tmp_path / "main.cpp"
    main.write_text('#include "tiny.h"\n' + CPP, encoding="ascii")
    objects = []
    for source in (c_tools.runtime[0], *c_tools.folder.glob("tiny/*.c")):
        objects.append(tmp_path / f"{source.stem}.o")
        c_tools.compile(compiler, *defines, "-c", source, "-o", objects[-1])
    warnings = ["-Wall", "-Wextra", "-Wpedantic", "-Wconversion", "-Wsign-conversion", "-Wcast-qual", "-Wcast-align"]
    argv = [c_tools.need(cpp), f"-std={standard}", *warnings, "-Werror", *defines, *c_tools.includes]
    linked = c_tools.run(*argv, main, *objects, "-o", tmp_path / "main")
    assert linked.returncode == 0, linked.stderr
    assert c_tools.run(tmp_path / "main").returncode == 0


# dlpack.h as public releases declare the same types; only what the layout needs.
DLPACK = """#ifndef DLPACK_DLPACK_H_
#define DLPACK_DLPACK_H_
#include <stddef.h>
#include <stdint.h>
typedef enum { kDLCPU = 1, kDLCUDA = 2 } DLDeviceType;
typedef struct { DLDeviceType device_type; int32_t device_id; } DLDevice;
typedef enum { kDLInt = 0U, kDLUInt = 1U, kDLFloat = 2U, kDLBool = 6U } DLDataTypeCode;
typedef struct { uint8_t code; uint8_t bits; uint16_t lanes; } DLDataType;
typedef struct {
    void *data; DLDevice device; int32_t ndim; DLDataType dtype; int64_t *shape; int64_t *strides; uint64_t byte_offset;
} DLTensor;
#endif
"""
LAYOUT = """
#include <stddef.h>
#include <stdio.h>
int main(void)
{
    (void)printf("%zu %zu %zu %zu %zu %zu %zu %zu", sizeof(ai_tensor), offsetof(DLTensor, data),
                 offsetof(DLTensor, ndim), offsetof(DLTensor, dtype), offsetof(DLTensor, shape),
                 offsetof(DLTensor, strides), offsetof(DLTensor, byte_offset), offsetof(DLDevice, device_id));
    return 0;
}
"""


def test_layout_is_that_of_dlpack(c_tools, tmp_path):
    (tmp_path / "dlpack.h").write_text(DLPACK, encoding="ascii")
    printed = []
    for index, includes in enumerate(
        ['#include "dlpack.h"\n#include "ai_runtime_api.h"', '#include "ai_runtime_api.h"']
    ):
        source = tmp_path / f"layout{index}.c"
        source.write_text(includes + LAYOUT, encoding="ascii")
        c_tools.compile("gcc", f"-I{tmp_path}", source, "-o", source.with_suffix(""))
        printed.append(c_tools.run(source.with_suffix("")).stdout)
    assert printed[0] == printed[1] != ""


def test_model_refuses_another_major_version(c_tools, tmp_path):
    for name in PUBLIC_HEADERS:
        text = (stm32_runtime_c.include_dir() / name).read_text(encoding="utf-8")
        changed = text.replace("#define AI_API_VERSION_MAJOR 1", "#define AI_API_VERSION_MAJOR 2")
        (tmp_path / name).write_text(changed, encoding="utf-8")
    model = c_tools.folder / "tiny" / "tiny.c"
    result = c_tools.run(c_tools.need("gcc"), f"-I{tmp_path}", "-c", model, "-o", tmp_path / "tiny.o")
    assert result.returncode != 0
    assert "tiny was emitted for version 1 of the runtime API" in result.stderr


@pytest.mark.parametrize("defines", [["-DAI_HOST_MODELS"], [], ["-DAI_OBSERVER"]], ids=["host", "target", "observer"])
def test_cppcheck(c_tools, defines):
    argv = [c_tools.need("cppcheck"), "--std=c99", "--enable=warning,style,performance,portability", "--inline-suppr"]
    quiet = ["--quiet", "--error-exitcode=1", "--suppress=missingIncludeSystem", "--suppress=unusedFunction"]
    result = c_tools.run(*argv, *quiet, *defines, f"-I{stm32_runtime_c.include_dir()}", *c_tools.runtime)
    assert result.returncode == 0, result.stderr


@pytest.mark.parametrize("compiler", ["clang"])
def test_clang_analyzer(c_tools, compiler):
    for source in c_tools.runtime:
        assert c_tools.compile(compiler, "--analyze", "-Xclang", "-analyzer-werror", "-DAI_OBSERVER", source) == ""
