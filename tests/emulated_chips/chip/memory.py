# SPDX-License-Identifier: Apache-2.0
"""The memories of a chip as the emulator maps them: flash, RAM, and windows of peripherals."""

from __future__ import annotations

import ctypes
from dataclasses import dataclass

import unicorn

from .bus import ChipError, Window

PAGE = 4096
PATTERN = bytes.fromhex("a5c35ae1")
"""What RAM holds before anything is written: not zero, so that missing initialisation shows."""


@dataclass(frozen=True)
class Memory:
    """A memory of the part.

    Attributes:
        origin, size: in bytes, multiples of 4096.
        flash: only the programmer writes it.
        alias: another address of the same memory.
    """

    name: str
    origin: int
    size: int
    flash: bool = False
    alias: int | None = None


class MemoryMap:
    """Maps memories into an emulator and follows the conditions of windows."""

    def __init__(self, engine: unicorn.Uc, memories: tuple[Memory, ...], windows: list[Window]) -> None:
        self._engine, self._memories = engine, memories
        self._contents = {memory.name: bytearray(memory.size) for memory in memories}
        self._windows = [(window, _window_data(window)) for window in windows]
        self._rights: dict[int, int] = {}
        self._keep: list[object] = []
        self.power_up()
        for memory in memories:
            rights = unicorn.UC_PROT_READ | unicorn.UC_PROT_EXEC | (0 if memory.flash else unicorn.UC_PROT_WRITE)
            for origin in (memory.origin, memory.alias):
                if origin is not None:
                    self._map(origin, self._contents[memory.name], rights)
        for window, data in self._windows:
            self._map(window.origin, data, unicorn.UC_PROT_NONE)
        self.follow_windows()

    def power_up(self) -> None:
        """Undefined contents of RAM; erased flash."""
        for memory in self._memories:
            fill = b"\xff" * 4 if memory.flash else PATTERN
            self._contents[memory.name][:] = fill * (memory.size // 4)

    def _map(self, origin: int, data: bytearray, rights: int) -> None:
        block = (ctypes.c_char * len(data)).from_buffer(data)
        self._keep.append(block)
        self._engine.mem_map_ptr(origin, len(data), rights, ctypes.addressof(block))
        self._rights[origin] = rights

    def follow_windows(self) -> None:
        """Asks every window whether it can be read and written."""
        for window, data in self._windows:
            readable = unicorn.UC_PROT_READ | unicorn.UC_PROT_EXEC if window.readable() else 0
            rights = readable | (unicorn.UC_PROT_WRITE if window.writable() else 0)
            if rights != self._rights[window.origin]:
                self._rights[window.origin] = rights
                self._engine.mem_protect(window.origin, len(data), rights)

    def program(self, address: int, content: bytes) -> None:
        """What a programmer does: writes flash, also an external one behind a window.

        Raises:
            ChipError: there is no flash at the address.
        """
        for origin, size, data in self._programmable():
            if origin <= address and address + len(content) <= origin + size:
                data[address - origin : address - origin + len(content)] = content
                return
        raise ChipError(f"the image has {len(content)} bytes for {address:#x}, where no flash is")

    def _programmable(self) -> list[tuple[int, int, bytearray]]:
        own = [(one.origin, one.size, self._contents[one.name]) for one in self._memories if one.flash]
        return own + [(window.origin, len(data), data) for window, data in self._windows if window.data is not None]

    def window_at(self, address: int) -> Window | None:
        """The window that an address belongs to."""
        return next((one for one, _ in self._windows if one.origin <= address < one.origin + one.size), None)

    def allows(self, address: int, size: int, write: bool) -> bool:
        """Whether memory is there that can be read or written at present."""
        need = unicorn.UC_PROT_WRITE if write else unicorn.UC_PROT_READ
        spans = [(memory.origin, memory.size) for memory in self._memories]
        spans += [(window.origin, len(data)) for window, data in self._windows]
        return any(low <= address and address + size <= low + span and self._rights[low] & need for low, span in spans)


def _window_data(window: Window) -> bytearray:
    if window.data is not None:
        return window.data
    return bytearray(PATTERN * (window.size // len(PATTERN)))
