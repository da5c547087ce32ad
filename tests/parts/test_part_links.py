# SPDX-License-Identifier: Apache-2.0
"""One part of each core and each family links the program with a model; the objects are compiled once per core."""

from __future__ import annotations

import subprocess

import pytest
from stm32_board_support import linker_script, load_board
from stm32_board_support.cores import cpu_flags

from tests.parts.conftest import HELLO

# A part of each core and FPU; all others of that core take its objects.
BUILT = {
    ("cortex-m0", "none"): "stm32f030f4",
    ("cortex-m0plus", "none"): "stm32l011d4",
    ("cortex-m3", "none"): "stm32f100rb",
    ("cortex-m4", "fpv4-sp-d16"): "stm32f405rg",
    ("cortex-m4", "none"): "stm32wle5c8",
    ("cortex-m7", "fpv5-sp-d16"): "stm32f746ng",
    ("cortex-m7", "fpv5-d16"): "stm32h743zi",
    ("cortex-m33", "fpv5-sp-d16"): "stm32h503cb",
}


def _smallest():
    """(family, core, fpu) -> the part with the least flash, then the least RAM."""
    from stm32_board_support.parts import database

    found = {}
    for part in database.read_all():
        key, size = (part.family, part.core, part.fpu), (part.flash, part.ram)
        if key not in found or size < (found[key].flash, found[key].ram):
            found[key] = part
    return found


@pytest.fixture(scope="module")
def smallest(part_data):  # noqa: ARG001 - must be there
    return _smallest()


def test_every_core_is_built(smallest):
    assert {(core, fpu) for _, core, fpu in smallest} == set(BUILT)


def _link(mcu, build, compiler, folder):
    board = load_board(f"mcu:{mcu}")
    layout = board.layout()
    script = folder / f"{mcu}.ld"
    script.write_text(linker_script(board, layout))
    objects = [
        str(path) for path in sorted((build / "CMakeFiles").glob("*.dir/**/*.obj")) if "runtime" not in str(path)
    ]
    argv = [compiler, *cpu_flags(board.descriptor.core, board.descriptor.fpu), "-nostartfiles", "-Wl,--gc-sections"]
    argv += ["-Wl,--no-warn-rwx-segments", "-Wl,--enable-non-contiguous-regions", f"-Wl,-T,{script}", *objects]
    argv += [str(next(build.glob("**/libstm32_ai_runtime.a"))), "-lm", "-o", str(folder / f"{mcu}.elf")]
    return subprocess.run(argv, capture_output=True, text=True, check=False)


@pytest.mark.parametrize("key", BUILT, ids="-".join)
def test_smallest_part_of_each_family_links(key, smallest, maker, cross_compiler, tmp_path):
    build = maker.build(HELLO, BUILT[key], "image")
    parts = [part for (_, *core), part in smallest.items() if tuple(core) == key]
    assert parts
    for part in parts:
        done = _link(part.number, build, cross_compiler, tmp_path)
        assert done.returncode == 0, f"{part.number}: {done.stderr}"


def test_too_large_a_model_is_refused_with_the_memory(maker):
    """kws needs 28 KB of constants: more than the 16 KB of this part."""
    from tests.parts.conftest import KWS

    done = maker.stm32("build", maker.model(KWS, "stm32f030f4"), "--mcu", "stm32f030f4", "-d", maker.folder / "large")
    assert done.returncode == 4, done.stderr
    assert "flash: needs" in done.stderr
    assert "has 16,384" in done.stderr
