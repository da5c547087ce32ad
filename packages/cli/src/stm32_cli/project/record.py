# SPDX-License-Identifier: Apache-2.0
"""What a build folder was built from: a small file that flash, run and later builds read."""

from __future__ import annotations

import json
from dataclasses import asdict, dataclass, field
from typing import TYPE_CHECKING

from stm32_cli.errors import usage

if TYPE_CHECKING:
    from pathlib import Path

FILE_NAME = "stm32-build.json"


@dataclass(frozen=True)
class BuildRecord:
    """The choices of a build.

    Attributes:
        board: its name, or the folder of its descriptor.
        app: "perf", "valid" or "selftest".
        layout: name of the layout, "" for the board's default.
        models: absolute folders.
        batch: SystemPerformance ends by itself.
    """

    board: str
    app: str
    layout: str = ""
    models: list[str] = field(default_factory=list)
    batch: bool = False


def save(folder: Path, record: BuildRecord) -> None:
    """Writes the record into the build folder."""
    part = folder / (FILE_NAME + ".part")
    part.write_text(json.dumps(asdict(record), indent=2) + "\n", encoding="utf-8")
    part.replace(folder / FILE_NAME)


def load(folder: Path) -> BuildRecord | None:
    """Reads the record; None where there is none that can be read."""
    try:
        return BuildRecord(**json.loads((folder / FILE_NAME).read_text(encoding="utf-8")))
    except (OSError, ValueError, TypeError):
        return None


def require(folder: Path) -> BuildRecord:
    """Reads the record of a finished build.

    Raises:
        CliError: nothing was built there; exit code 2.
    """
    record = load(folder)
    if record is None or not (folder / "Project.elf").is_file():
        raise usage(f"{folder} holds no built firmware", "build it with: stm32 build MODEL_DIR -b BOARD")
    return record
