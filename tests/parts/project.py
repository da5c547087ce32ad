# SPDX-License-Identifier: Apache-2.0
"""A user's project for the tests: a main program, a start-up, and a linker script as CubeMX generates one."""

from __future__ import annotations

import re
import subprocess
from typing import TYPE_CHECKING

import numpy as np
from stm32_board_support import configure, emulator, load_board
from stm32_board_support.configure import include_dirs, port_sources
from stm32_board_support.cores import cpu_flags

if TYPE_CHECKING:
    from pathlib import Path

SAMPLES = 2

# Sections and memories have the names of ST's generated scripts; the start-up's symbols are those of our boards.
INCLUDE_HERE = "/* more sections */"
CUBE_SCRIPT = """
ENTRY(Reset_Handler)
MEMORY
{
  RAM (xrw) : ORIGIN = 0x20000000, LENGTH = 256K
  FLASH (rx) : ORIGIN = 0x00000000, LENGTH = 1024K
}
SECTIONS
{
  .isr_vector : { . = ALIGN(4); KEEP(*(.vectors)) . = ALIGN(4); } >FLASH
  .text : { . = ALIGN(4); *(.text) *(.text*) . = ALIGN(4); _etext = .; } >FLASH
  .rodata : { . = ALIGN(4); *(.rodata) *(.rodata*) . = ALIGN(4); } >FLASH
  .ARM.extab : { *(.ARM.extab* .gnu.linkonce.armextab.*) } >FLASH
  .ARM : { *(.ARM.exidx*) } >FLASH
  __data_load__ = LOADADDR(.data);
  .data : { . = ALIGN(4); __data_start__ = .; *(.data) *(.data*) . = ALIGN(4); __data_end__ = .; } >RAM AT> FLASH
  . = ALIGN(4);
  .bss : { __bss_start__ = .; *(.bss) *(.bss*) *(COMMON) . = ALIGN(4); __bss_end__ = .; } >RAM
  /* more sections */
  ._user_heap_stack : { . = ALIGN(8); __stack_limit__ = .; . = . + 0x1000; __stack_top__ = .; } >RAM
}
"""

_MAIN = """
#include <string.h>
#include "board.h"
#include "net.h"

static const int8_t inputs[{samples}][{size}] = {{{data}}};
AI_ALIGNED(AI_POOL_ALIGNMENT) static uint8_t pool[_NET_ACTIVATION_BYTES_];

static void print_hex(const uint8_t *data, size_t size)
{{
    for (size_t i = 0; i < size; i++) {{
        board_console_write((const uint8_t *)&"0123456789abcdef"[data[i] >> 4], 1);
        board_console_write((const uint8_t *)&"0123456789abcdef"[data[i] & 15], 1);
    }}
    board_console_write((const uint8_t *)"\\r\\n", 2);
}}

int app_main(void)
{{
    ai_handle network;
    if (ai_create_sized(&net_network, pool, sizeof pool, &network) != AI_STATUS_OK) {{
        return 1;
    }}
    for (size_t i = 0; i < {samples}; i++) {{
        memcpy(ai_get_input(network, 0)->dltensor.data, inputs[i], sizeof inputs[i]);
        if (ai_run(network) != AI_STATUS_OK) {{
            return 2;
        }}
        const ai_tensor *const output = ai_get_output(network, 0);
        print_hex(output->dltensor.data, get_tensor_size(output));
    }}
    return ai_destroy(network) == AI_STATUS_OK ? 0 : 3;
}}
"""


def samples(zoo: Path, name: str) -> tuple[np.ndarray, np.ndarray]:
    """Stored int8 inputs and outputs of a model, shape (SAMPLES, bytes)."""
    with np.load(zoo / "data" / f"{name}.npz") as data:
        return data["in0"][:SAMPLES].reshape(SAMPLES, -1), data["out0"][:SAMPLES].reshape(SAMPLES, -1)


def main_source(inputs: np.ndarray) -> str:
    """A program that runs the model "net" on inputs and prints the bytes of each output."""
    rows = ", ".join("{" + ", ".join(map(str, row)) + "}" for row in inputs.tolist())
    return _MAIN.format(samples=len(inputs), size=inputs.shape[1], data=rows)


def board_files(board_name: str, folder: Path) -> tuple[list[str], list[Path], list[Path]]:
    """The start-up of an emulated board: compiler flags, include folders, sources."""
    board = load_board(board_name)
    configure(board, "", folder)
    flags = cpu_flags(board.descriptor.core, board.descriptor.fpu)
    return flags, [folder, *include_dirs(board)], port_sources(board)


def run_tool(argv: list[str | Path], cwd: Path | None = None) -> str:
    """Runs a program that must succeed; its output."""
    done = subprocess.run(
        list(map(str, argv)), cwd=cwd, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, check=False
    )
    assert done.returncode == 0, done.stdout
    return done.stdout


def printed_outputs(board_name: str, elf: Path) -> list[bytes]:
    """Runs such a program to its end; what it printed."""
    status, text = emulator.run_to_end(load_board(board_name), elf)
    assert status == 0, text
    return [bytes.fromhex(line) for line in text.splitlines() if re.fullmatch("[0-9a-f]+", line)]
