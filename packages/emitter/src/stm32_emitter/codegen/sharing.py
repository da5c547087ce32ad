# SPDX-License-Identifier: Apache-2.0
"""One C function for kernels that differ in numbers only: those become elements of a constant array.

Done on the text, behind the memory plan, which sees every kernel with its own constants. Only loop nests around
micro-kernels share a function: their numbers are arguments of calls, which cost nothing when they are read from memory.
"""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

_NUMBER = re.compile(r"(?<![\w.])\d+(?![\w.])")
_LOCAL_ARRAY = re.compile(r"^\s*\w+ \w+\[\d+\];", re.MULTILINE)
NUMBERS = "numbers"
"""Name of the parameter."""


@dataclass(frozen=True)
class SharedText:
    """A function for several kernels.

    Attributes:
        leader: the kernel that gives it its name.
        body: its body in C, with ``numbers[i]`` where the kernels differ.
        numbers: for each kernel the elements of its array.
    """

    leader: int
    body: str
    numbers: Mapping[int, tuple[int, ...]]

    @property
    def element(self) -> str:
        """C type of the numbers."""
        every = [value for values in self.numbers.values() for value in values]
        return "int16_t" if max(every) < 1 << 15 else "int32_t"


def share(texts: Mapping[int, tuple[str, str]]) -> dict[int, SharedText]:
    """Finds kernels that can share a function.

    Args:
        texts: kernel -> (parameters, body), different texts only.

    Returns:
        Kernel -> the function that it shares; kernels that share none are left out.
    """
    groups: dict[tuple[str, str], list[int]] = defaultdict(list)
    for kernel, (parameters, body) in texts.items():
        if "ai_k_" in body and not _LOCAL_ARRAY.search(body):
            groups[parameters, _NUMBER.sub("#", body)].append(kernel)
    found: dict[int, SharedText] = {}
    for members in groups.values():
        if len(members) > 1:
            shared = _shared([texts[kernel][1] for kernel in members], members)
            found.update(dict.fromkeys(members, shared))
    return found


def _shared(bodies: Sequence[str], members: Sequence[int]) -> SharedText:
    columns = list(zip(*([int(number) for number in _NUMBER.findall(body)] for body in bodies), strict=True))
    places: dict[tuple[int, ...], int] = {}
    for column in columns:
        if len(set(column)) > 1:
            places.setdefault(column, len(places))
    remaining = iter(columns)

    def replaced(match: re.Match[str]) -> str:
        column = next(remaining)
        return f"{NUMBERS}[{places[column]}]" if column in places else match[0]

    body = _NUMBER.sub(replaced, bodies[0])
    rows = zip(*places, strict=True)
    return SharedText(members[0], body, dict(zip(members, rows, strict=True)))
