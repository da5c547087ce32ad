# SPDX-License-Identifier: Apache-2.0
"""The firmware of both boards, the very images that are flashed, from reset on emulated chips."""

from __future__ import annotations

import re
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from ai_runner import AiRunner
from ai_runner.compare import compare_outputs
from ai_runner.protocol import stm32_ai_pb2 as pb
from stm32_board_support import load_board

from tests.shared import build_once

from .boards import APPS, F412, H747, build_app, build_image, make_machine, runner_on
from .chip import frames as fr
from .chip.bus import ChipError
from .chip.machine import Machine

pytestmark = [pytest.mark.zoo, pytest.mark.usefixtures("cross_compiler", "nanopb")]
KWS, AD01 = (f"mlperf_tiny_{name}_int8" for name in ("kws_ref", "ad01"))
VALIDATION = {
    "F412": (F412, "", (KWS, AD01)),
    "H747 config1": (H747, "config1", (KWS,)),
    "H747 config4": (H747, "config4", (AD01,)),
}
SECOND = {F412: 100_000_000, H747: 400_000_000}
Images = Callable[..., Path]


@pytest.fixture(scope="session")
def images(zoo: Path, shelf: Path) -> Images:
    """A function that builds an image once."""

    def image(board: str, app: str, models: tuple[str, ...] = (), layout: str = "", **settings: str) -> Path:
        files = [zoo / "models" / f"{name}.tflite" for name in models]
        folder = shelf / "-".join(("chip", board, app, layout, *models))
        return build_once(folder, lambda: build_image(folder, board, app, files, layout, **settings))

    return image


@pytest.fixture(scope="session")
def faults(shelf: Path) -> Callable[[str], Path]:
    """A function that builds the image that can be told to fault."""

    def image(board: str) -> Path:
        folder = shelf / f"chip-{board}-faults"
        return build_once(folder, lambda: build_app(folder / "build", board, APPS / "faults"))

    return image


def _expect_echo(runner: AiRunner) -> None:
    """TEST, which no method of the runner sends: the board answers with the parameter."""
    device = runner._connected()
    device._request("testing", pb.CMD_TEST, param=99)
    assert device._answer("ack", 5.0).ack.param == 99


def _expect_bytes(runner: AiRunner, zoo: Path, name: str) -> None:
    with np.load(zoo / "data" / f"{name}.npz") as data:
        inputs, expected = data["in0"][:1], data["out0"][:1]
    (output,), _ = runner.invoke([inputs], name=name)
    report = compare_outputs(expected, np.asarray(output).reshape(expected.shape))
    assert report.passed, report
    assert report.bytes_compared == expected.nbytes


@pytest.mark.parametrize("case", VALIDATION)
def test_a_validation_over_the_uart_equals_the_reference(case, images, zoo):
    board, layout, names = VALIDATION[case]
    machine = make_machine(board, images(board, "valid", names, layout))
    with runner_on(machine, checked=True) as runner:
        assert runner.is_checked
        assert tuple(runner.names) == names
        _expect_echo(runner)
        for name in names:
            _expect_bytes(runner, zoo, name)
    assert abs(machine.chip.console.baud() / 115200 - 1) < 0.01
    assert machine.chip.clock.hz == SECOND[board]
    assert machine.chip.console.overruns == machine.chip.console.lost == 0


@pytest.mark.parametrize("case", ["F412", "H747 config1"])
def test_protocol_3_1_without_the_checked_mode(case, images, zoo):
    board, layout, names = VALIDATION[case]
    machine = make_machine(board, images(board, "valid", names, layout))
    with runner_on(machine, checked=False) as runner:
        assert not runner.is_checked
        _expect_echo(runner)
        _expect_bytes(runner, zoo, KWS)


@pytest.mark.parametrize("board", [F412, H747])
def test_the_performance_report(board, images):
    machine = make_machine(board, images(board, "perf", (KWS,), RUNS="2"))
    text = machine.run_until_text("used heap", 5 * SECOND[board])
    descriptor = load_board(board).descriptor
    assert f"device id      : {descriptor.device_id:#010x}" in text
    assert f"core           : Cortex-M{4 if board == F412 else 7}" in text
    assert f"clock          : {SECOND[board]} Hz" in text
    caches = {F412: "flash instruction, flash data, prefetch", H747: "icache, dcache"}[board]
    assert f"caches         : {caches}" in text
    assert f"Model {KWS}" in text
    cycles = int(re.search(r"cycles +: (\d+) average", text)[1])
    assert 3_000_000 < cycles < 4_000_000


FAULTS = {
    "n": ("null_call", 6, fr.INVSTATE), "l": ("unaligned_load", 6, fr.UNALIGNED),
    "p": ("unaligned_pair", 6, fr.UNALIGNED), "z": ("zero_division", 6, fr.DIVBYZERO),
    "u": ("undefined_instruction", 6, fr.UNDEFINSTR), "b": ("breakpoint", 3, 0),
    "m": ("no_memory", 5, fr.PRECISERR | 0x8000),
}  # fmt: skip


def _faulted(board: str, faults: Callable[[str], Path], key: str) -> tuple[Machine, str]:
    machine = make_machine(board, faults(board))
    machine.cpu.frames.faults_allowed = True
    machine.run_until_text("ready", SECOND[board])
    machine.chip.console.receive(key.encode())
    return machine, machine.run_until_text("bfar ", SECOND[board])


@pytest.mark.parametrize("key", FAULTS)
@pytest.mark.parametrize("board", [F412, H747])
def test_a_fault_is_reported_with_where_and_why(board, key, faults):
    function, exception, bits = FAULTS[key]
    machine, text = _faulted(board, faults, key)
    report = re.search(r"FAULT exception (\w+): pc (\w+) lr (\w+) .* cfsr (\w+) hfsr (\w+)", text)
    number, pc, lr, cfsr, hfsr = (int(group, 16) for group in report.groups())
    assert (number, cfsr) == (exception, bits)
    assert hfsr == (1 << 31 if key == "b" else 0)
    where = machine.image.where(lr if key == "n" else pc)
    assert where.startswith(f"{function}+"), where


@pytest.mark.parametrize("board", [F412, H747])
def test_a_stack_overflow_is_reported(board, faults):
    _, text = _faulted(board, faults, "s")
    assert "stack overflow" in text


def test_the_same_fault_fails_the_test_of_a_program_in_order(faults):
    machine = make_machine(F412, faults(F412))
    machine.run_until_text("ready", SECOND[F412])
    machine.chip.console.receive(b"p")
    with pytest.raises(ChipError, match=r"unaligned access of 4 bytes .*in unaligned_pair"):
        machine.run(SECOND[F412])


NEVER = {
    "F412 PLL": (F412, "rcc", "PLL", "the PLL does not lock (RCC_CR.PLLRDY); running on HSI, 16 MHz"),
    "F412 voltage": (F412, "pwr", "VOS", "the core voltage is not reached (PWR_CSR.VOSRDY); running on HSI, 16 MHz"),
    "F412 switch": (F412, "rcc", "SWS", "the core does not change to the PLL (RCC_CFGR.SWS); running on HSI, 16 MHz"),
    "H747 crystal": (H747, "rcc", "HSE", "the 25 MHz crystal does not start (RCC_CR.HSERDY); running on HSI, 64 MHz"),
    "H747 supply": (H747, "pwr", "ACTVOS", "the supply is not valid (PWR_CSR1.ACTVOSRDY)"),
    "H747 voltage": (H747, "pwr", "VOS", "the core voltage is not reached (PWR_D3CR.VOSRDY); running on HSI, 64 MHz"),
    "H747 PLL": (H747, "rcc", "PLL1", "the PLL does not lock (RCC_CR.PLL1RDY); running on HSI, 64 MHz"),
    "H747 switch": (H747, "rcc", "SWS", "the core does not change to the PLL (RCC_CFGR.SWS); running on HSI, 64 MHz"),
}  # fmt: skip


@pytest.mark.parametrize("case", NEVER)
def test_a_clock_that_never_comes_is_named(case, faults):
    board, unit, flag, message = NEVER[case]
    machine = make_machine(board, faults(board))
    getattr(machine.chip, unit).never_ready(flag)
    text = machine.run_until_text("ERROR", 2 * SECOND[board])
    machine.run(SECOND[board] // 10)
    assert message in machine.text, text
