# SPDX-License-Identifier: Apache-2.0
"""How a quantizer's failure is told."""

from __future__ import annotations

from contextlib import contextmanager
from typing import TYPE_CHECKING

from stm32_cli.errors import CliError, Exit

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path


@contextmanager
def refused_by(quantizer: str, model: Path, hint: str) -> Iterator[None]:
    """Whatever is raised inside is a refusal of the model: quantizers document no class of error. OSErrors pass.

    Args:
        quantizer: who refuses, for the message.
        model: the file.
        hint: what to do about it.

    Raises:
        CliError: something was raised; exit code 3.
    """
    try:
        yield
    except OSError:
        raise
    except Exception as error:
        lines = str(error).strip().splitlines() or [type(error).__name__]
        raise CliError(f"{quantizer} refuses {model}: {lines[0]}", hint, Exit.MODEL_REFUSED) from error
