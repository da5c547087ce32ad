# SPDX-License-Identifier: Apache-2.0
"""Machines as parameters of tests: a test on a machine whose programs are not installed is skipped."""

from __future__ import annotations

import pytest

from tests.conformance.toolchain import MACHINES, Machine, ToolMissing


def installed(name: str) -> Machine:
    """The machine of that name; skips the test where a program is missing that it needs."""
    try:
        MACHINES[name].require()
    except ToolMissing as missing:
        pytest.skip(str(missing))
    return MACHINES[name]


def parameters(*names: str) -> list[object]:
    """Names as parameters of a test, those of emulated boards marked."""
    return [pytest.param(name, marks=pytest.mark.emulator) if MACHINES[name].emulator else name for name in names]
