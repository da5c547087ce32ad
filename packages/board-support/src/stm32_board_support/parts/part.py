# SPDX-License-Identifier: Apache-2.0
"""A part: the core, and the memories that it sees."""

from typing import Literal

import msgspec


class PartMemory(msgspec.Struct, frozen=True):
    """One memory of a part, or several that follow each other without a gap and behave alike.

    Attributes:
        name: flash, flash2 (a second bank behind a gap), sram, sram2, ... in the order of addresses; ccm, itcm, dtcm,
            axi, d2_sram, d3_sram, where the part has them.
        origin: first address.
        size: bytes.
        kind: flash or ram.
        speed: relative cost of an access, 1 is the fastest memory of the part.
        executable: the core can fetch instructions from it.
        ready: it works from reset; False where the program has to switch its clock or its write protection first.
    """

    name: str
    origin: int
    size: int
    kind: Literal["flash", "ram"]
    speed: int
    executable: bool
    ready: bool = True

    @property
    def end(self) -> int:
        """First address behind the memory."""
        return self.origin + self.size


class Part(msgspec.Struct, frozen=True):
    """One part number, or the beginning of one that stands for parts with the same core and memories.

    Attributes:
        name: lower case, e.g. "stm32f746ngh6"; of parts with two cores with "@m7" or "@m4" at the end.
        family: "f7", "l4", ...
        core: key of `stm32_board_support.cores.CORES`.
        fpu: key of that core's FPUs, "none" for none.
        dsp: whether it has the DSP instructions (SIMD on 32-bit words).
        memories: flash first, then RAM, each by address.
        number: a complete part number of the data, `name` itself where that is complete.
    """

    name: str
    family: str
    core: str
    fpu: str
    dsp: bool
    memories: tuple[PartMemory, ...]
    number: str

    @property
    def flash(self) -> int:
        """Bytes of flash."""
        return sum(memory.size for memory in self.memories if memory.kind == "flash")

    @property
    def ram(self) -> int:
        """Bytes of RAM that works from reset and may hold data: not the instruction memory (itcm)."""
        return sum(memory.size for memory in self.data_memories)

    @property
    def data_memories(self) -> tuple[PartMemory, ...]:
        """RAM that works from reset and may hold data, by address."""
        return tuple(m for m in self.memories if m.kind == "ram" and m.ready and m.name != "itcm")

    @property
    def silicon(self) -> tuple[object, ...]:
        """What parts must have in common to take the same program: all but their name."""
        return (self.core, self.fpu, self.memories)
