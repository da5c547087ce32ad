# SPDX-License-Identifier: Apache-2.0
"""What an image takes of each memory of a board, exactly as linked."""

import os

import msgspec

from stm32_board_support.elf import ElfFile, Symbol
from stm32_board_support.linker import base_section, output_sections
from stm32_board_support.schema import Board, Layout, placements


class RegionUse(msgspec.Struct, frozen=True):
    """One memory.

    Attributes:
        name: of the memory.
        size: bytes that it has.
        used: bytes that the image needs there.
        sections: output section -> bytes.
        items: functions and objects in it, largest first, equal ones by name.
    """

    name: str
    size: int
    used: int
    sections: dict[str, int]
    items: list[Symbol]

    @property
    def free(self) -> int:
        """Bytes left; negative when the image does not fit."""
        return self.size - self.used


class MemoryReport(msgspec.Struct, frozen=True):
    """All memories of a board, in the descriptor's order, and those that are used as one because a split spans them."""

    board: str
    regions: list[RegionUse]
    spans: list[list[str]]

    def region(self, name: str) -> RegionUse:
        """The memory of that name."""
        return next(region for region in self.regions if region.name == name)

    @property
    def overflows(self) -> list[RegionUse]:
        """What does not fit: memories, or several as one ("a+b") where a split may use them all."""
        joined = {name for span in self.spans for name in span}
        units = [region for region in self.regions if region.name not in joined]
        units += [_join([self.region(name) for name in span]) for span in self.spans]
        return [unit for unit in units if unit.free < 0]


def _join(regions: list[RegionUse]) -> RegionUse:
    sections = {name: size for region in regions for name, size in region.sections.items()}
    items = _largest([item for region in regions for item in region.items])
    name = "+".join(region.name for region in regions)
    return RegionUse(name, sum(r.size for r in regions), sum(r.used for r in regions), sections, items)


def _largest(items: list[Symbol]) -> list[Symbol]:
    return sorted(items, key=lambda item: (-item.size, item.name))


def _spans(layout: Layout) -> list[list[str]]:
    """Sets of memories that one split may fill, those with a memory in common made one."""
    spans: list[list[str]] = []
    for steps in (layout.weights, layout.activations):
        span = list(dict.fromkeys(step.memory for step in placements(steps) if not step.models))
        for other in [known for known in spans if set(known) & set(span)]:
            spans.remove(other)
            span = list(dict.fromkeys([*other, *span]))
        if len(span) > 1:
            spans.append(span)
    return spans


def memory_report(elf: str | os.PathLike[str], board: Board, layout: Layout) -> MemoryReport:
    """Bytes per memory and section of a linked image.

    Args:
        elf: Project.elf, or Oversize.elf of an image that does not fit.
        board: that it was linked for.
        layout: that it was linked with.

    Returns:
        The report. Initial values of variables count twice, where they are stored and where they live.

    Raises:
        ElfError: the file is not readable as ELF.
    """
    image = ElfFile(elf)
    sizes: dict[str, int] = {}
    for found in image.sections:
        if found.allocated:
            sizes[base_section(found.name)] = sizes.get(base_section(found.name), 0) + found.size
    use: dict[str, dict[str, int]] = {name: {} for name in board.memories}
    home: dict[str, str] = {}
    for section in output_sections(layout):
        size = sizes.get(section.name, 0)
        home[section.name] = section.memory
        if size:
            use[section.memory][section.name] = size
        if size and section.load:
            use[section.load][section.name + " (initial values)"] = size
    regions = []
    for name, memory in board.memories.items():
        items = _largest([symbol for symbol in image.symbols if home.get(base_section(symbol.section)) == name])
        regions.append(RegionUse(name, memory.size, sum(use[name].values()), use[name], items))
    return MemoryReport(board.name, regions, _spans(layout))


def report_text(report: MemoryReport, largest: int = 5) -> str:
    """The report for people: one line a memory that is used; what overflows with its largest items."""
    lines = [f"{r.name}: {r.used} of {r.size} bytes" for r in report.regions if r.used]
    for unit in report.overflows:
        lines.append(f"{unit.name}: needs {unit.used} bytes, has {unit.size} ({-unit.free} too many); largest items:")
        lines += [f"  {item.size:9d} {item.name} ({item.section})" for item in unit.items[:largest]]
    return "\n".join(lines)
