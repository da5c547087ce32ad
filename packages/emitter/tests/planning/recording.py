# SPDX-License-Identifier: Apache-2.0
"""The accesses of a kernel, one after the other, by the interpreter of the checker."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
from stm32_emitter.planning.check import _in_order
from stm32_emitter.planning.footprints import Call
from stm32_emitter.planning.replay import python_function
from stm32_emitter.planning.runtime import FOOTPRINTS


class Recording:
    """``first_write[p][byte]`` and ``last_read[p][byte]`` count accesses; bytes that are never accessed are missing."""

    def __init__(self, kernel: Any, constants: Mapping[int, Any]) -> None:
        self.constants = constants
        self.time = 0
        self.first_write: dict[int, dict[int, int]] = {i: {} for i in range(len(kernel.parameters))}
        self.last_read: dict[int, dict[int, int]] = {i: {} for i in range(len(kernel.parameters))}
        python_function(kernel, list(constants))(self)

    def read(self, parameter: int, start: int, length: int) -> None:
        self.time += 1
        self.last_read[parameter].update(dict.fromkeys(range(start, start + length), self.time))

    def write(self, parameter: int, start: int, length: int) -> None:
        self.time += 1
        for byte in range(start, start + length):
            self.first_write[parameter].setdefault(byte, self.time)

    def constant(self, parameter: int, index: int) -> int:
        return int(self.constants[parameter].ravel()[index])

    def call(self, name: str, arguments: Sequence[Any]) -> None:
        numbers = [None if isinstance(a, tuple) else a for a in arguments]
        arrays = {
            i: (lambda a=a: self.constants[a[0]].ravel()[a[1] // a[2] :])
            for i, a in enumerate(arguments)
            if isinstance(a, tuple) and a[0] in self.constants
        }
        for step in _in_order(FOOTPRINTS[name](Call(numbers, arrays)).touches):
            parameter, start, _ = arguments[step.pointer]
            if parameter < 0 or parameter in self.constants:
                continue
            self.time += 1
            places = (step.places + start).tolist()
            if step.writes:
                for byte in places:
                    self.first_write[parameter].setdefault(byte, self.time)
            else:
                self.last_read[parameter].update(dict.fromkeys(places, self.time))

    def safe(self, dying: int, born: int, difference: int) -> bool:
        """Whether no byte of ``born`` is written before the last read of the byte of ``dying`` in the same place."""
        needed = self.last_read[dying]
        return all(time > needed.get(byte + difference, -1) for byte, time in self.first_write[born].items())

    def safe_differences(self, dying: int, born: int, sizes: tuple[int, int]) -> set[int]:
        """All safe differences at which the two have a byte in common."""
        ends = np.full(sizes[0], -1)
        ends[list(self.last_read[dying])] = list(self.last_read[dying].values())
        starts = np.full(sizes[1], self.time + 1)
        starts[list(self.first_write[born])] = list(self.first_write[born].values())
        found = set()
        for difference in range(1 - sizes[1], sizes[0]):
            low, high = max(0, -difference), min(sizes[1], sizes[0] - difference)
            if np.all(starts[low:high] > ends[low + difference : high + difference]):
                found.add(difference)
        return found
