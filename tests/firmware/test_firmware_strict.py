# SPDX-License-Identifier: Apache-2.0
"""Every C file of firmware and ports compiles without a warning: gcc and clang, three levels of optimisation."""

import json
import shlex
import shutil
import subprocess
from pathlib import Path

import pytest

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
COMBINATIONS = [
    (board, app, compiler)
    for board in ("qemu-mps2-an386", "host")
    for app in ("valid", "perf")
    for compiler in ("gcc", "clang")
]


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


@pytest.mark.parametrize(("board", "app", "compiler"), COMBINATIONS)
def test_no_warnings(builder, tmp_path, board, app, compiler):
    if shutil.which(compiler) is None or (compiler == "clang" and not NEWLIB.is_dir()):
        pytest.skip(f"{compiler} is not installed")
    files = own_files(builder.configure(board=board, app=app))
    assert len(files) > 8
    for flags, file in files:
        for level in ("-O0", "-O2", "-Os"):
            argv = [*compiler_of(board, compiler), *STRICT, *flags, level, "-c", file, "-o", str(tmp_path / "x.o")]
            done = subprocess.run(argv, capture_output=True, text=True, check=False)
            assert done.returncode == 0, f"{file} {level}\n{done.stderr}"
