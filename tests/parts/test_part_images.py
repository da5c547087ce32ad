# SPDX-License-Identifier: Apache-2.0
"""Images of `stm32 build --mcu PART --as image` on emulated chips: their results, read as a debugger reads them.

QEMU 7.2 has machines with an STM32F100RB (Cortex-M3), an STM32F205RF (Cortex-M3) and an STM32F405RG (Cortex-M4F): the
image of these parts runs there as it is. For a Cortex-M0 there is the micro:bit, another chip: the same program, linked
for its memories; likewise for a Cortex-M33 Arm's AN505.
"""

from __future__ import annotations

import re
import subprocess
import time

import numpy as np
import pytest
from elftools.elf.elffile import ELFFile
from stm32_board_support import load_board
from stm32_cli.project.firmware import Build, build_firmware
from stm32_cli.validation.oracle import Oracle

from tests.parts.conftest import HELLO, KWS

SEED = 1
SECONDS = 30.0
RUNNING, FAULT = 1, 3
USAGE_FAULT = 6
MACHINES = {
    "stm32f100rb": ("stm32vldiscovery", HELLO),
    "stm32f205rf": ("netduino2", KWS),
    "stm32f405rg": ("netduinoplus2", KWS),
}
# Machines of cores that no emulated STM32 has: name, core, start of flash and of RAM.
OTHERS = {"microbit": ("cortex-m0", 0, 0x20000000), "mps2-an505": ("cortex-m33", 0x10000000, 0x38000000)}
BOARD = """
schema = 1
name = "{name}"
title = "a machine of QEMU for its core"
kind = "emulated"
core = "{core}"
clock_hz = 16_000_000
counter = "cycles"
default_layout = "default"
[console]
driver = "none"
[port]
sources = ["common/startup.c", "common/bare_port.c"]
[emulator]
machine = "{name}"
[memories.flash]
origin = {flash}
size = 0x4_0000
kind = "flash"
executable = true
[memories.ram]
origin = {ram}
size = 0x4000
kind = "ram"
[layouts.default]
text = "flash"
weights = ["flash"]
data = "ram"
stack = "ram"
stack_size = 1024
activations = ["ram"]
"""
UNDEFINED = """
#include "board.h"
int app_main(void)
{
    __asm__ volatile(".global here\\nhere: udf #0");
    return 0;
}
"""


def _symbols(elf):
    with elf.open("rb") as file:
        return {
            symbol.name: symbol["st_value"] for symbol in ELFFile(file).get_section_by_name(".symtab").iter_symbols()
        }


class Machine:
    """An emulated chip, and what its monitor reads of its memory."""

    def __init__(self, machine, elf):
        self.symbols = _symbols(elf)
        argv = ["qemu-system-arm", "-M", machine, "-kernel", str(elf), "-display", "none", "-serial", "null"]
        self.process = subprocess.Popen(
            [*argv, "-monitor", "stdio"], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True, bufsize=1
        )

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.process.kill()
        self.process.communicate()

    def words(self, symbol, count):
        """`count` 32-bit words from a symbol on."""
        self.process.stdin.write(f"xp /{count}wx {self.symbols[symbol]:#x}\n")
        found = []
        while len(found) < count:
            line = self.process.stdout.readline()
            assert line, "QEMU ended"
            if row := re.match(r"[0-9a-f]{16}:((?: 0x[0-9a-f]{8})+)", line):
                found += [int(word, 16) for word in row[1].split()]
        return found

    def results(self, runs):
        """The first entry of loop_results after some inferences."""
        end = time.monotonic() + SECONDS
        while time.monotonic() < end:
            phase, _, exception, pc = self.words("board_state", 4)
            assert phase != FAULT, f"fault: exception {exception}, pc {pc:#x}"
            model, done, failures, output_hash, changes = self.words("loop_results", 5)
            if done >= runs:
                return {"model": model, "failures": failures, "hash": output_hash, "changes": changes}
            time.sleep(0.1)
        pytest.fail(f"{runs} inferences took more than {SECONDS} s")


def _random_bytes(count):
    """What random_fill puts into an int8 tensor: the low bytes of xorshift32 (13, 17, 5)."""
    state, found = SEED, []
    for _ in range(count):
        state ^= state << 13 & 0xFFFFFFFF
        state ^= state >> 17
        state ^= state << 5 & 0xFFFFFFFF
        found.append(state & 0xFF)
    return np.array(found, dtype=np.uint8).view(np.int8)


def _fnv(data):
    value = 0x811C9DC5
    for byte in data:
        value = (value ^ byte) * 0x01000193 & 0xFFFFFFFF
    return value


def _expected_hash(zoo, name):
    """Of the output that the original's interpreter computes for those inputs."""
    oracle = Oracle(zoo / "models" / f"{name}.tflite")
    with np.load(zoo / "data" / f"{name}.npz") as data:
        shape = data["in0"].shape[1:]
    (output,) = oracle.invoke([_random_bytes(int(np.prod(shape))).reshape(shape)])
    return _fnv(output.tobytes())


def _check(machine, elf, zoo, name):
    with Machine(machine, elf) as chip:
        found = chip.results(runs=3)
        assert found == {
            "model": chip.symbols["net_network"], "failures": 0, "hash": _expected_hash(zoo, name), "changes": 0
        }  # fmt: skip


@pytest.mark.parametrize("mcu", MACHINES)
def test_image_of_a_part_computes_the_reference_outputs(mcu, maker, zoo, emulator):  # noqa: ARG001
    machine, name = MACHINES[mcu]
    _check(machine, maker.build(name, mcu, "image") / "Project.elf", zoo, name)


@pytest.mark.parametrize(("machine", "mcu"), [("microbit", "stm32f030f4"), ("mps2-an505", "stm32l552ze")])
def test_program_for_other_cores_computes_the_reference_outputs(machine, mcu, maker, zoo, emulator):  # noqa: ARG001
    core, flash, ram = OTHERS[machine]
    board = maker.folder / machine
    board.mkdir()
    (board / "board.toml").write_text(BOARD.format(name=machine, core=core, flash=flash, ram=ram))
    build = maker.folder / f"{machine}_build"
    done = maker.stm32("build", maker.model(HELLO, mcu), "-b", board, "--as", "image", "-d", build)
    assert done.returncode == 0, done.stderr
    _check(machine, build / "Project.elf", zoo, HELLO)


def test_fault_is_left_for_the_debugger(maker, emulator, tmp_path):  # noqa: ARG001
    """An application that executes an undefined instruction, in the place of the loop, on the F405."""
    (tmp_path / "app").mkdir()
    (tmp_path / "app" / "main.c").write_text(UNDEFINED)
    elf = build_firmware(Build(load_board("mcu:stm32f405rg"), str(tmp_path / "app"), [], tmp_path / "build"))
    with Machine("netduinoplus2", elf) as chip:
        end = time.monotonic() + SECONDS
        while (state := chip.words("board_state", 4))[0] in (0, RUNNING) and time.monotonic() < end:
            time.sleep(0.1)
        assert state == [FAULT, 70, USAGE_FAULT, chip.symbols["here"]]
