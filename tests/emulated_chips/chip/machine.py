# SPDX-License-Identifier: Apache-2.0
"""A board: a chip with an image in flash, and its console as a queue of bytes or as a socket."""

from __future__ import annotations

import select
import socket
import threading
import time
from collections.abc import Callable
from pathlib import Path
from types import TracebackType
from typing import Protocol, Self

from .bus import ChipError, Peripheral
from .cpu import Cpu, Part
from .image import Image, read_image

_PATIENCE = 0.02
"""Seconds that a board with nothing to do waits for the other side before it looks up."""


class Line(Protocol):
    """What a board needs of its console's USART.

    Attributes:
        listener: called with each byte that has left.
    """

    listener: Callable[[int], None] | None

    def receive(self, data: bytes) -> None:
        """The other side sends bytes."""


class CoreHz(Protocol):
    """Has the core's frequency at this moment in Hz."""

    hz: int


class Chip(Protocol):
    """A part with its peripherals, wired for a board."""

    clock: CoreHz

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
    """

    def __init__(self, part: Part, chip: Chip, elf: Path) -> None:
        self.chip, self.image = chip, read_image(elf)
        self.cpu = Cpu(part, chip.peripherals)
        for address, content in self.image.segments:
            self.cpu.memory.program(address, content)
        self.written = bytearray()
        chip.console.listener = self._byte
        self.cpu.reset()

    def _byte(self, byte: int) -> None:
        self.written.append(byte)

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


class Served:
    """A machine in a thread, its console on a TCP port, for a `with` statement; emulated time follows real time only
    while the machine has nothing to do.

    Attributes:
        description: the console in the form that AiRunner.connect takes.
        failure: what ended the machine.
    """

    def __init__(self, machine: Machine) -> None:
        self.machine, self.failure = machine, None
        self._server = socket.create_server(("127.0.0.1", 0))
        self._client: socket.socket | None = None
        self._out = bytearray()
        self._end = False
        self._thread = threading.Thread(target=self._work, daemon=True)
        machine.chip.console.listener = self._byte
        machine.cpu.idle, machine.cpu.service = self._idle, self._service

    failure: BaseException | None

    @property
    def description(self) -> str:
        """The console in the form that AiRunner.connect takes."""
        return f"socket:127.0.0.1:{self._server.getsockname()[1]}"

    def __enter__(self) -> Self:
        """Starts the machine."""
        self._thread.start()
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None:
        """Stops it.

        Raises:
            ChipError: what the machine ended with, if it did; it replaces the client's own failure.
        """
        self._end = True
        self._thread.join()
        for one in (self._client, self._server):
            if one is not None:
                one.close()
        if self.failure is not None:
            raise self.failure from error

    def _work(self) -> None:
        try:
            while not self._end:
                self.machine.run(1_000_000, lambda: self._end)
        except BaseException as failure:  # noqa: BLE001 - told to the thread that waits
            self.failure = failure
            if self._client is not None:
                self._client.close()
                self._client = None

    def _byte(self, byte: int) -> None:
        self.machine.written.append(byte)
        self._out.append(byte)

    def _idle(self, cycles: int) -> int:
        """Waits for the other side as long as those cycles take."""
        hz = self.machine.chip.clock.hz
        start = time.monotonic()
        self.machine.cpu.called = self._arrived(min(cycles / hz, _PATIENCE))
        return max(1, min(cycles, int((time.monotonic() - start) * hz)))

    def _arrived(self, seconds: float) -> bool:
        """Whether the other side connects, sends or leaves within a time; sends what the console has sent."""
        if self._client is not None and self._out:
            self._client.sendall(self._out)
            self._out.clear()
        return bool(select.select([self._client or self._server], [], [], seconds)[0])

    def _service(self) -> None:
        if not self._arrived(0):
            return
        if self._client is None:
            self._client, _ = self._server.accept()
            self._client.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        elif data := self._client.recv(4096):
            self.machine.chip.console.receive(data)
        else:
            self._client.close()
            self._client = None
