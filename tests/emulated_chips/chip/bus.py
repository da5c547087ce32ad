# SPDX-License-Identifier: Apache-2.0
"""The peripheral bus of an emulated chip: what a peripheral model is, and how an access finds it.

No CPU here: the models can be tried by calling `Bus.read` and `Bus.write`. Addresses are absolute 32-bit addresses of
the CPU, offsets count from a peripheral's base, sizes are 1, 2 or 4 bytes, values are unsigned.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass


class ChipError(Exception):
    """The program did what the reference manual forbids or leaves undefined.

    Attributes:
        what: the broken rule, in words.
        address: the address of the access, if it was one.
        pc: the address of the instruction, filled in by the CPU.
    """

    def __init__(self, what: str, address: int | None = None, pc: int | None = None) -> None:
        super().__init__(what)
        self.what, self.address, self.pc = what, address, pc

    def __str__(self) -> str:
        parts = [self.what]
        if self.address is not None:
            parts.append(f"at address {self.address:#010x}")
        if self.pc is not None:
            parts.append(f"by the instruction at {self.pc:#010x}")
        return ", ".join(parts)


def always() -> bool:
    """A window without conditions."""
    return True


def never() -> bool:
    """A window that cannot be written (or read)."""
    return False


@dataclass(frozen=True)
class Window:
    """Memory that is reached through a peripheral: external memories, the flash array.

    Attributes:
        origin: first address, a multiple of 4096.
        size: bytes of the address range, a multiple of 4096.
        data: the contents; may be shorter than the range (the rest is not accessible), a multiple of 4096 bytes long,
            and is never resized. None: RAM, which the CPU provides and fills with the pattern of undefined contents.
        readable: asked after every write to a peripheral and after every advance; False makes a read a ChipError.
        writable: the same for writes.
    """

    origin: int
    size: int
    data: bytearray | None
    readable: Callable[[], bool] = always
    writable: Callable[[], bool] = never


class Peripheral:
    """Base of the models: registers from `base` on, and what happens in them as time passes.

    Attributes:
        name: as in the reference manual (USART3).
        base: address of the first register.
        size: bytes of the register block.
        windows: memories behind it.
        consumed: offsets of registers whose reads take something away (data): reading one again is no waiting.
    """

    name: str = "?"
    base: int = 0
    size: int = 0x400
    windows: list[Window]
    consumed: frozenset[int] = frozenset()

    def __init__(self) -> None:
        self.windows = []

    def read(self, offset: int, size: int) -> int:
        """The value of 1, 2 or 4 bytes at an offset; may have side effects, as on the chip.

        Raises:
            ChipError: no such register, or a width the register does not allow.
        """
        raise ChipError(f"{self.name}: no register to read at offset {offset:#x} ({size} bytes)")

    def write(self, offset: int, size: int, value: int) -> None:  # noqa: ARG002 - the models' signature
        """Stores 1, 2 or 4 bytes at an offset.

        Raises:
            ChipError: no such register, a reserved or read-only bit would change, or a wrong order of steps.
        """
        raise ChipError(f"{self.name}: no register to write at offset {offset:#x} ({size} bytes)")

    def clocked(self) -> bool:
        """Whether its bus clock runs; an access without is an error."""
        return True

    def advance(self, cycles: int) -> None:
        """Time passes: `cycles` cycles of the core's clock since the last call, 0 is allowed."""

    def next_event(self) -> int | None:
        """Core cycles, at least 1, until something changes by itself; None if nothing is going on.

        The CPU calls `advance` no later than that, and jumps there while it sleeps.
        """
        return None

    def irqs(self) -> set[int]:
        """Numbers of the interrupt lines that are asserted, as levels (0 is IRQ0, exception 16)."""
        return set()

    def reset(self) -> None:
        """The state after a system reset."""


class Bus:
    """The peripherals of a chip by address."""

    def __init__(self, peripherals: list[Peripheral]) -> None:
        """Raises ValueError where two of them overlap."""
        self.peripherals = sorted(peripherals, key=lambda one: one.base)
        for low, high in zip(self.peripherals, self.peripherals[1:], strict=False):
            if low.base + low.size > high.base:
                raise ValueError(f"{low.name} and {high.name} overlap")
        # Most models neither take time nor interrupt; they are asked at every access of any.
        self._timed = [one for one in self.peripherals if type(one).advance is not Peripheral.advance]
        self._eventful = [one for one in self.peripherals if type(one).next_event is not Peripheral.next_event]
        self._interrupting = [one for one in self.peripherals if type(one).irqs is not Peripheral.irqs]

    def find(self, address: int) -> Peripheral:
        """The peripheral at an address.

        Raises:
            ChipError: nothing that is modelled is there.
        """
        for one in self.peripherals:
            if one.base <= address < one.base + one.size:
                return one
        raise ChipError("access to a peripheral that is not modelled", address)

    def read(self, address: int, size: int) -> int:
        """The value of 1, 2 or 4 bytes; raises ChipError."""
        one = self._reach(address, size)
        try:
            return one.read(address - one.base, size) & ((1 << 8 * size) - 1)
        except ChipError as error:
            raise _located(error, address) from None

    def consumes(self, address: int) -> bool:
        """Whether a read takes something away."""
        one = self.find(address)
        return address - one.base & ~3 in one.consumed

    def write(self, address: int, size: int, value: int) -> None:
        """Stores 1, 2 or 4 bytes; raises ChipError."""
        one = self._reach(address, size)
        try:
            one.write(address - one.base, size, value)
        except ChipError as error:
            raise _located(error, address) from None

    def _reach(self, address: int, size: int) -> Peripheral:
        one = self.find(address)
        if size not in (1, 2, 4) or address % size:
            raise ChipError(f"{one.name}: access of {size} bytes that is not aligned", address)
        if not one.clocked():
            raise ChipError(f"{one.name}: access while its clock is off (unclocked)", address)
        return one

    def advance(self, cycles: int) -> None:
        """Time passes for all peripherals."""
        for one in self._timed:
            one.advance(cycles)

    def next_event(self) -> int | None:
        """Core cycles until the first of them changes by itself."""
        times = [time for one in self._eventful if (time := one.next_event()) is not None]
        return max(1, min(times)) if times else None

    def irqs(self) -> set[int]:
        """All asserted interrupt lines."""
        return set().union(*(one.irqs() for one in self._interrupting))

    def windows(self) -> list[Window]:
        """The memories behind all of them."""
        return [window for one in self.peripherals for window in one.windows]

    def reset(self) -> None:
        """A system reset."""
        for one in self.peripherals:
            one.reset()


def _located(error: ChipError, address: int) -> ChipError:
    if error.address is None:
        error.address = address
    return error
