# SPDX-License-Identifier: Apache-2.0
"""The conversation with the SelfTest firmware: a line of words there, a line that begins with a colon back."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING

from stm32_cli.errors import CliError, Exit

if TYPE_CHECKING:
    from ai_runner.drivers import Transport

VERSION = "1"
_START_SECONDS = 15.0
_PATIENCE = 10.0
_QUIET = 0.2


class DeviceProblemError(Exception):
    """The firmware refused a command, died of a fault, or stopped answering; the text says which."""


class Session:
    """Asks the firmware.

    Args:
        line: to the board's console.
    """

    def __init__(self, line: Transport) -> None:
        self._line = line
        self._data = b""
        self._said = ""

    def start(self, seconds: float = _START_SECONDS) -> list[str]:
        """Waits until the firmware answers.

        Returns:
            The words of its greeting behind the version: board, "clock", Hz, "step", n, "unit", name, "device", id.

        Raises:
            CliError: nothing answers (6), something else does (6), or the firmware does not start (1).
        """
        end = time.monotonic() + seconds
        while time.monotonic() < end:
            self._line.write(b"\nhello\n")
            try:
                answer = self._next_answer(time.monotonic() + 1.0)
            except DeviceProblemError as error:
                hint = "its README.md says what the start needs; reset the board and try again with --no-flash"
                raise CliError(f"the firmware does not start: {error}", hint) from error
            if answer and answer[0] == "selftest":
                self.settle()
                return self._greeting(answer)
        said = (self._said + self._data.decode("ascii", "replace")).strip()[-200:] or "nothing"
        raise CliError(
            f"{self._line.name}: no SelfTest firmware answers; the line said: {said}",
            "is this the board's console, at the right baud rate? leave out --no-flash to write the firmware",
            Exit.LINK_ERROR,
        )

    @staticmethod
    def _greeting(answer: list[str]) -> list[str]:
        if len(answer) != 11 or answer[1] != VERSION:
            raise CliError(
                f"the SelfTest firmware is another version: {' '.join(answer)}",
                "leave out --no-flash, so that the firmware is written anew",
                Exit.LINK_ERROR,
            )
        return answer[2:]

    def settle(self, quiet: float = _QUIET) -> None:
        """Drops what arrives, such as answers to greetings that were sent more than once, until the line is quiet."""
        while self._line.read(quiet):
            pass
        self._data = b""

    def _fill(self, end: float) -> bool:
        """Adds what arrives; False when the time is over."""
        left = end - time.monotonic()
        self._data += self._line.read(max(0.0, min(left, 0.5)))
        return left > 0

    def _take_line(self) -> str | None:
        head, newline, rest = self._data.partition(b"\n")
        if not newline:
            return None
        self._data = rest
        return head.decode("ascii", "replace").strip()

    def _next_answer(self, end: float) -> list[str] | None:
        """The words of the next answer; other lines are skipped, except reports of faults and errors."""
        while True:
            text = self._take_line()
            if text is None:
                if not self._fill(end):
                    return None
            elif text.startswith(("FAULT", "ERROR:")):
                raise DeviceProblemError(text)
            elif text.startswith(":"):
                return text[1:].split()
            elif text:
                self._said = f"{self._said[-400:]}{text}\n"

    def ask(self, command: str, answer: str, seconds: float = _PATIENCE) -> list[str]:
        """Sends a command and waits for its answer.

        Args:
            command: words.
            answer: first word of the answer.
            seconds: to wait for it.

        Returns:
            The words behind the first.

        Raises:
            DeviceProblemError: it refused, died, was silent, or answered something else.
            LinkError: the line broke.
        """
        self._line.write(command.encode() + b"\n")
        return self.expect(answer, command, seconds)

    def expect(self, answer: str, command: str, seconds: float = _PATIENCE) -> list[str]:
        """As `ask`, for an answer that is still to come."""
        words = self._next_answer(time.monotonic() + seconds)
        if words is None:
            raise DeviceProblemError(f"no answer to '{command}' within {seconds:.0f} s")
        if words[:1] != [answer]:
            raise DeviceProblemError(f"'{command}' was answered with '{' '.join(words)}'")
        return words[1:]

    def echo(self, data: bytes, seconds: float) -> tuple[bytes, float]:
        """Sends bytes that the firmware sends back.

        Returns:
            What came back, and the seconds from the first byte sent to the last one received.
        """
        self.ask(f"echo {len(data)}", "echo")
        start = time.monotonic()
        self._line.write(data)
        while len(self._data) < len(data) and self._fill(start + seconds):
            pass
        back, self._data = self._data[: len(data)], self._data[len(data) :]
        return back, time.monotonic() - start

    def send(self, command: str) -> None:
        """Sends a command that needs no answer."""
        self._line.write(command.encode() + b"\n")
