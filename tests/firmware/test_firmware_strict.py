# SPDX-License-Identifier: Apache-2.0
"""Every C file of firmware and ports compiles without a warning: gcc and clang, three levels of optimisation."""

import json
import shlex
import shutil
import subprocess
from pathlib import Path

import msgspec
import pytest
from stm32_board_support import load_board
from stm32_board_support.configure import board_config_header
from stm32_board_support.cores import CORES, cpu_flags
from stm32_board_support.elf import ElfFile

ROOT = Path(__file__).resolve().parents[2]
STRICT = [
    "-std=c99",
    "-Wall",
    "-Wextra",
    "-Werror",
    "-pedantic",
    "-Wconversion",
    "-Wsign-conversion",
    "-Wshadow",
    "-Wcast-qual",
    "-Wcast-align",
    "-Wundef",
    "-Wdouble-promotion",
    "-Wvla",
    "-Wstrict-prototypes",
    "-Wmissing-prototypes",
]
NEWLIB = Path("/usr/include/newlib")
APPS = ("valid", "perf")
COMBINATIONS = [(board, compiler) for board in ("qemu-mps2-an386", "host") for compiler in ("gcc", "clang")]


def own_files(build: Path) -> list[tuple[list[str], str]]:
    """(preprocessor and CPU flags, file) of what is ours in a configured build: neither nanopb nor generated code."""
    found = []
    for entry in json.loads((build / "compile_commands.json").read_text()):
        words = shlex.split(entry["command"])
        file = entry["file"]
        if not any(part in file for part in ("/firmware/", "/Boards/")) or "generated" in file or "models" in file:
            continue
        keep = [word for word in words if word.startswith(("-D", "-I", "-mcpu", "-mthumb", "-mfpu", "-mfloat"))]
        system = [words[i + 1] for i, word in enumerate(words) if word == "-isystem"]
        found.append(([*keep, *(f"-isystem{folder}" for folder in system)], file))
    return found


def compiler_of(board: str, name: str) -> list[str]:
    if name == "gcc":
        return ["gcc" if board == "host" else "arm-none-eabi-gcc"]
    return ["clang"] if board == "host" else ["clang", "--target=arm-none-eabi", f"-isystem{NEWLIB}"]


def complaints(board: str, compiler: str, files: list[tuple[list[str], str]]) -> list[str]:
    """What a compiler says about the files, at three levels of optimisation; nothing is assembled."""
    if shutil.which(compiler) is None or (compiler == "clang" and not NEWLIB.is_dir()):
        pytest.skip(f"{compiler} is not installed")
    found = []
    for flags, file in files:
        for level in ("-O0", "-O2", "-Os"):
            last = ["-fsyntax-only"] if level == "-O0" else ["-S", "-o", "/dev/null"]
            argv = [*compiler_of(board, compiler), *STRICT, *flags, level, file, *last]
            done = subprocess.run(argv, capture_output=True, text=True, check=False)
            found += [f"{file} {level}\n{done.stderr}"] if done.returncode else []
    return found


@pytest.mark.parametrize(("board", "compiler"), COMBINATIONS)
def test_no_warnings(builder, board, compiler):
    """Files that applications share are compiled once, unless for other definitions."""
    files = {}
    for app in APPS:
        rows = own_files(builder.configure(board=board, app=app))
        assert len(rows) > 8
        for flags, file in rows:
            files[file, *(word for word in flags if word.startswith("-D"))] = flags, file
    assert complaints(board, compiler, list(files.values())) == []


@pytest.mark.parametrize(("board", "compiler"), [("qemu-mps2-an386", "clang"), ("host", "gcc")])
def test_selftest_has_no_warnings(builder, board, compiler):
    """What it shares with the others is in their tests."""
    files = [row for row in own_files(builder.configure(board=board, app="selftest")) if "/SelfTest/" in row[1]]
    assert len(files) == 5
    assert complaints(board, compiler, files) == []


@pytest.mark.parametrize("compiler", ["gcc", "clang"])
@pytest.mark.parametrize(("board", "layout"), [("qemu-netduinoplus2", "default"), ("disco-h747i", "config4")])
def test_no_warnings_in_ports(builder, board, layout, compiler):
    """The Nucleo's port is the Netduino's with the Discovery's cycle counter."""
    files = [
        row for row in own_files(builder.configure(board=board, app="perf", LAYOUT=layout)) if "/Boards/" in row[1]
    ]
    assert len(files) > 8
    assert complaints(board, compiler, files) == []


@pytest.mark.parametrize("interrupt", [None, 7])
@pytest.mark.parametrize("core", [name for name in CORES if name != "host"])
def test_start_up_is_that_of_every_core(tmp_path, core, interrupt):
    """Vector table with and without a console, faults, SysTick: also where there are no fault status registers."""
    if shutil.which("arm-none-eabi-gcc") is None:
        pytest.skip("arm-none-eabi-gcc is not installed")
    board = load_board("nucleo-f412zg")
    console = msgspec.structs.replace(board.descriptor.console, interrupt=interrupt)
    descriptor = msgspec.structs.replace(board.descriptor, core=core, fpu="", console=console)
    header = board_config_header(msgspec.structs.replace(board, descriptor=descriptor))
    (tmp_path / "board_config.h").write_text(header)
    common = ROOT / "Boards" / "common"
    for name in ("startup", "fault", "systick", "receive_ring", "stop"):
        argv = ["arm-none-eabi-gcc", *STRICT, *cpu_flags(core), "-Os", f"-I{tmp_path}", f"-I{common}", "-c"]
        done = subprocess.run(
            [*argv, common / f"{name}.c", "-o", tmp_path / f"{name}.o"], capture_output=True, text=True, check=False
        )
        assert done.returncode == 0, done.stderr
    vectors = {symbol.name: symbol.size for symbol in ElfFile(tmp_path / "startup.o").symbols}["vectors"]
    assert vectors == 4 * (16 if interrupt is None else 17 + interrupt)
