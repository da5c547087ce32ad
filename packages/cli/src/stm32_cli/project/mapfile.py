# SPDX-License-Identifier: Apache-2.0
"""Reads GNU ld's map file: which object brought how many bytes of which input section, and who refers to whom."""

from __future__ import annotations

import re
from collections import defaultdict
from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping

_MEMORY_MAP = "Linker script and memory map"
_CROSS_REFERENCE = "Cross Reference Table"
_SECTION = re.compile(r"^ (\.\S+|COMMON)\s*(?:\s+0x([0-9a-f]+)\s+0x([0-9a-f]+)\s+(\S.*))?$")
_CONTINUED = re.compile(r"^\s{10,}0x([0-9a-f]+)\s+0x([0-9a-f]+)\s+(\S.*)$")
_LIBRARIES = re.compile(r"lib(c|c_nano|m|g|g_nano|gcc|nosys)\.a\(")


@dataclass(frozen=True)
class Contribution:
    """One input section that is in the image.

    Attributes:
        section: name of the input section, e.g. ".text.m_conv2d_0".
        object: file it comes from; a member of an archive as "archive(member)".
        size: bytes.
    """

    section: str
    object: str
    size: int


def contributions(text: str) -> list[Contribution]:
    """The input sections that survived garbage collection, in link order; empty ones are left out."""
    _, _, memory_map = text.partition(_MEMORY_MAP)
    memory_map = memory_map.partition(_CROSS_REFERENCE)[0]
    found, pending = [], ""
    for line in memory_map.splitlines():
        if match := _SECTION.match(line):
            pending = match[1]
            size, origin = match[3], match[4]
        elif pending and (match := _CONTINUED.match(line)):
            size, origin = match[2], match[3]
        else:
            pending = ""
            continue
        if size and int(size, 16) and origin:
            found.append(Contribution(pending, origin, int(size, 16)))
        if size:
            pending = ""
    return found


def references(text: str) -> dict[str, list[str]]:
    """Symbol -> the file that defines it, then those that refer to it (map written with --cref)."""
    _, _, tail = text.partition(_CROSS_REFERENCE)
    table: dict[str, list[str]] = defaultdict(list)
    symbol = ""
    for line in tail.splitlines()[3:]:
        head, _, rest = line.partition(" ")
        if head:
            symbol = head
        if rest.strip():
            table[symbol].append(rest.strip())
    return dict(table)


def is_library(origin: str) -> bool:
    """Whether an object is a member of the C library, the mathematical library or the compiler's own."""
    return _LIBRARIES.search(origin) is not None


def pulled_in(table: Mapping[str, list[str]], objects: Iterable[str]) -> set[str]:
    """The library members that objects need, directly or through other members."""
    needs: dict[str, set[str]] = defaultdict(set)
    for defined, *users in table.values():
        if is_library(defined):
            for user in users:
                needs[user].add(defined)
    reached: set[str] = set()
    waiting = list(objects)
    while waiting:
        for member in needs.get(waiting.pop(), set()) - reached:
            reached.add(member)
            waiting.append(member)
    return reached


def total(found: Iterable[Contribution], objects: Callable[[str], bool], *sections: str) -> int:
    """Bytes of the sections whose names begin so, of the objects that are chosen."""
    return sum(part.size for part in found if objects(part.object) and part.section.startswith(sections))
