# SPDX-License-Identifier: Apache-2.0
"""Files that are written whole or not at all."""

from __future__ import annotations

import os
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from ai_runner.errors import AiRunnerError

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping
    from typing import BinaryIO

    from numpy.typing import NDArray

__all__ = ["write_npz", "write_text"]


def _write(path: str | Path, fill: Callable[[BinaryIO], object]) -> None:
    target = Path(path)
    try:
        handle, temporary = tempfile.mkstemp(dir=target.parent, prefix=f".{target.name}.")
    except OSError as error:
        raise AiRunnerError(f"{path}: cannot be written: {error}") from error
    try:
        with os.fdopen(handle, "wb") as file:
            fill(file)
        Path(temporary).replace(target)
    except OSError as error:
        raise AiRunnerError(f"{path}: cannot be written: {error}") from error
    finally:
        Path(temporary).unlink(missing_ok=True)


def write_text(path: str | Path, text: str) -> None:
    """Write a text file in UTF-8.

    Raises:
        AiRunnerError: it cannot be written; what was there before is left as it was.
    """
    _write(path, lambda file: file.write(text.encode()))


def write_npz(path: str | Path, arrays: Mapping[str, NDArray[Any]]) -> None:
    """Write named arrays as .npz.

    Raises:
        AiRunnerError: it cannot be written; what was there before is left as it was.
    """
    named: dict[str, Any] = dict(arrays)
    _write(path, lambda file: np.savez(file, **named))
