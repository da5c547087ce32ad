# SPDX-License-Identifier: Apache-2.0
"""Where a model runs: an emulated board, a process of this computer, or what is connected already."""

from __future__ import annotations

import re
import subprocess
import threading
import time
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from stm32_cli import console, options
from stm32_cli.errors import CliError, usage
from stm32_cli.project.compiler import compile_file
from stm32_cli.project.firmware import Build, build_firmware
from stm32_cli.project.lines import find_line
from stm32_cli.project.models import find_models

if TYPE_CHECKING:
    from collections.abc import Iterator

    from ai_runner import AiRunner
    from stm32_board_support import Board

    from stm32_cli.project.compiler import CompileOptions

_LISTENING = re.compile(r"listening on (\S+):(\d+)")
_HOST_START = 20.0


@dataclass(frozen=True)
class Destination:
    """A parsed description of a target.

    Attributes:
        kind: "board" (emulated, built for the occasion), "host" (likewise) or "connected".
        board: name of the board to build for, "" if connected.
        desc: what AiRunner connects to, "" if it is built for the occasion.
        probe: serial number of the debug probe whose serial port is meant, "" for the only one.
    """

    kind: str
    board: str = ""
    desc: str = ""
    probe: str = ""


def parse_destination(desc: str, probe: str = "") -> Destination:
    """Reads `qemu[:BOARD]`, `host`, or a description for AiRunner (`serial...`, `socket:...`, a port)."""
    scheme, _, rest = desc.partition(":")
    if scheme == "qemu":
        return Destination("board", board=rest or options.DEFAULT_BOARD)
    if desc == "host":
        return Destination("host", board="host")
    return Destination("connected", desc=desc, probe=probe)


def emulated_board(name: str) -> Board:
    """Loads a board that can be emulated.

    Raises:
        CliError: it is a real one; exit code 2.
    """
    from stm32_board_support import Kind, load_board

    board = load_board(name)
    if board.kind is not Kind.EMULATED:
        raise usage(
            f"board {board.name} is not emulated",
            "build and flash the Validation firmware, then validate with -d serial:PORT:BAUD",
        )
    return board


@dataclass(frozen=True)
class Plan:
    """What is compiled for the occasion.

    Attributes:
        model: the .tflite file.
        options: for the compiler; its target is replaced by the board's CPU.
        model_dir: a folder that is compiled already, or None.
        work: folder for what is built.
    """

    model: Path
    options: CompileOptions
    model_dir: Path | None
    work: Path

    def emitted(self, target: str) -> tuple[Path, str, str]:
        """The folder, name and signature of the compiled model; compiles it if there is none."""
        if self.model_dir is not None:
            found = find_models(self.model_dir)[0]
            return found.path, found.name, signature_text(found.info.get("signature", ""))
        compiled = compile_file(self.model, replace(self.options, target=target))
        folder = compiled.write(self.work / compiled.name)
        return Path(folder), compiled.name, f"{compiled.signature:08x}"

    def description(self, name: str) -> dict[str, Any]:
        """What the compiler tells of the model; which channels it removed does not depend on the CPU.

        Args:
            name: of the model in the firmware; what was emitted under it is read again.
        """
        folder = self.work / name if self.model_dir is None else self.model_dir
        return find_models(folder)[0].info if folder.is_dir() else compile_file(self.model, self.options).info


def signature_text(value: str | float) -> str:
    """A signature as eight hexadecimal digits, "" for none."""
    return f"{value:08x}" if isinstance(value, int) else str(value).lower().removeprefix("0x")


@contextmanager
def connect(destination: Destination, plan: Plan) -> Iterator[tuple[AiRunner, str]]:
    """Builds and boots what is needed, and connects to it.

    Yields:
        The runner, and the name of the model that was built in ("" if it was connected).
    """
    if destination.kind == "connected":
        with _attached(find_line(destination.desc, destination.probe)) as runner:
            yield runner, ""
        return
    board = _board_of(destination)
    folder, name, signature = plan.emitted(board.descriptor.core)
    elf = build_firmware(Build(board, "valid", find_models(folder), plan.work / "firmware"))
    start = on_host(elf) if destination.kind == "host" else on_emulator(board, elf)
    with start as desc, _attached(desc, signature) as runner:
        yield runner, name


def _board_of(destination: Destination) -> Board:
    from stm32_board_support import load_board

    return load_board("host") if destination.kind == "host" else emulated_board(destination.board)


@contextmanager
def _attached(desc: str, signature: str = "") -> Iterator[AiRunner]:
    from ai_runner import AiRunner

    runner = AiRunner()
    with console.step(f"connecting to {desc}"):
        runner.connect(desc, signature=signature or None)
    try:
        yield runner
    finally:
        runner.disconnect()


@contextmanager
def on_emulator(board: Board, elf: Path) -> Iterator[str]:
    """Boots an image on the emulator; yields the description of its console."""
    from stm32_board_support import Emulator

    with Emulator(board, elf) as emulator:
        console.message(f"{board.name} runs on QEMU, serial line at {emulator.description}")
        yield emulator.description


class _Listener(threading.Thread):
    """Reads the firmware process's messages until it has told its port."""

    def __init__(self, process: subprocess.Popen[str]) -> None:
        super().__init__(daemon=True)
        self._process = process
        self.address = ""
        self.said = ""

    def run(self) -> None:
        """Reads to the end, so that the process never waits for a reader."""
        for line in self._process.stderr or ():
            self.said += line
            if found := _LISTENING.search(line):
                self.address = f"socket:{found[1]}:{found[2]}"


@contextmanager
def on_host(elf: Path) -> Iterator[str]:
    """Starts an image that is a process of this computer; yields the description of its console."""
    process = subprocess.Popen(
        [str(elf), "--listen", "0"],
        stdin=subprocess.DEVNULL,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.PIPE,
        text=True,
        errors="replace",
    )
    listener = _Listener(process)
    listener.start()
    try:
        limit = time.monotonic() + _HOST_START
        while not listener.address and process.poll() is None and time.monotonic() < limit:
            time.sleep(0.01)
        if not listener.address:
            raise CliError(f"the firmware did not start as a process; it said: {listener.said.strip() or 'nothing'}")
        yield listener.address
    finally:
        process.kill()
        process.wait()
        listener.join(timeout=5)
        if process.stderr is not None:
            process.stderr.close()
