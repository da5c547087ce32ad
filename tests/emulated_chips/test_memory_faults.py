# SPDX-License-Identifier: Apache-2.0
"""External memories of the STM32H747I-DISCO that do not do what they should: the firmware says which, and stops."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from .boards import H747, build_image, make_machine
from .stm32 import h747

pytestmark = pytest.mark.usefixtures("cross_compiler")

FAULTS: dict[str, tuple[Callable[[h747.H747], object], str]] = {
    "command": (lambda chip: chip.qspi.never_ready("TC"), "QUADSPI does not finish a command (QUADSPI_SR.TCF)"),
    "identity": (
        lambda chip: setattr(chip.qspi.dies[1], "identification", b"\x20\xba\x19"), "the QSPI flash is not two MT25Q"),
    "oscillator of the pins": (lambda chip: chip.rcc.never_ready("CSI"), "CSI does not start (RCC_CR.CSIRDY)"),
    "pins": (lambda chip: chip.syscfg.never_ready("COMPENSATION"), "the I/O compensation cell does not get ready"),
    "setting": (lambda chip: setattr(chip.qspi.dies[0], "stubborn", True), "the QSPI flash takes no setting"),
}  # fmt: skip


@pytest.fixture(scope="module")
def image(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A firmware without a model that starts both memories."""
    return build_image(tmp_path_factory.mktemp("memories"), H747, "perf", (), "config4")


@pytest.mark.parametrize("fault", FAULTS)
def test_a_memory_that_fails_is_named(fault: str, image: Path) -> None:
    inject, message = FAULTS[fault]
    machine = make_machine(H747, image)
    assert isinstance(machine.chip, h747.H747)
    inject(machine.chip)
    machine.run_until_text(message, 20_000_000)
    assert "SystemPerformance" not in machine.text


def test_a_memory_left_in_the_quad_protocol_starts(image: Path) -> None:
    machine = make_machine(H747, image)
    assert isinstance(machine.chip, h747.H747)
    machine.chip.qspi.dies[0].quad = True
    machine.run_until_text("SystemPerformance", 20_000_000)
