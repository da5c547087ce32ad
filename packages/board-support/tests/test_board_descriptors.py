# SPDX-License-Identifier: Apache-2.0
"""Every built-in board loads; every rule of a board.toml is broken once, and its message names board and region."""

import os
from pathlib import Path

import pytest
from stm32_board_support import BoardDescriptorError, BoardNotFoundError, Kind, list_boards, load_board
from stm32_board_support.boards import Origin, find_boards
from stm32_board_support.checks import CHECKS
from stm32_board_support.configure import port_sources
from stm32_board_support.copying import BoardExistsError, copy_board

GOOD = """
schema = 1
name = "mine"
title = "my board"
kind = "hardware"
core = "cortex-m4"
clock_hz = 100_000_000
counter = "cycles"
default_layout = "default"
[console]
driver = "usart"
[port]
sources = ["board.c"]
[memories.flash]
origin = 0x0800_0000
size = 0x10_0000
kind = "flash"
executable = true
[memories.ram]
origin = 0x2000_0000
size = 0x4_0000
kind = "ram"
[layouts.default]
text = "flash"
data = "ram"
stack = "ram"
stack_size = 8192
weights = ["flash"]
activations = ["ram"]
"""

BROKEN = [
    ("memories_are_apart", "size = 0x10_0000", "size = 0x2000_0000", "memories flash and ram overlap"),
    ("memories_are_apart", "origin = 0x2000_0000", "origin = 0xFFFF_F000", "memory ram ends behind"),
    ("core_is_known", '"cortex-m4"', '"cortex-m99"', "core 'cortex-m99' is not known"),
    (
        "core_is_known",
        'core = "cortex-m4"',
        'core = "cortex-m4"\nfpu = "vfp9"',
        "fpu 'vfp9' does not exist on cortex-m4",
    ),
    ("name_is_folder", 'name = "mine"', 'name = "yours"', "name is 'yours' but the folder is 'mine'"),
    ("kind_has_its_tables", 'kind = "hardware"', 'kind = "emulated"', "table [emulator]"),
    ("kind_has_its_tables", 'default_layout = "default"', 'default_layout = "x"', "default_layout 'x'"),
    ("layouts_name_memories", 'stack = "ram"', 'stack = "dtcm"', "stack is in memory 'dtcm', which is not described"),
    ("layouts_suit_memories", 'data = "ram"', 'data = "flash"', "data is in flash, which is flash"),
    ("layouts_suit_memories", 'text = "flash"', 'text = "ram"', "text is in ram, which is not executable"),
    (
        "layouts_suit_memories",
        'size = 0x4_0000\nkind = "ram"',
        'size = 0x4_0000\nkind = "ram"\nexternal = true',
        "data is in ram, which is external",
    ),
    (
        "layouts_name_memories",
        "stack_size = 8192",
        'stack_size = 8192\nsections = { ".apart" = "rom" }',
        "section .apart is in memory 'rom', which is not described",
    ),
    ("layouts_suit_memories", 'weights = ["flash"]', 'weights = ["ram"]', "weights is in ram, which nothing loads"),
    (
        "layouts_place_all",
        'weights = ["flash"]',
        'weights = [{memory = "flash", models = ["kws"]}]',
        "weights needs a memory without a list of models",
    ),
    ("layouts_place_all", "stack_size = 8192", "stack_size = 524288", "stack of 524288 bytes"),
    ("files_exist", '["board.c"]', '["absent.c"]', "port source absent.c does not exist"),
    ("files_exist", '["board.c"]', '["board.c"]\ninclude_dirs = ["inc"]', "port include folder inc does not exist"),
    (
        "cube_is_known",
        "[memories.flash]",
        '[cube]\nseries = "STM32F9xx"\nsources = []\n[memories.flash]',
        "Cube series 'STM32F9xx' is not known",
    ),
    ("runners_are_known", "[memories.flash]", "[flash.magic]\n[memories.flash]", "flash runner 'magic' is not known"),
    (
        "runners_are_known",
        "[memories.flash]",
        '[flash.openocd]\nwrites = ["qspi"]\n[memories.flash]',
        "flash runner openocd writes memory 'qspi'",
    ),
]


def write_board(folder: Path, text: str) -> Path:
    board = folder / "mine"
    board.mkdir(exist_ok=True)
    (board / "board.c").write_text("/* port */\n")
    (board / "board.toml").write_text(text)
    return board


@pytest.mark.parametrize("name", list_boards())
def test_builtin_board_loads(name):
    board = load_board(name)
    assert board.name == name
    for layout in board.descriptor.layouts:
        assert board.layout(layout).stack_size >= 512


def test_the_required_boards_are_there():
    kinds = {name: load_board(name).kind for name in list_boards()}
    assert kinds["qemu-mps2-an385"] is Kind.EMULATED
    assert kinds["qemu-mps2-an386"] is Kind.EMULATED
    assert kinds["qemu-mps2-an500"] is Kind.EMULATED
    assert kinds["qemu-netduinoplus2"] is Kind.EMULATED
    assert kinds["nucleo-f412zg"] is Kind.HARDWARE
    assert kinds["disco-h747i"] is Kind.HARDWARE
    assert kinds["host"] is Kind.HOST


def test_good_descriptor_of_a_user_is_found_by_path_and_by_search(tmp_path, monkeypatch):
    board = write_board(tmp_path, GOOD)
    assert load_board(board).memories["ram"].end == 0x2004_0000
    assert load_board(str(board)).name == "mine"
    monkeypatch.setenv("STM32_BOARDS", str(tmp_path))
    assert "mine" in list_boards()
    assert load_board("mine").folder == board


def test_folders_are_searched_in_their_order(tmp_path, monkeypatch):
    for name in ("first", "second", "boards"):
        (tmp_path / name).mkdir()
        write_board(tmp_path / name, GOOD)
    monkeypatch.chdir(tmp_path)
    monkeypatch.delenv("STM32_BOARDS", raising=False)
    assert find_boards()["mine"] == Origin(tmp_path / "boards", "./boards")
    assert find_boards()["host"].said == "built in"
    monkeypatch.setenv("STM32_BOARDS", "second")
    assert load_board("mine").folder == tmp_path / "second" / "mine"
    monkeypatch.setenv("STM32_BOARD_PATH", os.pathsep.join(["nowhere", "first"]))
    assert load_board("mine").folder == tmp_path / "first" / "mine"
    assert find_boards()["mine"].said == "STM32_BOARD_PATH"


def test_copy_of_a_board_keeps_its_own_files_and_shares_the_others(tmp_path):
    board = copy_board(load_board("nucleo-f412zg"), "my-board", tmp_path / "boards")
    assert board.folder == tmp_path / "boards" / "my-board"
    assert sorted(path.name for path in board.folder.iterdir()) == ["board.toml", "board_chip.h"]
    assert board.name == "my-board"
    assert board.memories == load_board("nucleo-f412zg").memories
    assert all(path.is_file() for path in port_sources(board))


@pytest.mark.parametrize("name", ["", "My Board", "../x", "a" * 41])
def test_copy_under_an_impossible_name_is_refused(tmp_path, name):
    with pytest.raises(BoardExistsError, match="cannot be a board's name"):
        copy_board(load_board("host"), name, tmp_path)
    assert not list(tmp_path.iterdir())


def test_copy_over_something_is_refused(tmp_path):
    (tmp_path / "mine").mkdir()
    (tmp_path / "mine" / "precious").write_text("x")
    with pytest.raises(BoardExistsError, match="exists; it was not touched"):
        copy_board(load_board("host"), "mine", tmp_path)
    assert [path.name for path in tmp_path.rglob("*")] == ["mine", "precious"]


@pytest.mark.parametrize(("check", "old", "new", "message"), BROKEN)
def test_broken_rule_is_named(tmp_path, check, old, new, message):
    assert old in GOOD
    board = write_board(tmp_path, GOOD.replace(old, new, 1))
    with pytest.raises(BoardDescriptorError) as caught:
        load_board(board)
    assert message in str(caught.value)
    assert f"[{check}]" in str(caught.value)
    assert str(caught.value).startswith("board mine: ")


def test_every_check_is_broken_by_a_case():
    assert {check.__name__ for check in CHECKS} == {check for check, *_ in BROKEN}


@pytest.mark.parametrize(
    ("old", "new", "message"),
    [
        ("[console]", "colour = 1\n[console]", "unknown field `colour`"),
        ("size = 0x4_0000", 'size = "256 KB"', ":21: memories.ram.size: "),
        ("origin = 0x2000_0000", "origin = -1", "origin"),
        ("stack_size = 8192", "stack_size = 8191", "stack_size"),
        ("schema = 1", "schema = 2", "schema"),
        ('kind = "ram"', 'kind = "core"', "kind"),
        ("schema = 1", "schema = = 1", "board.toml"),
    ],
)
def test_wrong_types_and_unknown_keys_are_refused(tmp_path, old, new, message):
    board = write_board(tmp_path, GOOD.replace(old, new, 1))
    with pytest.raises(BoardDescriptorError) as caught:
        load_board(board)
    assert message in str(caught.value)
    assert "board mine" in str(caught.value)


def test_unknown_board_suggests_near_names():
    with pytest.raises(BoardNotFoundError, match="qemu-mps2-an386"):
        load_board("qemu-mps2-an38")


def test_unknown_layout_lists_those_that_exist():
    with pytest.raises(BoardNotFoundError, match=r"no layout 'config9'; it has: default, external, internal"):
        load_board("qemu-mps2-an386").layout("config9")
