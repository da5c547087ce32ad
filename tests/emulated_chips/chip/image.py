# SPDX-License-Identifier: Apache-2.0
"""ELF images: the bytes that a programmer writes to flash, and the names of code addresses.

Read by hand, as only two tables of a 32-bit little-endian file matter (ELF specification, Arm 32-bit).
"""

from __future__ import annotations

import bisect
import struct
from dataclasses import dataclass
from pathlib import Path

_LOADED, _SYMBOLS, _FUNCTION = 1, 2, 2


@dataclass(frozen=True)
class Image:
    """An ELF file.

    Attributes:
        segments: (load address, bytes) of everything that is not only reserved.
        symbols: (address, name) of functions, sorted.
        named: addresses of all symbols.
    """

    segments: list[tuple[int, bytes]]
    symbols: list[tuple[int, str]]
    named: dict[str, int]

    def where(self, address: int) -> str:
        """A code address as function+offset."""
        place = bisect.bisect_right(self.symbols, (address, "\x7f")) - 1
        if place < 0 or not self.symbols:
            return f"{address:#010x}"
        origin, name = self.symbols[place]
        return f"{name}+{address - origin:#x}"


def read_image(path: Path) -> Image:
    """Raises ValueError for a file that is no 32-bit little-endian Arm executable."""
    data = path.read_bytes()
    if data[:6] != b"\x7fELF\x01\x01" or struct.unpack_from("<H", data, 18)[0] != 40:
        raise ValueError(f"{path} is no Arm ELF file")
    return Image(_segments(data), *_symbols(data))


def _segments(data: bytes) -> list[tuple[int, bytes]]:
    (offset,) = struct.unpack_from("<I", data, 28)
    size, count = struct.unpack_from("<HH", data, 42)
    segments = []
    for place in range(count):
        kind, at, _, physical, length = struct.unpack_from("<IIIII", data, offset + place * size)
        if kind == _LOADED and length:
            segments.append((physical, data[at : at + length]))
    return segments


def _symbols(data: bytes) -> tuple[list[tuple[int, str]], dict[str, int]]:
    (offset,) = struct.unpack_from("<I", data, 32)
    size, count = struct.unpack_from("<HH", data, 46)
    sections = [struct.unpack_from("<10I", data, offset + place * size) for place in range(count)]
    functions, named = [], {}
    for section in sections:
        if section[1] != _SYMBOLS:
            continue
        strings = sections[section[6]][4]
        for at in range(section[4], section[4] + section[5], 16):
            name, value, _, info = struct.unpack_from("<IIIB", data, at)
            text = data[strings + name : data.index(b"\0", strings + name)].decode()
            named[text] = value
            if info & 15 == _FUNCTION:
                functions.append((value & ~1, text))
    return sorted(functions), named
