# SPDX-License-Identifier: Apache-2.0
"""Finds a part by what a user types: a part number, its beginning, or as it stands on a reel."""

import difflib
import re

from stm32_board_support.errors import PartNotFoundError
from stm32_board_support.parts import database
from stm32_board_support.parts.part import Part

_SHORTEST = len("stm32f4")
_PACKAGE_AT = len("stm32f746")
# The core that a part with two is taken for: the one that runs after reset and has the larger memory.
_MAIN_CORES = ("@m7", "@m4")
_SHOWN = 6


def _plain(name: str) -> str:
    """Lower case, without the letters of the packing ("TR": tape and reel)."""
    return name.strip().lower().removesuffix("tr")


def _on_main_core(numbers: list[str], asked: str) -> list[str]:
    """Leaves the main core's entry of parts with two, unless the core was asked for."""
    if "@" in asked:
        return numbers
    both = {number.partition("@")[0]: "" for number in numbers}
    for number in numbers:
        name, _, core = number.partition("@")
        if not both[name] or f"@{core}" == next((c for c in _MAIN_CORES if f"{name}{c}" in numbers), ""):
            both[name] = number
    return list(both.values())


def _candidates(asked: str) -> list[str]:
    """Complete numbers that a name may stand for."""
    known = database.index()
    name, at, core = asked.partition("@")
    if asked in known:
        return [asked]
    for stem in dict.fromkeys((name, name.rstrip("x"))):
        if len(stem) < _SHORTEST:
            continue
        found = [number for number in known if number.startswith(stem) and number.endswith(at + core)]
        exact = [number for number in found if number.partition("@")[0] == stem]
        if exact or found:
            return _on_main_core(exact or found, asked)
    return _on_main_core(_of_any_package(name, at + core), asked)


def _of_any_package(name: str, core: str) -> list[str]:
    """Complete numbers for a name like "stm32f746xg", where x is any package."""
    if len(name) <= _PACKAGE_AT or name[_PACKAGE_AT] != "x":
        return []
    pattern = re.compile(re.escape(name[:_PACKAGE_AT]) + "[a-z0-9]" + re.escape(name[_PACKAGE_AT + 1 :]))
    return [number for number in database.index() if pattern.match(number) and number.endswith(core)]


def _unknown(name: str, asked: str) -> PartNotFoundError:
    names = sorted({number.partition("@")[0] for number in database.index()})
    near = difflib.get_close_matches(asked, names, n=_SHOWN, cutoff=0.6)
    meant = f"; did you mean: {', '.join(near)}?" if near else "; a part number is e.g. stm32f746ngh6"
    return PartNotFoundError(f"there is no part {name!r}{meant}")


def _facts(part: Part) -> str:
    return f"{part.number} ({part.core}, {part.flash // 1024} KB flash, {part.ram // 1024} KB RAM)"


def load_part(name: str) -> Part:
    """The part of that number.

    Args:
        name: a part number in upper or lower case; its beginning ("stm32f746ng", "STM32F746NGHx"), also with x for the
            package ("stm32f746xg"), where all parts that it stands for have the same core and memories. Parts with two
            cores are taken for the one that starts (Cortex-M7, or Cortex-M4 beside an M0+); "@m4", "@m0" at the end
            asks for the other.

    Raises:
        PartNotFoundError: no such part; the message lists near names. Or the name stands for parts that differ; the
            message lists one of each kind.
        PartDataMissingError: the part data is not installed.
    """
    asked = _plain(name)
    found = _candidates(asked)
    if not found:
        raise _unknown(name, asked)
    kinds: dict[object, Part] = {}
    for number in found:
        part = database.read(number)
        kinds.setdefault(part.silicon, part)
    if len(kinds) > 1:
        some = ", ".join(_facts(part) for part in list(kinds.values())[:_SHOWN])
        more = f" and {len(kinds) - _SHOWN} more" if len(kinds) > _SHOWN else ""
        raise PartNotFoundError(f"{name!r} stands for parts that differ: {some}{more}; give more of the number")
    part = next(iter(kinds.values()))
    core = part.number.partition("@")[1:]
    short = asked if "@" in asked or not core[0] else asked + "".join(core)
    return Part(short, part.family, part.core, part.fpu, part.dsp, part.memories, part.number)
