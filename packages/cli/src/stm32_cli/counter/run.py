# SPDX-License-Identifier: Apache-2.0
"""Runs an image on QEMU with the counting plugin."""

from __future__ import annotations

import os
import shutil
import subprocess
import tempfile
from collections import defaultdict
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from elftools.elf.elffile import ELFFile
from elftools.elf.sections import SymbolTableSection

from stm32_cli.counter.listing import parse_listing
from stm32_cli.counter.model import Cost, Tally, cost
from stm32_cli.errors import CliError, tool_missing, usage
from stm32_cli.project import tools

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

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


def read_tallies(text: str) -> dict[int, dict[int, Tally]]:
    """Reads what the plugin writes.

    Args:
        text: lines of address (hexadecimal), slot, times executed, times the flow went elsewhere.

    Returns:
        Slot -> address -> tally.
    """
    found: dict[int, dict[int, Tally]] = defaultdict(dict)
    for line in text.splitlines():
        address, slot, executed, taken = line.split()
        found[int(slot)][int(address, 16)] = Tally(int(executed), int(taken))
    return dict(found)


def merged(slots: Mapping[int, Mapping[int, Tally]]) -> dict[int, Tally]:
    """The tallies of all slots together."""
    total: dict[int, Tally] = {}
    for tallies in slots.values():
        for address, tally in tallies.items():
            before = total.get(address, Tally(0, 0))
            total[address] = Tally(before.executed + tally.executed, before.taken + tally.taken)
    return total


def disassemble(elf: Path) -> str:
    """The listing of an image."""
    from stm32_board_support.toolchain import cross_tool

    done = tools.run([cross_tool("objdump"), "-d", "--no-show-raw-insn", "-w", elf])
    if done.returncode != 0:
        raise tools.failed("disassembling", done.stdout)
    return done.stdout


@dataclass(frozen=True)
class Stretch:
    """What is counted.

    Attributes:
        begin: function that is called before it.
        end: function that is called after it.
        timeout: seconds; an image that never ends may run into it, if it has passed the stretch by then.
    """

    begin: str = BENCH_BEGIN
    end: str = BENCH_END
    timeout: float = 300.0


def run_counted(board: Board, elf: Path, stretch: Stretch, marks: Sequence[int] = ()) -> dict[int, dict[int, Tally]]:
    """Runs an image with the plugin.

    Args:
        board: an emulated board.
        elf: image.
        stretch: what is counted; of several passes, the last one.
        marks: addresses that begin the slots 1, 2, ...; the last one returns to slot 0.

    Returns:
        Slot -> address -> tally.

    Raises:
        CliError: a tool is missing (5), a function is not in the image (2), the stretch was not reached (1).
    """
    from stm32_board_support import qemu_command
    from stm32_board_support.toolchain import qemu_program

    with tempfile.TemporaryDirectory(prefix="stm32-count-") as name:
        folder = Path(name)
        out = folder / "tallies"
        limits = f"begin={symbol_address(elf, stretch.begin):#x},end={symbol_address(elf, stretch.end):#x}"
        plugin = f"{build_plugin(folder)},{limits},out={out}"
        if marks:
            plugin += ",marks=" + ":".join(f"{mark:#x}" for mark in marks)
        argv = [*qemu_command(board, elf, "none", str(qemu_program())), "-plugin", plugin]
        said = _run_emulator(argv, stretch.timeout)
        if not out.is_file():
            raise CliError(
                f"{stretch.end} was not reached within {stretch.timeout:.0f} s in {elf}",
                f"QEMU said: {said[-500:] or 'nothing'}",
            )
        return read_tallies(out.read_text(encoding="ascii"))


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
    slots = run_counted(board, elf, Stretch(begin, end, timeout))
    return cost(parse_listing(disassemble(elf)), merged(slots))


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
