# SPDX-License-Identifier: Apache-2.0
"""Part numbers that differ in package, temperature range and packing only, as one line."""

import msgspec

from stm32_board_support.parts import database
from stm32_board_support.parts.part import Part

_PIN_AT = len("stm32f746")


class PartGroup(msgspec.Struct, frozen=True):
    """Parts of one name and flash size with the same core and memories.

    Attributes:
        name: with x for the letter of the package, as in "stm32f746xg"; `load_part` takes it.
        part: one of them.
        numbers: all their numbers, sorted.
    """

    name: str
    part: Part
    numbers: tuple[str, ...]


def group_name(number: str) -> str:
    """A part number up to its size letter, x in place of the package's letter, with the core if the part has two."""
    core = number.partition("@")
    stem = core[0][:_PIN_AT] + "x" + core[0][_PIN_AT + 1 : _PIN_AT + 2]
    return stem + core[1] + core[2]


def part_groups() -> list[PartGroup]:
    """All parts, grouped, smallest first: by flash, then RAM, then name. Takes a second or two.

    Raises:
        PartDataMissingError: the part data is not installed.
    """
    found: dict[object, list[Part]] = {}
    for part in database.read_all():
        found.setdefault((group_name(part.number), part.silicon), []).append(part)
    groups = [_group(parts) for parts in found.values()]
    shared: dict[str, int] = {}
    for group in groups:
        shared[group.name] = shared.get(group.name, 0) + 1
    # Where packages of one name and size differ in silicon, a line is named by a whole number.
    exact = [group if shared[group.name] == 1 else _named(group, group.numbers[0]) for group in groups]
    return sorted(exact, key=lambda group: (group.part.flash, group.part.ram, group.name))


def _group(parts: list[Part]) -> PartGroup:
    return PartGroup(group_name(parts[0].number), parts[0], tuple(part.number for part in parts))


def _named(group: PartGroup, name: str) -> PartGroup:
    return PartGroup(name, group.part, group.numbers)
