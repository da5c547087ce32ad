# SPDX-License-Identifier: Apache-2.0
"""Which memories an image touches, and which flash programs may write it."""

import struct
from pathlib import Path

import msgspec
import pytest
from stm32_board_support import (
    RUNNERS,
    BoardNotFoundError,
    ElfError,
    FlashRefusedError,
    ToolMissingError,
    choose_runner,
    load_board,
    require_able,
    touched_memories,
)
from stm32_board_support.elf import ElfFile
from stm32_board_support.flashing import able_runners, touches_external
from stm32_board_support.schema import Board, FlashRunner, Kind, Memory, MemoryKind

MEMORIES = {
    "flash": Memory(origin=0x0800_0000, size=0x20_0000, kind=MemoryKind.FLASH, executable=True),
    "dtcm": Memory(origin=0x2000_0000, size=0x2_0000, kind=MemoryKind.RAM),
    "qspi": Memory(origin=0x9000_0000, size=0x800_0000, kind=MemoryKind.FLASH, external=True),
}
FLASH = {
    "stm32cubeprogrammer": FlashRunner(writes=["flash", "qspi"], external_loader="MT25.stldr"),
    "openocd": FlashRunner(writes=["flash"], config=["x.cfg"]),
    "st-flash": FlashRunner(writes=["flash"]),
}


def board(flash=FLASH) -> Board:
    plain = load_board("qemu-mps2-an386").descriptor
    changed = msgspec.structs.replace(plain, kind=Kind.HARDWARE, emulator=None, memories=MEMORIES, flash=flash)
    return Board(changed, Path())


def elf(folder: Path, *segments: tuple[int, int, int, int]) -> Path:
    """An ELF file of an Arm program with program headers (type, virtual, physical address, bytes in the file)."""
    start, headers, body = 52 + 40, b"", b""
    offset = start + 32 * len(segments)
    for kind, virtual, physical, size in segments:
        headers += struct.pack("<8I", kind, offset + len(body), virtual, physical, size, size + 64, 5, 4)
        body += bytes([kind + 1]) * size
    ident = b"\x7fELF\x01\x01\x01" + bytes(9)
    header = struct.pack("<2H5I6H", 2, 40, 1, physical, start, 52, 0x5000200, 52, 32, len(segments), 40, 1, 0)
    path = folder / "Project.elf"
    path.write_bytes(ident + header + bytes(40) + headers + body)
    return path


def test_segments_are_those_with_content_at_their_load_address(tmp_path):
    path = elf(
        tmp_path,
        (1, 0x0800_0000, 0x0800_0000, 100),
        (1, 0x2000_0000, 0x0800_0064, 8),
        (1, 0x2000_0100, 0x2000_0100, 0),
        (4, 0x0800_0000, 0x0800_0000, 12),
    )
    segments = ElfFile(path).segments
    assert [(s.address, s.content) for s in segments] == [(0x0800_0000, b"\2" * 100), (0x0800_0064, b"\2" * 8)]
    assert touched_memories(board(), path) == ["flash"]


def test_content_that_is_cut_off_is_refused(tmp_path):
    path = elf(tmp_path, (1, 0x0800_0000, 0x0800_0000, 100))
    path.write_bytes(path.read_bytes()[:-1])
    with pytest.raises(ElfError, match="cut off or damaged"):
        ElfFile(path)


def test_external_memory_is_seen(tmp_path):
    path = elf(tmp_path, (1, 0x9000_0000, 0x9000_0000, 50), (1, 0x0800_0000, 0x0800_0000, 4))
    memories = touched_memories(board(), path)
    assert memories == ["flash", "qspi"]
    assert touches_external(board(), memories)
    assert not touches_external(board(), ["flash", "dtcm"])


def test_image_for_another_board_is_refused(tmp_path):
    path = elf(tmp_path, (1, 0x0801_0000, 0x0000_0000, 50))
    with pytest.raises(FlashRefusedError, match="50 bytes at 0x00000000, where board qemu-mps2-an386 has no memory"):
        touched_memories(board(), path)
    path = elf(tmp_path, (1, 0x081F_FFF0, 0x081F_FFF0, 17))
    with pytest.raises(FlashRefusedError, match="17 bytes at 0x081ffff0"):
        touched_memories(board(), path)


def test_runner_that_cannot_write_external_flash_is_refused_and_those_that_can_are_named():
    require_able(board(), "openocd", ["flash"])
    require_able(board(), "stm32cubeprogrammer", ["flash", "qspi"])
    with pytest.raises(FlashRefusedError) as caught:
        require_able(board(), "openocd", ["flash", "qspi"])
    assert "openocd cannot write memory qspi" in str(caught.value)
    assert "able to write it: stm32cubeprogrammer;" in str(caught.value)
    with pytest.raises(BoardNotFoundError, match="it has: stm32cubeprogrammer, openocd, st-flash"):
        require_able(board(), "pyocd", ["flash"])


@pytest.fixture
def programs(tmp_path, monkeypatch):
    """A PATH on which these flash programs are installed, and no others."""
    monkeypatch.setattr("sys.executable", str(tmp_path / "python"))
    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.delenv("X_CUBE_TOOL_PATH", raising=False)
    folder = tmp_path / "bin"
    folder.mkdir()
    monkeypatch.setenv("PATH", str(folder))

    def install(*names):
        for name in names:
            file = folder / RUNNERS[name].program
            file.write_text("#!/bin/sh\n")
            file.chmod(0o755)

    return install


def test_first_that_is_installed_and_able_is_chosen(programs):
    programs("st-flash")
    assert choose_runner(board(), ["flash"]) == "st-flash"
    programs("openocd")
    assert choose_runner(board(), ["flash"]) == "openocd"
    with pytest.raises(ToolMissingError) as caught:
        choose_runner(board(), ["flash", "qspi"])
    assert str(caught.value).splitlines()[1].startswith("stm32cubeprogrammer: install STM32CubeProgrammer")
    programs("stm32cubeprogrammer")
    assert choose_runner(board(), ["flash", "qspi"]) == "stm32cubeprogrammer"


def test_image_that_no_runner_can_write():
    only = board({"openocd": FLASH["openocd"]})
    assert able_runners(only, ["qspi"]) == []
    with pytest.raises(
        FlashRefusedError, match=r"no flash runner of \S+ \(it has: openocd\) writes all of flash, qspi"
    ):
        choose_runner(only, ["flash", "qspi"])
