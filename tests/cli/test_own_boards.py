# SPDX-License-Identifier: Apache-2.0
"""A board of the user's own: made, found, listed, built for, and told of where it is wrong."""

import json


def test_a_board_is_made_listed_and_built(stm32, cross_compiler):  # noqa: ARG001 - must be there
    made = stm32("boards", "new", "my-board", "--from", "qemu-mps2-an386")
    assert (made.code, made.out) == (0, "boards/my-board: board.toml\n"), made.err
    assert "shared with other boards: common/startup.c" in made.err
    listed = {board["name"]: board for board in json.loads(stm32("boards", "--json").out)}
    assert listed["my-board"]["origin"] == "./boards"
    assert listed["qemu-mps2-an386"]["origin"] == "built in"
    assert stm32("build", "-b", "my-board", "--app", "perf").code == 0


def test_path_in_the_settings_file_is_searched(stm32, tmp_path):
    assert stm32("boards", "new", "my-board", "--from", "host", "--in", "hardware").code == 0
    assert "my-board" not in stm32("boards").out
    (tmp_path / "stm32.toml").write_text('board_path = "hardware"\n')
    row = next(line for line in stm32("boards").out.splitlines() if line.startswith("my-board"))
    assert row.endswith("stm32.toml")


def test_wrong_path_in_the_settings_file_is_refused(stm32, tmp_path):
    (tmp_path / "stm32.toml").write_text("board_path = 3\n")
    found = stm32("boards")
    assert (found.code, found.out) == (2, "")
    assert "stm32.toml: board_path is no list of folders" in found.err


def test_wrong_descriptor_is_told_with_its_line_and_the_others_are_listed(stm32, tmp_path):
    assert stm32("boards", "new", "my-board", "--from", "qemu-mps2-an386").code == 0
    file = tmp_path / "boards" / "my-board" / "board.toml"
    text = file.read_text()
    file.write_text(text.replace('counter = "instructions"', 'counter = "steps"'))
    line = text[: text.index("counter = ")].count("\n") + 1
    found = stm32("boards")
    assert found.code == 2
    assert f"CWD/boards/my-board/board.toml:{line}: counter: Invalid enum value 'steps'" in found.err
    assert "qemu-mps2-an386" in found.out


def test_existing_board_is_not_overwritten(stm32):
    assert stm32("boards", "new", "my-board", "--from", "host").code == 0
    again = stm32("boards", "new", "my-board", "--from", "host")
    assert again.code == 2
    assert "boards/my-board exists; it was not touched" in again.err


def test_unknown_source_suggests_near_names(stm32):
    found = stm32("boards", "new", "my-board", "--from", "nucleo-f412")
    assert found.code == 2
    assert "did you mean: nucleo-f412zg" in found.err
