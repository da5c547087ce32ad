# SPDX-License-Identifier: Apache-2.0
"""From compiled models to a runner on an emulated board; what ends an example."""

from __future__ import annotations

import argparse
import sys
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

from ai_runner import AiRunner
from stm32_board_support import Emulator, load_board
from stm32_cli.main import main as stm32
from stm32_cli.main import tell

BOARD = "qemu-mps2-an386"


class StepFailedError(Exception):
    """A command of stm32 failed and has said why; ``code`` is its exit code."""

    def __init__(self, code: int) -> None:
        super().__init__(f"exit code {code}")
        self.code = code


def command(*words: str | Path) -> None:
    """Runs `stm32 ...`, as the command line does.

    Raises:
        StepFailedError: it failed.
    """
    print("$ stm32", *words, file=sys.stderr)
    code = stm32([str(word) for word in words])
    if code:
        raise StepFailedError(code)


@contextmanager
def booted(models: Sequence[Path], board: str, work: Path, *options: str) -> Iterator[AiRunner]:
    """Builds the Validation firmware with compiled models, boots it and connects to it.

    Args:
        models: their folders.
        board: an emulated board.
        work: folder for the firmware, ``firmware`` inside of it.
        options: more words for `stm32 build`.
    """
    firmware = work / "firmware"
    command("build", *models, "-b", board, "-d", firmware, *options)
    with Emulator(load_board(board), firmware / "Project.elf") as emulator, AiRunner() as runner:
        yield runner.connect(emulator.description)


def parser(text: str | None) -> argparse.ArgumentParser:
    """The options that all examples have; ``text`` is the docstring of one."""
    made = argparse.ArgumentParser(description=(text or "").splitlines()[0])
    made.add_argument("--board", default=BOARD, help="an emulated board (default: %(default)s)")
    made.add_argument("--work", type=Path, default=Path("build/examples"), help="where files go (default: %(default)s)")
    return made


def ended(run: Callable[[], int]) -> int:
    """The exit code of an example; errors are told as `stm32` tells them."""
    try:
        return run()
    except StepFailedError as error:
        return error.code
    except BaseException as error:
        if isinstance(error, SystemExit):
            raise
        return int(tell(error))
