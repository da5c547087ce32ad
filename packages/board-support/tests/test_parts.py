# SPDX-License-Identifier: Apache-2.0
"""Part numbers: core, memories, corrections of the data, and what a user may type."""

from collections import Counter
from itertools import pairwise

import pytest
from stm32_board_support import Kind, PartDataMissingError, PartNotFoundError, linker_script, load_board
from stm32_board_support.cores import CORES
from stm32_board_support.parts import corrections, database, load_part

pytest.importorskip("modm_devices", reason="modm-devices is not installed: pip install 'stm32-ai-board-support[parts]'")

KIB = 1024


@pytest.fixture(scope="module")
def everything():
    return list(database.read_all())


def _memories(name):
    return {memory.name: (memory.origin, memory.size) for memory in load_part(name).memories}


# From the data sheets.
FACTS = {
    "stm32f746ngh6": ("cortex-m7", "fpv5-sp-d16", 1024, {"dtcm": (0x20000000, 64), "sram": (0x20010000, 256)}),
    "stm32h743zit6": ("cortex-m7", "fpv5-d16", 2048, {"dtcm": (0x20000000, 128), "axi": (0x24000000, 512)}),
    "stm32h747xih6": ("cortex-m7", "fpv5-d16", 1024, {"itcm": (0, 64), "axi": (0x24000000, 512)}),
    "stm32f412zgt6": ("cortex-m4", "fpv4-sp-d16", 1024, {"sram": (0x20000000, 256)}),
    "stm32f407vgt6": ("cortex-m4", "fpv4-sp-d16", 1024, {"ccm": (0x10000000, 64), "sram": (0x20000000, 128)}),
    "stm32f103c8t6": ("cortex-m3", "none", 64, {"sram": (0x20000000, 20)}),
    "stm32f030f4p6": ("cortex-m0", "none", 16, {"sram": (0x20000000, 4)}),
    "stm32g071rbt6": ("cortex-m0plus", "none", 128, {"sram": (0x20000000, 36)}),
    "stm32l552zet6": ("cortex-m33", "fpv5-sp-d16", 512, {"sram": (0x20000000, 256)}),
    "stm32u575zit6": ("cortex-m33", "fpv5-sp-d16", 2048, {"sram": (0x20000000, 768), "sram2": (0x28000000, 16)}),
    "stm32wle5jci6": ("cortex-m4", "none", 256, {"sram": (0x20000000, 64)}),
}


@pytest.mark.parametrize("name", FACTS)
def test_core_and_memories_are_those_of_the_data_sheet(name):
    core, fpu, flash, memories = FACTS[name]
    part = load_part(name)
    assert (part.core, part.fpu, part.flash) == (core, fpu, flash * KIB)
    found = _memories(name)
    assert {key: found[key] for key in memories} == {key: (at, size * KIB) for key, (at, size) in memories.items()}


def test_every_part_is_consistent(everything):
    assert len(everything) > 3000
    for part in everything:
        core = CORES[part.core]
        assert part.fpu in core.fpus, part.number
        assert part.dsp == ("dsp" in core.features), part.number
        assert part.flash >= 8 * KIB, part.number
        assert part.data_memories, part.number
        ordered = sorted(part.memories, key=lambda memory: memory.origin)
        assert all(one.end <= two.origin for one, two in pairwise(ordered)), part.number
        assert len({memory.name for memory in part.memories}) == len(part.memories), part.number
        assert all(memory.executable for memory in part.memories if memory.kind == "flash"), part.number


def test_all_cores_and_families_are_there(everything):
    cores = Counter(part.core for part in everything)
    wanted = {"cortex-m0", "cortex-m0plus", "cortex-m3", "cortex-m4", "cortex-m7", "cortex-m33"}
    assert set(cores) == wanted
    families = {part.family for part in everything}
    assert families >= {
        "c0", "f0", "f1", "f2", "f3", "f4", "f7", "g0", "g4", "h5", "h7", "l0", "l1", "l4", "l5", "u0", "u5", "wb", "wl"
    }  # fmt: skip


def test_flash_is_what_the_size_letter_says(everything):
    """Exceptions: two cores share the flash; WB10 and WB15 have 320 KB; suffix z of G4 keeps a part back."""
    at = len("stm32f746n")
    for part in everything:
        said = corrections.FLASH_OF_LETTER[part.number[at]]
        if "@" in part.number and part.family == "h7":
            assert part.flash == said // 2, part.number
        elif part.number.startswith(("stm32wb10", "stm32wb15")):
            assert part.flash == 320 * KIB, part.number
        elif part.family == "g4" and part.number.endswith("z"):
            assert said * 7 // 8 <= part.flash < said, part.number
        else:
            assert part.flash == said, part.number


def test_core_coupled_memory_of_f4_takes_no_code():
    ccm = next(memory for memory in load_part("stm32f407vg").memories if memory.name == "ccm")
    assert not ccm.executable


def test_memory_without_a_clock_is_kept_out_of_the_board():
    part = load_part("stm32h743zi")
    assert [memory.name for memory in part.memories if not memory.ready] == ["d2_sram"]
    assert "d2_sram" not in load_board("mcu:stm32h743zi").memories


@pytest.mark.parametrize(
    ("typed", "number"),
    [
        ("STM32F746NGH6", "stm32f746ngh6"),
        ("stm32f746ng", "stm32f746ngh6"),
        ("STM32F746NGHx", "stm32f746ngh6"),
        ("stm32f030f4p6tr", "stm32f030f4p6"),
        ("stm32h747xih6", "stm32h747xih6@m7"),
        ("stm32h747xih6@m4", "stm32h747xih6@m4"),
        ("stm32wl55jc", "stm32wl55jci6@m4"),
        ("stm32wl55jc@m0", "stm32wl55jci6@m0"),
    ],
)
def test_what_is_typed_finds_the_part(typed, number):
    assert load_part(typed).number == number


def test_two_cores_see_their_own_memories():
    assert load_part("stm32h747xih6@m4").core == "cortex-m4"
    assert _memories("stm32h747xih6@m4")["d2_sram"] == (0x10000000, 288 * KIB)
    assert load_part("stm32wl55jc@m0").core == "cortex-m0plus"


def test_unknown_part_suggests_near_names():
    with pytest.raises(PartNotFoundError, match=r"there is no part 'stm32f746ngh9'; did you mean: .*stm32f746ngh6"):
        load_part("stm32f746ngh9")


def test_a_name_for_parts_that_differ_lists_them():
    with pytest.raises(PartNotFoundError, match=r"'stm32f407' stands for parts that differ: .*512 KB.*1024 KB"):
        load_part("stm32f407")


@pytest.mark.parametrize("name", ["esp32", "", "stm32", "x"])
def test_no_part_at_all(name):
    with pytest.raises(PartNotFoundError, match="there is no part"):
        load_part(name)


def test_missing_package_is_named(monkeypatch):
    database.index.cache_clear()
    monkeypatch.setattr("importlib.util.find_spec", lambda _name: None)
    with pytest.raises(PartDataMissingError, match=r"pip install 'stm32-ai-board-support\[parts\]'"):
        load_part("stm32f746ngh6")


def test_a_part_is_a_board():
    board = load_board("mcu:STM32F746NG")
    assert (board.name, board.source, board.kind) == ("stm32f746ng", "mcu:stm32f746ng", Kind.HARDWARE)
    assert load_board(board.source) == board
    layout = board.layout()
    assert (layout.stack, layout.activations) == ("dtcm", ["sram", "dtcm"])
    assert board.descriptor.flash["stm32cubeprogrammer"].writes == ["flash"]
    assert "dtcm (rwx) : ORIGIN = 0x20000000, LENGTH = 0x10000" in linker_script(board, layout)


def test_every_kind_of_part_makes_a_board(everything):
    kinds = {part.silicon: part.number for part in everything}
    assert len(kinds) > 100
    for number in kinds.values():
        board = load_board(f"mcu:{number}")
        layout = board.layout()
        assert layout.stack_size * 3 <= board.memories[layout.stack].size, number
