# SPDX-License-Identifier: Apache-2.0
"""What an image leaves free of each RAM, and what it puts into each memory."""

from __future__ import annotations

import zlib
from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from stm32_board_support import Board
    from stm32_board_support.elf import Section, Segment

# Pools hold nothing until a model is started, which is the last of the checks.
_IDLE = ".nn_data_act"
_ALIGNMENT = 8


@dataclass(frozen=True)
class FreeRam:
    """The parts of a RAM that the firmware does not use while it tests.

    Attributes:
        name: of the memory.
        size: bytes of all of it.
        ranges: (first address, bytes) of each free part, in order.
    """

    name: str
    size: int
    ranges: tuple[tuple[int, int], ...]

    @property
    def free(self) -> int:
        """Bytes that can be tested."""
        return sum(size for _, size in self.ranges)


@dataclass(frozen=True)
class Content:
    """A piece of the image as it has to be found in a memory: first address, bytes, CRC-32."""

    memory: str
    address: int
    size: int
    crc: int


def _gaps(start: int, end: int, taken: Sequence[tuple[int, int]]) -> Iterator[tuple[int, int]]:
    """(first address, bytes) of what is left of [start, end) by (first, end) ranges; whole aligned words only."""
    place = start
    for first, last in [*sorted(taken), (end, end)]:
        low = -(-place // _ALIGNMENT) * _ALIGNMENT
        high = min(first, end) // _ALIGNMENT * _ALIGNMENT
        if high > low:
            yield low, high - low
        place = max(place, last)


def used_memories(board: Board, layout_name: str) -> set[str]:
    """The memories that a layout places something in: of those outside of the chip, the port starts only these."""
    from stm32_board_support.linker import output_sections

    return {section.memory for section in output_sections(board.layout(layout_name))}


def free_ram(board: Board, layout_name: str, sections: Sequence[Section]) -> list[FreeRam]:
    """The free parts of every RAM that works in a layout, in the descriptor's order.

    Args:
        board: that the image is for.
        layout_name: that it was linked with, "" for the default.
        sections: of the image.
    """
    from stm32_board_support.schema import MemoryKind

    used = used_memories(board, layout_name)
    busy = [s for s in sections if s.allocated and s.size and not s.name.startswith(_IDLE)]
    segments = [(s.address, s.address + s.size) for s in busy]
    return [
        FreeRam(name, memory.size, tuple(_gaps(memory.origin, memory.end, segments)))
        for name, memory in board.memories.items()
        if memory.kind is MemoryKind.RAM and (name in used or not memory.external)
    ]


def contents(board: Board, segments: Sequence[Segment]) -> list[Content]:
    """What the image puts into each memory, piece by piece.

    Raises:
        StopIteration: never for an image that was built for this board.
    """
    found = []
    for segment in segments:
        name = next(name for name, m in board.memories.items() if m.origin <= segment.address < m.end)
        found.append(Content(name, segment.address, len(segment.content), zlib.crc32(segment.content)))
    return found
