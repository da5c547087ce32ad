# SPDX-License-Identifier: Apache-2.0
"""Sections, symbols and segments of an ELF file (System V ABI, chapters 4 and 5), little-endian, 32 or 64 bit."""

import os
import struct
from pathlib import Path

import msgspec

from stm32_board_support.errors import ElfError

_SYMBOL_TABLE = 2
_DATA_SYMBOLS = (1, 2)  # STT_OBJECT, STT_FUNC
_LOADABLE = 1  # PT_LOAD


class Section(msgspec.Struct, frozen=True):
    """A section: name, address and size in bytes, whether it takes memory on the target."""

    name: str
    address: int
    size: int
    allocated: bool


class Symbol(msgspec.Struct, frozen=True):
    """A function or object: name, address, size in bytes, name of its section."""

    name: str
    address: int
    size: int
    section: str


class Segment(msgspec.Struct, frozen=True):
    """Content that is written to the target before the program starts.

    Attributes:
        address: where it is written, the physical address: for the initial values of variables their load address.
        content: bytes of the file; never empty.
    """

    address: int
    content: bytes

    @property
    def end(self) -> int:
        """First address behind it."""
        return self.address + len(self.content)


class _Header(msgspec.Struct, frozen=True):
    name: int
    kind: int
    flags: int
    address: int
    offset: int
    size: int
    link: int


class ElfFile:
    """An ELF file in memory.

    Args:
        path: file.

    Raises:
        ElfError: it cannot be read, is no ELF file, or is cut off.
    """

    def __init__(self, path: str | os.PathLike[str]) -> None:
        self._path = Path(path)
        try:
            self._data = self._path.read_bytes()
            self._wide = self._ident()
            self._headers = self._section_headers()
            self.sections = [self._section(header) for header in self._headers]
            self.symbols = self._read_symbols()
            self.segments = self._read_segments()
        except OSError as error:
            raise ElfError(f"cannot read {self._path}: {error.strerror}") from error
        except (struct.error, IndexError, OverflowError, ValueError) as error:
            raise ElfError(f"{self._path} is cut off or damaged; build it again") from error

    def _ident(self) -> bool:
        if self._data[:4] != b"\x7fELF" or self._data[5] != 1:
            raise ElfError(f"{self._path} is no little-endian ELF file")
        return self._data[4] == 2  # ELFCLASS64

    def _section_headers(self) -> list[_Header]:
        if self._wide:
            start, (entry, count, names) = (
                struct.unpack_from("<Q", self._data, 40)[0],
                struct.unpack_from("<3H", self._data, 58),
            )
        else:
            start, (entry, count, names) = (
                struct.unpack_from("<I", self._data, 32)[0],
                struct.unpack_from("<3H", self._data, 46),
            )
        layout = "<IIQQQQIIQQ" if self._wide else "<10I"
        headers = [_Header(*struct.unpack_from(layout, self._data, start + entry * i)[:7]) for i in range(count)]
        self._names = headers[names]
        return headers

    def _read_segments(self) -> list[Segment]:
        start = struct.unpack_from("<Q" if self._wide else "<I", self._data, 32 if self._wide else 28)[0]
        entry, count = struct.unpack_from("<2H", self._data, 54 if self._wide else 42)
        found = []
        for header in range(start, start + entry * count, entry or 1):
            if self._wide:
                kind, _, offset, _, address, size = struct.unpack_from("<IIQQQQ", self._data, header)
            else:
                kind, offset, _, address, size = struct.unpack_from("<5I", self._data, header)
            if kind == _LOADABLE and size:
                if offset + size > len(self._data):
                    raise ValueError(offset)
                found.append(Segment(address, self._data[offset : offset + size]))
        return found

    def _text(self, table: _Header, index: int) -> str:
        start = table.offset + index
        return self._data[start : self._data.index(b"\0", start)].decode()

    def _section(self, header: _Header) -> Section:
        return Section(self._text(self._names, header.name), header.address, header.size, bool(header.flags & 2))

    def _read_symbols(self) -> list[Symbol]:
        found: list[Symbol] = []
        for table in self._headers:
            if table.kind == _SYMBOL_TABLE:
                found += self._table(table, self._headers[table.link])
        return found

    def _table(self, table: _Header, texts: _Header) -> list[Symbol]:
        found = []
        entry = 24 if self._wide else 16
        for start in range(table.offset, table.offset + table.size, entry):
            if self._wide:
                name, info, _, section, address, size = struct.unpack_from("<IBBHQQ", self._data, start)
            else:
                name, address, size, info, _, section = struct.unpack_from("<IIIBBH", self._data, start)
            if info & 15 in _DATA_SYMBOLS and size and section < len(self.sections):
                found.append(Symbol(self._text(texts, name), address, size, self.sections[section].name))
        return found
