# SPDX-License-Identifier: Apache-2.0
"""Programs on emulated cores."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path

import pytest

from .chip.bus import Peripheral
from .chip.cpu import Cpu
from .chip.parts import F412ZG, Part
from .programs import result_of


@pytest.fixture
def execute(cross_compiler: str, tmp_path: Path) -> Callable[..., Cpu]:  # noqa: ARG001 - must be there
    """A function that compiles an assembly text, runs it to its end and gives the core."""

    def run(body: str, part: Part = F412ZG, faults: bool = False, peripherals: Sequence[Peripheral] = ()) -> Cpu:
        return result_of(tmp_path, part, body, faults, peripherals)

    return run
