# SPDX-License-Identifier: Apache-2.0
"""A board made of a part alone: its memories, the bare port without clock and console, one layout."""

from stm32_board_support.checks import CHECKS, name_is_folder
from stm32_board_support.errors import BoardDescriptorError
from stm32_board_support.parts.find import load_part
from stm32_board_support.parts.part import Part, PartMemory
from stm32_board_support.schema import (
    Board,
    Console,
    Counter,
    Descriptor,
    FlashRunner,
    Kind,
    Layout,
    Memory,
    MemoryKind,
    Placement,
    Port,
)

# Nobody sets the clock: durations are given as if it were 1 MHz, so that a microsecond stands for a cycle.
_CYCLES_AS_MICROSECONDS = 1_000_000
_KIB = 1024


def _stack_size(ram: int) -> int:
    """Bytes of stack: a quarter of a small RAM, 4 KB of a large one; ai_run takes about 0.5 KB."""
    return max(512, min(4 * _KIB, ram // 4 & ~7))


def _home(part: Part) -> PartMemory:
    """The memory of stack and variables: the tightly coupled one, else the largest."""
    return max(part.data_memories, key=lambda memory: (memory.name == "dtcm", memory.size, -memory.origin))


def _layout(part: Part) -> Layout:
    home = _home(part)
    # Activations go to the largest memory first; what does not fit there may still fit beside the variables.
    rams = sorted(part.data_memories, key=lambda memory: (-memory.size, memory.speed, memory.origin))
    flashes = [memory.name for memory in part.memories if memory.kind == "flash"]
    weights: list[str | Placement] = [*flashes]
    activations: list[str | Placement] = [memory.name for memory in rams]
    return Layout(
        text=flashes[0], weights=weights, data=home.name, stack=home.name, stack_size=_stack_size(home.size),
        activations=activations, description=f"all of {part.name}: code and weights in flash, the rest in RAM",
    )  # fmt: skip


def _memory(memory: PartMemory) -> Memory:
    return Memory(
        origin=memory.origin,
        size=memory.size,
        kind=MemoryKind(memory.kind),
        speed=memory.speed,
        executable=memory.executable,
        description="" if memory.ready else "without clock after reset",
    )


def part_board(name: str) -> Board:
    """The board that a part number stands for.

    Args:
        name: as for `load_part`.

    Raises:
        PartNotFoundError, PartDataMissingError: as `load_part`.
        BoardDescriptorError: the part data breaks a rule for descriptors; this would be a fault of the data.
    """
    from stm32_board_support.boards import PART_PREFIX, builtin_folder

    part = load_part(name)
    folder = builtin_folder() / "common"
    # The one flash program that finds out by itself which chip it talks to.
    programmer = FlashRunner(writes=[memory.name for memory in part.memories if memory.kind == "flash"])
    descriptor = Descriptor(
        schema=1, name=part.name.replace("@", "-"), title=f"{part.number.upper()}, no board", kind=Kind.HARDWARE,
        part=part.number, core=part.core, fpu=part.fpu, clock_hz=_CYCLES_AS_MICROSECONDS, counter=Counter.CYCLES,
        console=Console(driver="none"), default_layout="default",
        port=Port(sources=["common/startup.c", "common/bare_port.c"]),
        memories={memory.name: _memory(memory) for memory in part.memories if memory.ready},
        layouts={"default": _layout(part)},
        flash={"stm32cubeprogrammer": programmer},
    )  # fmt: skip
    found = [fault for check in CHECKS if check is not name_is_folder for fault in check(descriptor, folder)]
    if found:
        raise BoardDescriptorError("\n".join(f"part {part.number}: {fault.message}" for fault in found))
    return Board(descriptor, folder, PART_PREFIX + part.name)
