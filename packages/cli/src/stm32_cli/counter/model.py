# SPDX-License-Identifier: Apache-2.0
"""Cortex-M4 cycles after the instruction timing of its Technical Reference Manual (ARM DDI 0439, section 3.3).

Memory without wait states. An instruction that sends the flow elsewhere costs two cycles for the refill of the pipeline
(the manual: one to three), and only when it does. A load or store directly behind another one overlaps with it and
costs one cycle, unless it needs the register that the first one loads. The model compares code with code; a board with
slower memory takes longer.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from stm32_cli.counter.listing import Instruction

REFILL = 2
_SINGLE = re.compile(r"(v?ldr|v?str)(b|h|sb|sh|t)?(\.\w+)*")
_MULTIPLE = re.compile(r"v?(ldm|stm|push|pop)")
_REGISTER_OFFSET = re.compile(r"\[[^,\]]+, *r")
_REGISTERS = re.compile(r"\{(.*)\}")
# Stem -> cycles, of what takes more than one and is no load or store of one register or of a list.
_CYCLES = {
    "ldrd": 3,
    "strd": 3,
    "sdiv": 6,
    "udiv": 6,
    "vdiv": 14,
    "vsqrt": 14,
    "tbb": 2,
    "tbh": 2,
    **dict.fromkeys(("vmla", "vmls", "vfma", "vfms", "vnmla", "vfnma"), 3),
}


@dataclass(frozen=True)
class Tally:
    """How often an instruction ran.

    Attributes:
        executed: times it ran.
        taken: times the next instruction that ran was not the next one in memory.
    """

    executed: int
    taken: int


@dataclass(frozen=True)
class FunctionCost:
    """Instructions and modelled cycles of one function."""

    instructions: int
    cycles: int


@dataclass(frozen=True)
class Cost:
    """Instructions and modelled Cortex-M4 cycles of a stretch of code.

    Attributes:
        instructions: executed, all code.
        cycles: modelled.
        functions: the same by function.
    """

    instructions: int
    cycles: int
    functions: dict[str, FunctionCost] = field(default_factory=dict)


def _words(operands: str) -> int:
    """32-bit words of a register list such as {r4, r6-r8, lr} or {d8-d11}."""
    listed = _REGISTERS.search(operands)
    total = 0
    for entry in listed[1].split(",") if listed else ():
        first, dash, last = entry.strip().partition("-")
        numbers = [re.findall(r"\d+", name) for name in (first, last)]
        span = int(numbers[1][0]) - int(numbers[0][0]) + 1 if dash and all(numbers) else 1
        total += span * (2 if first.startswith("d") else 1)
    return total


def _is_single(instruction: Instruction) -> bool:
    """Whether it loads or stores one register."""
    return _SINGLE.fullmatch(instruction.mnemonic) is not None


def _memory_cycles(instruction: Instruction) -> int:
    if instruction.stem in ("vldr", "vstr") and instruction.operands.startswith("d"):
        return 3
    is_store = instruction.stem.startswith("str")
    return 1 if is_store and not _REGISTER_OFFSET.search(instruction.operands) else 2


def cycles_alone(instruction: Instruction) -> int:
    """Cycles of one execution behind an instruction that does not overlap with it, without the refill."""
    stem, operands = instruction.stem, instruction.operands
    if stem in _CYCLES:
        return _CYCLES[stem]
    if _MULTIPLE.match(stem):
        return 1 + _words(operands)
    if _is_single(instruction):
        return _memory_cycles(instruction)
    moves_two_registers = stem == "vmov" and operands.count(",") == 2  # as in vmov r0, r1, d0
    return 2 if moves_two_registers else 1


def overlaps(previous: Instruction | None, instruction: Instruction) -> bool:
    """Whether it is a single load or store right behind another one whose result its address does not need."""
    if previous is None or previous.address + previous.size != instruction.address:
        return False
    if not (_is_single(previous) and _is_single(instruction)):
        return False
    if not previous.stem.startswith(("ldr", "vldr")):
        return True
    loaded = previous.operands.partition(",")[0].strip()
    address = instruction.operands[instruction.operands.find("[") :]
    return re.search(rf"\b{loaded}\b", address) is None


def cost(listing: Iterable[Instruction], tallies: Mapping[int, Tally]) -> Cost:
    """Adds up what ran.

    Args:
        listing: the image's disassembly, in address order.
        tallies: by address.

    Returns:
        Instructions (of every tally) and cycles (of the instructions in the listing).
    """
    functions: dict[str, FunctionCost] = {}
    previous = None
    for instruction in listing:
        tally = tallies.get(instruction.address)
        if tally is not None and tally.executed:
            each = 1 if overlaps(previous, instruction) else cycles_alone(instruction)
            cycles = tally.executed * each + tally.taken * REFILL
            before = functions.get(instruction.function, FunctionCost(0, 0))
            functions[instruction.function] = FunctionCost(before.instructions + tally.executed, before.cycles + cycles)
        previous = instruction
    total = sum(tally.executed for tally in tallies.values())
    return Cost(total, sum(part.cycles for part in functions.values()), functions)
