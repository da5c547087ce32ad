# SPDX-License-Identifier: Apache-2.0
"""What `stm32 selftest` derives from a board and an image."""

import zlib

import msgspec
from stm32_board_support import load_board
from stm32_board_support.elf import Section, Segment
from stm32_board_support.schema import Board, Memory, MemoryKind
from stm32_cli.selftest.checks import expected_rate
from stm32_cli.selftest.image import Content, contents, free_ram

SECTIONS = [
    Section(".text", 0x0000_0000, 1003, allocated=True),
    Section(".stack", 0x2000_0000, 0x4000, allocated=True),
    Section(".bss", 0x2000_4000, 24, allocated=True),
    Section(".nn_data_act_0", 0x2100_0000, 5000, allocated=True),
    Section(".debug_info", 0x2000_8000, 99, allocated=False),
    Section(".data", 0x2000_4018, 0, allocated=True),
]


def test_what_is_in_use_is_left_alone_and_pools_are_not_in_use():
    regions = free_ram(load_board("qemu-mps2-an386"), "", SECTIONS)
    assert [(r.name, r.ranges) for r in regions] == [
        ("ssram1", ((1008, 0x40_0000 - 1008),)),
        ("ssram2", ((0x2000_4018, 0x40_0000 - 0x4018),)),
        ("psram", ((0x2100_0000, 0x100_0000),)),
    ]
    assert regions[1].free == 0x40_0000 - 0x4018


def test_free_parts_between_sections():
    sections = [
        Section(".b", 0x2000_0100, 0x101, allocated=True),
        Section(".a", 0x2000_0004, 4, allocated=True),
        Section(".c", 0x203F_FFFD, 3, allocated=True),
    ]
    (region,) = [r for r in free_ram(load_board("qemu-mps2-an386"), "", sections) if r.name == "ssram2"]
    assert region.ranges == ((0x2000_0008, 0xF8), (0x2000_0208, 0x3F_FFF8 - 0x208))


def board_with(**memories: Memory) -> Board:
    plain = load_board("qemu-mps2-an386")
    return Board(msgspec.structs.replace(plain.descriptor, memories=plain.memories | memories), plain.folder)


def test_external_ram_is_tested_only_where_the_layout_starts_it():
    psram = load_board("qemu-mps2-an386").memories["psram"]
    board = board_with(psram=msgspec.structs.replace(psram, external=True))
    assert [r.name for r in free_ram(board, "internal", SECTIONS)] == ["ssram1", "ssram2"]
    assert [r.name for r in free_ram(board, "external", SECTIONS)] == ["ssram1", "ssram2", "psram"]


def test_flash_is_not_written():
    board = board_with(more=Memory(origin=0x6000_0000, size=4096, kind=MemoryKind.FLASH))
    assert "more" not in [r.name for r in free_ram(board, "", SECTIONS)]


def test_contents_are_those_of_the_segments():
    segments = [Segment(0x10, b"abc"), Segment(0x2100_0000, b"weights")]
    assert contents(load_board("qemu-mps2-an386"), segments) == [
        Content("ssram1", 0x10, 3, zlib.crc32(b"abc")),
        Content("psram", 0x2100_0000, 7, zlib.crc32(b"weights")),
    ]


def test_rates():
    assert expected_rate(load_board("nucleo-f412zg")) == 100_000_000
    assert expected_rate(load_board("qemu-mps2-an386")) == 1_000_000_000
    assert expected_rate(load_board("host")) == 1_000_000_000
