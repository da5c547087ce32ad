# SPDX-License-Identifier: Apache-2.0
"""A board: a chip with an image in flash, and its console as a queue of bytes or as a line of `ai_runner`."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Protocol

from .bus import ChipError, Peripheral
from .cpu import Cpu, Part
from .image import read_image

_CHUNK, _PAUSE = 64, 50_000
"""A read from the console ends with so many bytes, or so many cycles after one."""


class Line(Protocol):
    """What a board needs of its console's USART.

    Attributes:
        listener: called with each byte that has left.
    """

    listener: Callable[[int], None] | None

    def receive(self, data: bytes) -> None:
        """The other side sends bytes."""


class Chip(Protocol):
    """A part with its peripherals, wired for a board."""

    @property
    def console(self) -> Line:
        """The USART of the console."""

    @property
    def peripherals(self) -> list[Peripheral]:
        """All models."""


class Machine:
    """A board that runs an image from reset.

    Attributes:
        cpu: its core.
        image: what is in its flash.
        written: what the console has sent.
        last_byte: when it sent the last byte, in cycles.
        hz: cycles of an emulated second.
    """

    def __init__(self, part: Part, chip: Chip, elf: Path, hz: int) -> None:
        self.chip, self.image = chip, read_image(elf)
        self.cpu = Cpu(part, chip.peripherals)
        for address, content in self.image.segments:
            self.cpu.memory.program(address, content)
        self.written, self.last_byte, self.hz = bytearray(), 0, hz
        chip.console.listener = self._byte
        self.cpu.reset()

    def _byte(self, byte: int) -> None:
        self.written.append(byte)
        self.last_byte = self.cpu.cycles

    @property
    def text(self) -> str:
        """What the console has sent, as text."""
        return self.written.decode("ascii", "replace")

    def run(self, cycles: int, until: Callable[[], bool] = lambda: False) -> None:
        """Runs for a number of cycles or until a condition holds.

        Raises:
            ChipError: a broken rule, with the function in which it was.
        """
        try:
            self.cpu.run(cycles, until)
        except ChipError as error:
            pc = self.cpu.pc if error.pc is None else error.pc
            raise ChipError(f"{error.what} (in {self.image.where(pc)})", error.address, pc) from error

    def run_until_text(self, text: str, cycles: int) -> str:
        """Runs until the console has sent a text; gives everything it sent.

        Raises:
            AssertionError: it did not within the cycles.
            ChipError: as `run`.
        """
        self.run(cycles, lambda: text in self.text)
        assert text in self.text, f"not within {cycles} cycles: {text!r}; the console sent {self.text!r}"
        return self.text


class ConsoleLine:
    """A machine's console as a transport of `ai_runner`: reading lets the machine run, in the thread that reads.

    All times are emulated ones; `MachineTime` gives them to the runner, so that neither side is ever too slow.

    Attributes:
        name, byte_seconds: as `ai_runner.drivers.Transport`.
    """

    def __init__(self, machine: Machine) -> None:
        self.name, self.byte_seconds = "emulated chip", 0.0
        self._machine = machine
        self._taken = len(machine.written)
        self._grown = 0

    def read(self, timeout: float) -> bytes:
        """What has arrived within emulated seconds: at least one byte, and those that follow without a pause."""
        machine = self._machine
        machine.run(max(1, int(timeout * machine.hz)), self._complete)
        data = bytes(machine.written[self._taken :])
        self._taken += len(data)
        return data

    def _complete(self) -> bool:
        machine = self._machine
        waiting = len(machine.written) - self._taken
        return waiting >= _CHUNK or (waiting > 0 and machine.cpu.cycles - machine.last_byte > _PAUSE)

    def write(self, data: bytes) -> None:
        """Sends bytes to the board."""
        self._machine.chip.console.receive(data)

    def close(self) -> None:
        """Nothing to close."""


class MachineTime:
    """Stands for the module `time`: seconds pass as the machine runs."""

    def __init__(self, machine: Machine) -> None:
        self._machine = machine

    def monotonic(self) -> float:
        """Emulated seconds."""
        return self._machine.cpu.cycles / self._machine.hz
