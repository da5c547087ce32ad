# SPDX-License-Identifier: Apache-2.0
"""What the firmware's build is told of a board, and the command that writes it."""

import shutil
import subprocess
import sys

import pytest
from stm32_board_support import ToolMissingError, configure, load_board
from stm32_board_support.__main__ import main
from stm32_board_support.boards import builtin_folder
from stm32_board_support.configure import board_config_header, port_sources, resolve_port_path
from stm32_board_support.toolchain import cross_tool

needs_gcc = pytest.mark.skipif(shutil.which("arm-none-eabi-gcc") is None, reason="arm-none-eabi-gcc is not installed")


@needs_gcc
def test_files_of_an_emulated_board(tmp_path):
    board = load_board("qemu-mps2-an386")
    script = configure(board, "", tmp_path / "a b").read_text()
    assert "[==[-mcpu=cortex-m4]==]" in script
    assert "linker.ld]==]" in script
    assert "--enable-non-contiguous-regions" in script
    header = (tmp_path / "a b" / "board_config.h").read_text()
    assert '#define BOARD_COUNTER_UNIT "instructions"' in header
    assert "#define BOARD_COUNTER_STEP 40u" in header
    assert all(path.is_file() for path in port_sources(board))


@needs_gcc
def test_files_are_not_touched_when_nothing_changes(tmp_path):
    board = load_board("qemu-mps2-an386")
    configure(board, "", tmp_path)
    before = {path.name: path.stat().st_mtime_ns for path in tmp_path.iterdir()}
    configure(board, "", tmp_path)
    assert {path.name: path.stat().st_mtime_ns for path in tmp_path.iterdir()} == before
    configure(board, "internal", tmp_path)
    assert (tmp_path / "linker.ld").stat().st_mtime_ns != before["linker.ld"]


def test_header_names_the_consoles_interrupt_and_the_external_memories_of_the_layout():
    board = load_board("disco-h747i")
    inside, outside = board_config_header(board, "config1"), board_config_header(board, "config4")
    assert "#define BOARD_CONSOLE_INTERRUPT 37u" in inside
    for memory in ("SDRAM", "QSPI"):
        assert f"#define BOARD_USES_{memory} 0" in inside
        assert f"#define BOARD_USES_{memory} 1" in outside
    assert "BOARD_USES_AXI" not in outside
    assert "BOARD_CONSOLE_INTERRUPT" not in board_config_header(load_board("host"))


def test_shared_files_are_found_and_a_boards_own_win(tmp_path):
    assert resolve_port_path(tmp_path, "stm32f4/clock.c") == builtin_folder() / "stm32f4" / "clock.c"
    own = tmp_path / "stm32f4" / "clock.c"
    own.parent.mkdir()
    own.write_text("/* mine */\n")
    assert resolve_port_path(tmp_path, "stm32f4/clock.c") == own
    assert resolve_port_path(tmp_path, "board.c") == tmp_path / "board.c"


def test_host_has_no_linker_script(tmp_path, monkeypatch):
    monkeypatch.setenv("CC", sys.executable)
    configure(load_board("host"), "", tmp_path)
    assert not (tmp_path / "linker.ld").exists()
    assert "set(STM32_BOARD_LINKER_SCRIPT)" in (tmp_path / "board.cmake").read_text()


def test_toolchain_is_taken_from_arm_path_or_its_bin(tmp_path, monkeypatch):
    tool = tmp_path / "bin" / "arm-none-eabi-gcc"
    tool.parent.mkdir()
    tool.write_text("#!/bin/sh\n")
    tool.chmod(0o755)
    for folder in (tmp_path, tmp_path / "bin"):
        monkeypatch.setenv("ARM_PATH", str(folder))
        assert cross_tool("gcc") == tool


def test_wrong_arm_path_is_an_error_even_when_path_has_a_compiler(tmp_path, monkeypatch):
    monkeypatch.setenv("ARM_PATH", str(tmp_path))
    with pytest.raises(ToolMissingError, match=r"ARM_PATH is .* which holds no arm-none-eabi-gcc"):
        cross_tool("gcc")


def test_command_exit_codes_and_messages(tmp_path, monkeypatch, capsys):
    assert main(["list"]) == 0
    assert "qemu-mps2-an500" in capsys.readouterr().out
    assert main(["configure", "--board", "nope", "--output", str(tmp_path)]) == 2
    assert "there is no board 'nope'" in capsys.readouterr().err
    monkeypatch.setenv("ARM_PATH", str(tmp_path))
    assert main(["configure", "--board", "qemu-mps2-an386", "--output", str(tmp_path / "o")]) == 5
    assert "ARM_PATH" in capsys.readouterr().err
    assert not (tmp_path / "o" / "board.cmake").exists()


def test_module_runs_as_a_command():
    done = subprocess.run(
        [sys.executable, "-m", "stm32_board_support", "list"], capture_output=True, text=True, check=True
    )
    assert "host" in done.stdout.split()
