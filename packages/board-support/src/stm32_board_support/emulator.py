# SPDX-License-Identifier: Apache-2.0
"""QEMU for a board: its command line, and a process that is always ended."""

import contextlib
import os
import socket
import subprocess
import threading
from collections.abc import Sequence
from pathlib import Path
from types import TracebackType
from typing import Self

from stm32_board_support.errors import EmulatorError
from stm32_board_support.schema import Board
from stm32_board_support.toolchain import qemu_program

START_TIMEOUT = 30.0  # seconds until QEMU listens; a loaded machine takes a few
_ATTEMPTS = 3
_READY = "waiting for connection"


def qemu_command(board: Board, elf: str | os.PathLike[str], serial: str, program: str = "qemu-system-arm") -> list[str]:
    """The exact argument list that runs an image.

    Args:
        board: a board of kind emulated.
        elf: image.
        serial: value of -serial for the board's console, e.g. "stdio", "null" or `tcp_serial(port)`.
        program: path of qemu-system-arm.

    Returns:
        argv. Virtual time is one nanosecond per instruction, so runs repeat exactly.

    Raises:
        EmulatorError: the board is not emulated.
    """
    emulator = board.descriptor.emulator
    if emulator is None:
        raise EmulatorError(f"board {board.name} is not emulated; flash it instead")
    lines = ["-serial", "null"] * emulator.serial + ["-serial", serial]  # "none" would not take a line's place
    options = ["-nographic", "-monitor", "none", *lines, "-icount", "shift=0"]
    semihosting = ["-semihosting-config", "enable=on,target=native"]
    return [program, "-M", emulator.machine, *emulator.args, *options, *semihosting, "-kernel", os.fspath(elf)]


def tcp_serial(port: int) -> str:
    """-serial value of a line that waits for one client on 127.0.0.1:port; without nodelay each packet takes 40 ms."""
    return f"tcp:127.0.0.1:{port},server=on,wait=on,nodelay=on"


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


class Emulator:
    """An image running on QEMU with its serial line on a TCP socket, for a `with` statement.

    The machine starts when the first client connects to `address`; the client should set TCP_NODELAY.

    Args:
        board: a board of kind emulated.
        elf: image.

    Attributes:
        address: (host, port) of the serial line; one client at a time.
    """

    def __init__(self, board: Board, elf: str | os.PathLike[str]) -> None:
        self._board = board
        self._elf = Path(elf)
        self._process: subprocess.Popen[str] | None = None
        self._exit_code: int | None = None
        self._lines: list[str] = []
        self._ready = threading.Event()
        self._reader: threading.Thread | None = None
        self.address = ("127.0.0.1", 0)

    @property
    def description(self) -> str:
        """The serial line in the form that AiRunner.connect takes, "socket:HOST:PORT"."""
        return f"socket:{self.address[0]}:{self.address[1]}"

    @property
    def output(self) -> str:
        """What QEMU itself has written to standard output and error."""
        return "".join(line for line in list(self._lines) if _READY not in line)

    def __enter__(self) -> Self:
        """Start QEMU and wait until it listens.

        Raises:
            ToolMissingError: qemu-system-arm is not installed.
            EmulatorError: the image does not exist, or QEMU ended at once; the message holds what it said.
        """
        if not self._elf.is_file():
            raise EmulatorError(f"there is no image {self._elf}; build it first")
        for _ in range(_ATTEMPTS):
            if self._start():
                return self
            if "in use" not in self.output:
                break
        said = self.output.strip() or "nothing"
        self.close()
        raise EmulatorError(f"QEMU did not start board {self._board.name} with {self._elf}; it said: {said}")

    def _start(self) -> bool:
        self.close()
        self._exit_code = None
        self._lines, self._ready = [], threading.Event()
        self.address = ("127.0.0.1", _free_port())
        command = qemu_command(self._board, self._elf, tcp_serial(self.address[1]), str(qemu_program()))
        self._process = subprocess.Popen(
            command,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            errors="replace",
        )
        self._reader = threading.Thread(target=self._read, args=(self._process,), daemon=True)
        self._reader.start()
        self._ready.wait(START_TIMEOUT)
        return self._process.poll() is None and any(_READY in line for line in self._lines)

    def _read(self, process: "subprocess.Popen[str]") -> None:
        if process.stdout is not None:
            for line in process.stdout:
                self._lines.append(line)
                if _READY in line:
                    self._ready.set()
        self._ready.set()

    @property
    def exit_code(self) -> int | None:
        """QEMU's exit status, which is the firmware's where it ended by semihosting; None while it runs."""
        return self._exit_code if self._process is None else self._process.poll()

    def wait(self, timeout: float | None = None) -> int:
        """Wait until the firmware ends.

        Args:
            timeout: seconds; None waits without a bound.

        Returns:
            The exit status.

        Raises:
            EmulatorError: it is still running after the timeout, or was not started.
        """
        if self._process is None:
            raise EmulatorError("the emulator is not running; use it in a with statement")
        try:
            code = self._process.wait(timeout)
        except subprocess.TimeoutExpired as error:
            raise EmulatorError(f"{self._elf.name} on {self._board.name} did not end within {timeout} s") from error
        if self._reader is not None:
            self._reader.join(timeout=5)
        return code

    def close(self) -> None:
        """End QEMU if it runs, and collect it. May be called again."""
        process, self._process = self._process, None
        if process is None:
            return
        process.terminate()
        with contextlib.suppress(subprocess.TimeoutExpired):
            process.wait(3)
        if process.poll() is None:
            process.kill()
            process.wait()
        self._exit_code = process.returncode
        if self._reader is not None:
            self._reader.join(timeout=5)
        if process.stdout is not None:
            process.stdout.close()

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """End QEMU."""
        self.close()


def run_to_end(
    board: Board, elf: str | os.PathLike[str], timeout: float = 60.0, extra: Sequence[str] = ()
) -> tuple[int, str]:
    """Run an image whose firmware ends by itself, with its console captured.

    Args:
        board: a board of kind emulated.
        elf: image.
        timeout: seconds.
        extra: more QEMU arguments.

    Returns:
        (exit status, console text with CR LF turned into LF).

    Raises:
        EmulatorError: it did not end within the timeout.
    """
    command = [*qemu_command(board, elf, "stdio", str(qemu_program())), *extra]
    try:
        done = subprocess.run(command, stdin=subprocess.DEVNULL, capture_output=True, timeout=timeout, check=False)
    except subprocess.TimeoutExpired as error:
        said = (error.stdout or b"").decode(errors="replace")[-500:]
        raise EmulatorError(
            f"{Path(elf).name} on {board.name} did not end within {timeout} s; console: {said}"
        ) from error
    return done.returncode, (done.stdout + done.stderr).decode(errors="replace").replace("\r\n", "\n")
