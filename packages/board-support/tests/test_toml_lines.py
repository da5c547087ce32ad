# SPDX-License-Identifier: Apache-2.0
"""Lines of keys, in TOML of every form, and in the complaints about a board.toml."""

import tomllib

import pytest
from stm32_board_support import BoardDescriptorError, load_board
from stm32_board_support.toml_lines import key_line, key_text

TEXT = '''\
# a comment with [brackets] and = signs
name = "a # b"  # comment, with = sign
"quoted key" = 1
text = """
lines = 3
[not.a.table]
"""
plain = \'\'\'
x = "\'\'\'

[memories.ram]  # header
origin = 0x2000_0000
list = [
    "a]",  # first
    "b",
    { c = 1 },
]
dotted.key.one = { inline = [1, 2], other = "}" }

[ layouts . "odd.name" ]
stack = 1
weights = ["flash", "qspi"]
last = 1'''

LINES = {
    ("name",): 2,
    ("quoted key",): 3,
    ("text",): 4,
    ("plain",): 8,
    ("memories",): 11,
    ("memories", "ram"): 11,
    ("memories", "ram", "origin"): 12,
    ("memories", "ram", "list", 0): 14,
    ("memories", "ram", "list", 1): 15,
    ("memories", "ram", "list", 2, "c"): 16,
    ("memories", "ram", "dotted", "key"): 18,
    ("memories", "ram", "dotted", "key", "one", "other"): 18,
    ("layouts", "odd.name", "stack"): 21,
    ("layouts", "odd.name", "weights", 1): 22,
    ("layouts", "odd.name", "last"): 23,
    ("nowhere",): 1,
    (): 1,
}

GOOD = """\
schema = 1
name = "mine"
title = "my board"
kind = "hardware"
core = "cortex-m4"
clock_hz = 100_000_000
counter = "cycles"
default_layout = "default"
[console]
driver = "none"
[port]
sources = ["common/startup.c"]
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
activations = [
    "ram",
]
"""

# What is replaced by what; line and key of the complaint.
WRONG = [
    ("origin = 0x2000_0000", 'origin = "0x2000_0000"', 19, "memories.ram.origin"),
    ('kind = "ram"', 'kind = "rom"', 21, "memories.ram.kind"),
    ("stack_size = 8192", "stack_sice = 8192", 26, "layouts.default.stack_sice"),
    ('    "ram",', "    3,", 29, "layouts.default.activations[0]"),
    ("[memories.ram]", "[memories.RAM]", 18, "memories.RAM"),
    ("clock_hz", "clock", 6, "clock"),
    ('    "ram",', '    "sram",', 28, "layouts.default.activations"),
    ('stack = "ram"', 'stack = "dtcm"', 25, "layouts.default.stack"),
    ('["common/startup.c"]', '["common/startup.c",\n  "mine.c"]', 13, "port.sources[1]"),
    ("size = 0x10_0000", "size = 0x2000_0000", 19, "memories.ram.origin"),
    ('"cortex-m4"', '"cortex-m9"', 5, "core"),
]  # fmt: skip


def test_the_example_is_toml():
    assert tomllib.loads(TEXT)["layouts"]["odd.name"]["last"] == 1


@pytest.mark.parametrize("key", LINES)
def test_line_of_a_key(key):
    assert key_line(TEXT, key) == LINES[key]


def test_key_as_text():
    assert key_text(("layouts", "default", "weights", 0, "memory")) == "layouts.default.weights[0].memory"


@pytest.mark.parametrize(("old", "new", "line", "key"), WRONG)
def test_complaint_names_file_line_and_key(tmp_path, old, new, line, key):
    folder = tmp_path / "mine"
    folder.mkdir()
    file = folder / "board.toml"
    file.write_text(GOOD)
    assert load_board(folder).name == "mine"
    assert GOOD.count(old) == 1
    file.write_text(GOOD.replace(old, new))
    with pytest.raises(BoardDescriptorError) as caught:
        load_board(folder)
    assert f"board mine: {file}:{line}: {key}: " in str(caught.value)


def test_every_fault_is_told_at_once(tmp_path):
    folder = tmp_path / "mine"
    folder.mkdir()
    (folder / "board.toml").write_text(GOOD.replace('"cortex-m4"', '"m4"').replace('data = "ram"', 'data = "flash"'))
    with pytest.raises(BoardDescriptorError) as caught:
        load_board(folder)
    assert len(str(caught.value).splitlines()) == 2
