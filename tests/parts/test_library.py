# SPDX-License-Identifier: Apache-2.0
"""The library of `stm32 build --mcu PART`, linked into a project by hand and run: the outputs are the reference's."""

from __future__ import annotations

import pytest
from elftools.elf.elffile import ELFFile

from tests.parts.conftest import KWS
from tests.parts.project import CUBE_SCRIPT, INCLUDE_HERE, board_files, main_source, printed_outputs, run_tool, samples

BOARDS = {"stm32f205rf": "qemu-mps2-an385", "stm32f405rg": "qemu-mps2-an386", "stm32f746ng": "qemu-mps2-an500"}


def _link(library, board, folder, inputs, scripts):
    flags, includes, sources = board_files(board, folder)
    (folder / "main.c").write_text(main_source(inputs))
    argv = [
        "arm-none-eabi-gcc",
        *flags,
        "-std=c99",
        "-O2",
        "-Wall",
        "-Werror",
        "-ffunction-sections",
        "-fdata-sections",
    ]
    argv += [f"-I{path}" for path in (library / "include", *includes)]
    argv += [folder / "main.c", *sources, "-nostartfiles", "-Wl,--gc-sections", "-Wl,--no-warn-rwx-segments"]
    argv += [f"-Wl,-T,{script}" for script in scripts]
    argv += [f"-L{library}", "-lstm32_models", "-lm", "-o", folder / "project.elf"]
    run_tool(argv)
    return folder / "project.elf"


@pytest.mark.parametrize("mcu", BOARDS)
def test_library_computes_the_reference_outputs(mcu, maker, zoo, emulator, tmp_path):  # noqa: ARG001
    library = maker.build(KWS, mcu, "library") / "library"
    inputs, expected = samples(zoo, KWS)
    elf = _link(library, BOARDS[mcu], tmp_path, inputs, [tmp_path / "linker.ld"])
    assert printed_outputs(BOARDS[mcu], elf) == [row.tobytes() for row in expected]


def test_linker_fragment_joins_a_generated_script(maker, zoo, emulator, tmp_path):  # noqa: ARG001
    mcu = "stm32f405rg"
    library = maker.build(KWS, mcu, "library") / "library"
    (tmp_path / "cube.ld").write_text(CUBE_SCRIPT.replace(INCLUDE_HERE, "INCLUDE stm32_models.ld"))
    inputs, expected = samples(zoo, KWS)
    elf = _link(library, BOARDS[mcu], tmp_path, inputs, [tmp_path / "cube.ld"])
    with elf.open("rb") as file:
        sections = {section.name: section for section in ELFFile(file).iter_sections()}
        assert sections[".nn_weights"]["sh_size"] > 20_000
        assert sections[".nn_weights"]["sh_addr"] < 0x100000
    assert printed_outputs(BOARDS[mcu], elf) == [row.tobytes() for row in expected]


def test_library_holds_what_a_project_needs(maker):
    library = maker.build(KWS, "stm32f405rg", "library") / "library"
    names = {path.name for path in library.iterdir()}
    assert names == {"libstm32_models.a", "include", "stm32_models.ld", "README.md"}
    headers = {path.name for path in (library / "include").iterdir()}
    assert headers == {"net.h", "ai_instance.h", "ai_runtime_api.h", "ai_dlpack.h"}
    assert "-mcpu=cortex-m4 -mthumb -mfpu=fpv4-sp-d16 -mfloat-abi=hard" in (library / "README.md").read_text()


def test_library_needs_a_model(maker):
    done = maker.stm32("build", "--mcu", "stm32f405rg", "-d", maker.folder / "none")
    assert done.returncode == 2
    assert "a library needs a compiled model" in done.stderr
    assert not (maker.folder / "none").exists()


def test_firmware_for_a_part_number_is_refused(maker):
    done = maker.stm32("build", "--mcu", "stm32f405rg", "--as", "firmware")
    assert done.returncode == 2
    assert "says nothing of a console" in done.stderr


def test_unknown_part_suggests_near_names(maker):
    done = maker.stm32("build", maker.model(KWS, "stm32f405rg"), "--mcu", "stm32f746ngh9")
    assert done.returncode == 2
    assert "there is no part 'stm32f746ngh9'; did you mean: " in done.stderr
    assert "stm32f746ngh6" in done.stderr


def test_missing_part_data_is_an_error_with_its_cure(maker, monkeypatch):
    from stm32_board_support.parts import database

    database.index.cache_clear()
    monkeypatch.setattr("importlib.util.find_spec", lambda _name: None)
    done = maker.stm32("build", maker.model(KWS, "stm32f405rg"), "--mcu", "stm32f103c8")
    assert done.returncode == 5
    assert "pip install 'stm32-ai-board-support[parts]'" in done.stderr
