# SPDX-License-Identifier: Apache-2.0
"""QEMU's command line, and that its process ends whatever happens."""

import itertools
import shutil

import msgspec
import pytest
from stm32_board_support import Emulator, EmulatorError, ToolMissingError, load_board, qemu_command
from stm32_board_support.emulator import tcp_serial
from stm32_board_support.schema import Board
from stm32_board_support.schema import Emulator as EmulatorTable

needs_qemu = pytest.mark.skipif(shutil.which("qemu-system-arm") is None, reason="qemu-system-arm is not installed")


def test_command_line_is_exactly():
    command = qemu_command(load_board("qemu-mps2-an500"), "a b/Project.elf", tcp_serial(4711))
    expected = (
        "qemu-system-arm|-M|mps2-an500|-nographic|-monitor|none|-serial|tcp:127.0.0.1:4711,server=on,wait=on,nodelay=on|"
        "-icount|shift=0|-semihosting-config|enable=on,target=native|-kernel|a b/Project.elf"
    )
    assert command == expected.split("|")


def test_lines_before_the_console_lead_nowhere():
    command = qemu_command(load_board("qemu-netduinoplus2"), "p.elf", "stdio")
    lines = [after for word, after in itertools.pairwise(command) if word == "-serial"]
    assert lines == ["null", "null", "stdio"]


def test_host_board_is_not_emulated():
    with pytest.raises(EmulatorError, match="board host is not emulated"):
        qemu_command(load_board("host"), "p.elf", "none")


def test_image_must_exist(tmp_path):
    with (
        pytest.raises(EmulatorError, match="there is no image"),
        Emulator(load_board("qemu-mps2-an386"), tmp_path / "x"),
    ):
        pass


def test_missing_program_says_how_to_get_it(tmp_path, monkeypatch):
    (tmp_path / "p.elf").write_bytes(b"x")
    monkeypatch.setenv("PATH", str(tmp_path))
    with pytest.raises(ToolMissingError, match="apt-get install qemu-system-arm"):
        Emulator(load_board("qemu-mps2-an386"), tmp_path / "p.elf").__enter__()


@needs_qemu
@pytest.mark.emulator
def test_what_qemu_says_is_in_the_error(tmp_path):
    (tmp_path / "p.elf").write_bytes(b"image")
    plain = load_board("qemu-mps2-an386")
    wrong = msgspec.structs.replace(plain.descriptor, emulator=EmulatorTable(machine="no-such-machine"))
    emulator = Emulator(Board(wrong, plain.folder), tmp_path / "p.elf")
    with pytest.raises(EmulatorError, match=r"QEMU did not start board qemu-mps2-an386.*unsupported machine type"):
        emulator.__enter__()
    assert emulator._process is None
    assert emulator.exit_code == 1


@needs_qemu
@pytest.mark.emulator
def test_process_is_ended_when_the_block_is_left_by_an_error(tmp_path):
    (tmp_path / "p.elf").write_bytes(b"image")
    emulator = Emulator(load_board("qemu-mps2-an386"), tmp_path / "p.elf")
    processes = []

    def interrupted():
        with emulator:
            processes.append(emulator._process)
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        interrupted()
    assert processes[0].poll() is not None
    with pytest.raises(EmulatorError, match="not running"):
        emulator.wait(1)
