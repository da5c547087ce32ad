# SPDX-License-Identifier: Apache-2.0
"""Which parts hold a model. The application is not counted: what a part has left is for it."""

from __future__ import annotations

from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from stm32_cli.errors import CliError, Exit
from stm32_cli.project import analysis

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from stm32_board_support.parts import Part, PartGroup, PartMemory
    from stm32_emitter import CompiledModel


@dataclass(frozen=True)
class Footprint:
    """Bytes that a model takes on one kind of core.

    Attributes:
        constants: exact.
        activations: exact.
        code: of the model, its kernels and the runtime.
        stack: of one ai_run.
        measured: code and stack are of a linked image; else both are estimated from above.
    """

    constants: int
    activations: int
    code: int
    stack: int
    measured: bool

    @property
    def flash(self) -> int:
        """Bytes of flash."""
        return self.constants + self.code

    @property
    def ram(self) -> int:
        """Bytes of RAM."""
        return self.activations + self.stack


@dataclass(frozen=True)
class Fit:
    """A group of parts that holds the model, and the bytes that it leaves."""

    group: PartGroup
    footprint: Footprint

    @property
    def free_flash(self) -> int:
        """Bytes of flash left."""
        return self.group.part.flash - self.footprint.flash

    @property
    def free_ram(self) -> int:
        """Bytes of RAM left, in all memories that may hold data."""
        return self.group.part.ram - self.footprint.ram

    def as_json(self) -> dict[str, Any]:
        """For JSON."""
        part = self.group.part
        return {
            "name": self.group.name,
            "numbers": list(self.group.numbers),
            "core": part.core,
            "fpu": part.fpu,
            "flash": part.flash,
            "ram": part.ram,
            "free_flash": self.free_flash,
            "free_ram": self.free_ram,
        }


def estimated(info: dict[str, Any], report: dict[str, Any]) -> Footprint:
    """The footprint without a C compiler."""
    needs = analysis.needs_of(info, report, alone=True)
    return Footprint(needs.constants, needs.activations, needs.code, needs.stack, measured=False)


def measured(compiled: CompiledModel, part: Part, guess: Footprint, folder: Path) -> Footprint:
    """The footprint of a linked image.

    Args:
        compiled: the model, for the part's core.
        part: a large one with that core.
        guess: taken where even this part is too small to link.
        folder: an empty folder to build in.

    Raises:
        CliError: the compiler is missing (5) or failed (1).
    """
    from stm32_board_support.parts import part_board

    from stm32_cli.project import memory
    from stm32_cli.project.firmware import Build, build_firmware
    from stm32_cli.project.models import find_models

    models = find_models(compiled.write(folder / "model"))
    build = Build(part_board(part.number), "loop", models, folder / "build")
    try:
        build_firmware(build)
    except CliError as error:
        if error.exit_code is Exit.DOES_NOT_FIT:
            return guess
        raise
    report = memory.measure(build)
    stack = report.stack.get("ai_run") or guess.stack
    return replace(guess, code=report.sizes.code, stack=stack, measured=True)


def holds(part: Part, need: Footprint) -> bool:
    """Whether a part has room: code in the first flash, constants in any, activations and stack each in one RAM."""
    flashes = [memory for memory in part.memories if memory.kind == "flash"]
    return _places(flashes[:1], need.code, flashes, need.constants) and _places(
        part.data_memories, need.activations, part.data_memories, need.stack
    )


def _places(ones: Sequence[PartMemory], one: int, others: Sequence[PartMemory], other: int) -> bool:
    """Whether one thing fits in a memory of `ones`, and the other in what is left of `others`."""
    for memory in ones:
        if memory.size >= one:
            left = (found.size - (one if found is memory else 0) for found in others)
            if max(left) >= other:
                return True
    return False


def fits(groups: Iterable[PartGroup], footprints: dict[tuple[str, str], Footprint]) -> list[Fit]:
    """The groups that hold the model, in their order.

    Args:
        groups: candidates.
        footprints: (core, FPU) -> what the model takes there.
    """
    found = (Fit(group, footprints[group.part.core, group.part.fpu]) for group in groups)
    return [fit for fit in found if holds(fit.group.part, fit.footprint)]
