# SPDX-License-Identifier: Apache-2.0
"""Small programs for the emulated cores: assembled here, run from reset."""

from __future__ import annotations

import re
import subprocess
from collections.abc import Sequence
from pathlib import Path

from .chip.bus import Peripheral
from .chip.cpu import Cpu
from .chip.image import Image, read_image
from .chip.parts import Part

VECTORS = """
    .syntax unified
    .thumb
    .section .vectors, "a"
    .word {stack}
    .word start
    {handlers}
    .text
    .thumb_func
    .global start
start:
"""
HANDLERS = ("nmi", "hard_fault", "mem_manage", "bus_fault", "usage_fault", *("unused",) * 4, "sv_call", "monitor",
            "unused", "pend_sv", "sys_tick", "irq0", "irq1")  # fmt: skip
SCRIPT = "SECTIONS { . = 0x08000000; .text : { *(.vectors) *(.text*) } }\n"
STACK = 0x20002000


def compile_program(folder: Path, body: str, m7: bool = False) -> Path:
    """An ELF file of an assembly text that starts with its reset handler.

    Handlers are functions of the names in `HANDLERS`; the default, and the end of every program, is `stop`, a loop.
    """
    words = "\n".join(f"    .word {name if f'{name}:' in body else 'stop'}" for name in HANDLERS)
    text = VECTORS.format(stack=hex(STACK), handlers=words)
    text += re.sub(rf"(?m)^({'|'.join(HANDLERS)}):", r"    .thumb_func\n\1:", body)
    text += "\n    .thumb_func\n    .global stop\nstop:\n    b stop\n    .ltorg\n"
    (folder / "program.S").write_text(text)
    (folder / "program.ld").write_text(SCRIPT)
    cpu = ["-mcpu=cortex-m7", "-mfpu=fpv5-d16"] if m7 else ["-mcpu=cortex-m4", "-mfpu=fpv4-sp-d16"]
    elf = folder / "program.elf"
    argv = ["arm-none-eabi-gcc", *cpu, "-mthumb", "-mfloat-abi=hard", "-nostdlib", str(folder / "program.S")]
    argv += ["-T", str(folder / "program.ld"), "-Wl,--no-warn-rwx-segments", "-o", str(elf)]
    done = subprocess.run(argv, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    return elf


def load(part: Part, image: Image, peripherals: list[Peripheral]) -> Cpu:
    """A chip with an image in its flash, reset."""
    cpu = Cpu(part, peripherals)
    for address, content in image.segments:
        cpu.memory.program(address, content)
    cpu.reset()
    return cpu


def run_program(cpu: Cpu, image: Image, cycles: int = 100_000) -> Cpu:
    """Runs it until it arrives at `stop`; an AssertionError if it does not."""
    stop = image.named["stop"] & ~1
    for _ in range(cycles // 100):
        cpu.run(100)
        if cpu.pc == stop:
            return cpu
    raise AssertionError(f"the program did not come to its end, but is at {image.where(cpu.pc)}")


def result_of(folder: Path, part: Part, body: str, faults: bool = False, peripherals: Sequence[Peripheral] = ()) -> Cpu:
    """Compiles and runs a program to its end."""
    image = read_image(compile_program(folder, body, part.core.is_m7))
    cpu = load(part, image, list(peripherals))
    cpu.frames.faults_allowed, cpu.symbols = faults, image.named
    return run_program(cpu, image)
