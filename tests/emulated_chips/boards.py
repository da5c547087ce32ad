# SPDX-License-Identifier: Apache-2.0
"""The two boards: images built by the project's own functions, put into the flash of emulated chips."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

import pytest
from ai_runner import AiRunner, drivers
from stm32_board_support import load_board
from stm32_cli.project.firmware import Build, build_firmware
from stm32_cli.project.models import find_models
from stm32_emitter import compile_model

from tests.emulated.test_zoo_on_boards import _build

from .chip.image import Image, read_image
from .chip.machine import ConsoleLine, Machine, MachineTime
from .chip.parts import F412ZG, H747XI
from .stm32.f412 import make_f412
from .stm32.h747 import make_h747

F412, H747 = "nucleo-f412zg", "disco-h747i"
QSPI = 0x90000000
APPS = Path(__file__).parent / "apps"


def build_image(
    folder: Path, board: str, app: str, models: Sequence[Path] = (), layout: str = "", **settings: str
) -> Path:
    """`Project.elf` as `stm32 build` makes it.

    Args:
        folder: for the emitted models and the build.
        board: F412 or H747.
        app: "perf" or "valid".
        models: .tflite files.
        layout: "" for the board's default.
        settings: more CMake variables.
    """
    found = [one for model in models for one in find_models(compile_model(model).write(folder / model.stem))]
    return build_firmware(Build(load_board(board), app, found, folder / "build", layout, tuple(settings.items())))


def build_app(folder: Path, board: str | Path, app: Path) -> Path:
    """`Project.elf` of a folder of C files instead of an application, without a model; again after sources changed.

    Args:
        folder: of the build.
        board: its name, or a folder with a board.toml.
        app: the folder.
    """
    return _build(str(board), [], folder, "", str(app))


def external_flash(image: Image) -> bytes:
    """What an image has for the QSPI flash, from its first byte; empty for none."""
    parts = [(address - QSPI, content) for address, content in image.segments if address >= QSPI]
    content = bytearray(max((offset + len(part) for offset, part in parts), default=0))
    for offset, part in parts:
        content[offset : offset + len(part)] = part
    return bytes(content)


def make_machine(board: str, elf: Path) -> Machine:
    """A board with an image in its flash memories, reset."""
    hz = load_board(board).descriptor.clock_hz
    if board == F412:
        return Machine(F412ZG, make_f412(), elf, hz)
    return Machine(H747XI, make_h747(external_flash(read_image(elf))), elf, hz)


@contextmanager
def runner_on(machine: Machine, checked: bool | None = None, timeout: float = 10.0) -> Iterator[AiRunner]:
    """A runner connected to a machine's console, in emulated time.

    Args:
        machine: with the Validation firmware.
        checked: as `AiRunner.connect`.
        timeout: emulated seconds for an answer.
    """
    with pytest.MonkeyPatch.context() as patch:
        for module in ("connection", "handshake"):
            patch.setattr(f"ai_runner.{module}.time", MachineTime(machine))
        drivers.register("chip", lambda _rest, **_options: ConsoleLine(machine))
        try:
            with AiRunner().connect("chip", checked=checked, timeout=timeout) as runner:
                yield runner
        finally:
            drivers.unregister("chip")
