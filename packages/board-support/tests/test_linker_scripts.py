# SPDX-License-Identifier: Apache-2.0
"""Linker scripts: one golden file, and what every layout of every board must hold."""

from pathlib import Path

import msgspec
import pytest
from stm32_board_support import Kind, linker_script, list_boards, load_board
from stm32_board_support.linker import base_section, output_sections, splits
from stm32_board_support.schema import Placement

GOLDEN = Path(__file__).parent / "golden"
CROSS = [name for name in list_boards() if load_board(name).kind is not Kind.HOST]


def all_layouts():
    return [(board, layout) for board in CROSS for layout in load_board(board).descriptor.layouts]


def test_default_layout_of_an386_is_as_written_down():
    board = load_board("qemu-mps2-an386")
    assert linker_script(board, board.layout()) == (GOLDEN / "qemu-mps2-an386.default.ld").read_text()


@pytest.mark.parametrize(("name", "layout"), all_layouts())
def test_every_layout_places_every_section(name, layout):
    board = load_board(name)
    script = linker_script(board, board.layout(layout))
    for section in output_sections(board.layout(layout)):
        assert f"    {section.name} " in script
        assert f"> {section.memory}" in script
    for needed in (
        "KEEP(*(.vectors))",
        "KEEP(*(.nn_models))",
        "__models_section_start__",
        "__stack_limit__",
        "/DISCARD/",
    ):
        assert needed in script
    assert script.count("{") == script.count("}")


def test_models_named_in_a_split_come_before_the_rest():
    board = load_board("qemu-mps2-an386")
    fast = Placement(memory="ssram2", models=["kws", "ad01"])
    layout = msgspec.structs.replace(board.layout(), weights=[fast, "psram"], activations=[fast, "psram"])
    script = linker_script(board, layout)
    assert "*kws_data.*(.nn_weights .nn_weights.* .*.nn_weights)" in script
    assert "*(.kws.nn_data_act .ad01.nn_data_act)" in script
    assert script.index("kws_data") < script.index("*(.nn_weights")
    assert not splits(layout)


def test_stack_lies_below_the_variables_so_that_an_overflow_leaves_the_memory():
    board = load_board("qemu-mps2-an386")
    script = linker_script(board, board.layout())
    assert script.index("    .stack ") < script.index("    .data ") < script.index("    .bss ")


def test_constants_in_order_have_an_output_section_each_where_weights_are_split():
    board = load_board("qemu-mps2-an386")
    order = [".nn_weights.m_b", ".nn_weights.m_a"]
    script = linker_script(board, board.layout("default"), order)
    for index, memory in ((0, "ssram1"), (1, "psram")):
        lines = [
            f"    .nn_weights_{index}.{i} : {{ *({section}) . = ALIGN(4); }} > {memory}"
            for i, section in enumerate(order)
        ]
        assert "\n".join([*lines, f"    .nn_weights_{index} : ALIGN(16)"]) in script
    assert linker_script(board, board.layout("internal"), order) == linker_script(board, board.layout("internal"))


@pytest.mark.parametrize(
    ("name", "base"),
    [(".nn_weights_0.12", ".nn_weights_0"), (".nn_weights_0", ".nn_weights_0"), (".text", ".text"), (".a.1", ".a.1")],
)
def test_section_that_an_output_section_belongs_to(name, base):
    assert base_section(name) == base


def test_sections_that_lie_apart_are_kept_whole_and_in_order():
    board = load_board("disco-h747i")
    script = linker_script(board, board.layout("config4"))
    assert "KEEP(*(.second_core))\n        KEEP(*(.second_core.*))\n    } > second_core" in script
    assert ".nn_weights_0 : ALIGN(16)" in script
    assert "} > qspi" in script
