# SPDX-License-Identifier: Apache-2.0
"""Registers as data: which bits keep what is written, which are cleared by a one, which never change."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field

from .bus import ChipError

WORD = (4,)
ANY = (1, 2, 4)


@dataclass
class Register:
    """A 32-bit register.

    Attributes:
        name: as in the manual.
        value: the contents, at first the value after reset.
        writable: mask of bits that keep what is written.
        clears: mask of bits that a written one clears.
        ignored: mask of bits that may be written with anything and do not change.
        sizes: widths in bytes that the register allows.
        readable: False for registers that can only be written.
        read: computes the value where it is not stored.
        wrote: told the value that was written, after it was stored.
    """

    name: str
    value: int = 0
    writable: int = 0
    clears: int = 0
    ignored: int = 0
    sizes: tuple[int, ...] = WORD
    readable: bool = True
    read: Callable[[], int] | None = None
    wrote: Callable[[int], None] | None = None
    after_reset: int = field(init=False)

    def __post_init__(self) -> None:
        self.after_reset = self.value

    def current(self) -> int:
        """The 32 bits that a read gives."""
        return self.value if self.read is None else self.read()

    def store(self, value: int, touched: int = 0xFFFFFFFF) -> None:
        """A write to the bits of the mask `touched`; raises ChipError where a bit would change that cannot."""
        now = self.current()
        fixed = touched & ~(self.writable | self.clears | self.ignored)
        if wrong := (value ^ now) & fixed & 0xFFFFFFFF:
            raise ChipError(f"{self.name}: the write of {value:#x} would change reserved or read-only bits {wrong:#x}")
        keeps = self.writable & touched
        self.value = (now & ~keeps | value & keeps) & ~(value & self.clears & touched)
        if self.wrote is not None:
            self.wrote(value & touched)


class Registers:
    """A block of registers by offset."""

    def __init__(self, name: str, registers: dict[int, Register]) -> None:
        self.name, self.registers = name, registers

    def __contains__(self, offset: int) -> bool:
        return offset & ~3 in self.registers

    def _find(self, offset: int, size: int, action: str) -> Register:
        register = self.registers.get(offset & ~3)
        if register is None:
            raise ChipError(f"{self.name}: no register to {action} at offset {offset:#x}")
        if size not in register.sizes:
            raise ChipError(f"{register.name}: an access of {size} bytes is not allowed")
        return register

    def read(self, offset: int, size: int) -> int:
        """The value of `size` bytes; raises ChipError."""
        register = self._find(offset, size, "read")
        if not register.readable:
            raise ChipError(f"{register.name} can only be written")
        return (register.current() >> 8 * (offset & 3)) & ((1 << 8 * size) - 1)

    def write(self, offset: int, size: int, value: int) -> None:
        """Stores `size` bytes; raises ChipError."""
        register, shift = self._find(offset, size, "write"), 8 * (offset & 3)
        register.store(value << shift, ((1 << 8 * size) - 1) << shift)

    def reset(self) -> None:
        """All values as after a reset."""
        for register in self.registers.values():
            register.value = register.after_reset
