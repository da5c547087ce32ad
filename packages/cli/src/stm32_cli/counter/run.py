# SPDX-License-Identifier: Apache-2.0
"""Runs an image on QEMU with the counting plugin."""

from __future__ import annotations

import os
import shutil
import subprocess
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING

from elftools.elf.elffile import ELFFile
from elftools.elf.sections import SymbolTableSection

from stm32_cli.counter.listing import parse_listing
from stm32_cli.counter.model import Cost, Tally, cost
from stm32_cli.errors import CliError, tool_missing, usage
from stm32_cli.project import tools

if TYPE_CHECKING:
    from stm32_board_support import Board

BENCH_BEGIN = "ai_bench_begin"
BENCH_END = "ai_bench_end"


def symbol_address(elf: Path, name: str) -> int:
    """Address of a function, without the Thumb bit.

    Raises:
        CliError: the image has no such symbol; exit code 2.
    """
    with elf.open("rb") as stream:
        for section in ELFFile(stream).iter_sections():
            if isinstance(section, SymbolTableSection):
                for found in section.get_symbol_by_name(name) or ():
                    return int(found["st_value"]) & ~1
    raise usage(f"{elf} has no function {name}", "only firmware of this project, or code that calls it, can be counted")


def build_plugin(folder: Path) -> Path:
    """Compiles the plugin with the host's C compiler.

    Raises:
        CliError: there is no compiler (exit code 5), or it fails (1).
    """
    compiler = shutil.which(os.environ.get("CC") or "cc")
    if compiler is None:
        raise tool_missing(
            "counting instructions needs a C compiler for this computer", "apt-get install gcc, or set CC"
        )
    plugin = folder / "icount.so"
    source = Path(__file__).with_name("icount.c")
    done = tools.run([compiler, "-shared", "-fPIC", "-O2", "-std=c99", "-o", plugin, source])
    if done.returncode != 0:
        raise tools.failed("compiling the counting plugin", done.stdout)
    return plugin


def read_tallies(text: str) -> dict[int, Tally]:
    """Reads what the plugin writes: lines of address (hexadecimal), times executed, times the flow went elsewhere."""
    rows = (line.split() for line in text.splitlines())
    return {int(address, 16): Tally(int(executed), int(taken)) for address, executed, taken in rows}


def disassemble(elf: Path) -> str:
    """The listing of an image."""
    from stm32_board_support.toolchain import cross_tool

    done = tools.run([cross_tool("objdump"), "-d", "--no-show-raw-insn", "-w", elf])
    if done.returncode != 0:
        raise tools.failed("disassembling", done.stdout)
    return done.stdout


def count(board: Board, elf: Path, begin: str = BENCH_BEGIN, end: str = BENCH_END, timeout: float = 300.0) -> Cost:
    """Counts what runs between two functions; of several passes, the last one.

    Args:
        board: an emulated board.
        elf: image.
        begin: function that is called before the stretch.
        end: function that is called after it.
        timeout: seconds; an image that never ends may run into it, if it has passed the stretch by then.

    Raises:
        CliError: a tool is missing (5), a function is not in the image (2), the stretch was not reached (1).
    """
    from stm32_board_support import qemu_command
    from stm32_board_support.toolchain import qemu_program

    with tempfile.TemporaryDirectory(prefix="stm32-count-") as name:
        folder = Path(name)
        out = folder / "tallies"
        limits = f"begin={symbol_address(elf, begin):#x},end={symbol_address(elf, end):#x}"
        plugin = f"{build_plugin(folder)},{limits},out={out}"
        argv = [*qemu_command(board, elf, "none", str(qemu_program())), "-plugin", plugin]
        said = _run_emulator(argv, timeout)
        if not out.is_file():
            raise CliError(
                f"{end} was not reached within {timeout:.0f} s in {elf}", f"QEMU said: {said[-500:] or 'nothing'}"
            )
        return cost(parse_listing(disassemble(elf)), read_tallies(out.read_text(encoding="ascii")))


def _run_emulator(argv: list[str], timeout: float) -> str:
    try:
        done = subprocess.run(
            argv,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            timeout=timeout,
            check=False,
        )
    except subprocess.TimeoutExpired as error:
        return (error.stdout or b"").decode(errors="replace")
    return done.stdout.decode(errors="replace")
