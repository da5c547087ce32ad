# SPDX-License-Identifier: Apache-2.0
"""What a board.toml must hold beyond its types. A check yields one fault per key, naming the region."""

from collections.abc import Callable, Iterator
from itertools import combinations
from pathlib import Path

import msgspec

from stm32_board_support.cores import CORES
from stm32_board_support.schema import Descriptor, Kind, Layout, MemoryKind, placements
from stm32_board_support.toml_lines import Key


class Fault(msgspec.Struct, frozen=True):
    """What is wrong, and the key of board.toml that is to be changed."""

    message: str
    key: Key


Check = Callable[[Descriptor, Path], Iterator[Fault]]


def name_is_folder(descriptor: Descriptor, folder: Path) -> Iterator[Fault]:
    """The board's name is its folder's, so that a name finds one board."""
    if descriptor.name != folder.name:
        yield Fault(f"name is {descriptor.name!r} but the folder is {folder.name!r}", ("name",))


def core_is_known(descriptor: Descriptor, _folder: Path) -> Iterator[Fault]:
    """Core and FPU are in the table of compiler flags."""
    core = CORES.get(descriptor.core)
    if core is None:
        yield Fault(f"core {descriptor.core!r} is not known; known: {', '.join(CORES)}", ("core",))
    elif descriptor.fpu and descriptor.fpu not in core.fpus:
        known = ", ".join(core.fpus)
        yield Fault(f"fpu {descriptor.fpu!r} does not exist on {descriptor.core}; it has: {known}", ("fpu",))


def memories_are_apart(descriptor: Descriptor, _folder: Path) -> Iterator[Fault]:
    """No two memories share an address, none ends behind 4 GB."""
    for name, memory in descriptor.memories.items():
        if memory.end > 1 << 32:
            message = f"memory {name} ends behind the 32-bit address space ({memory.end:#x})"
            yield Fault(message, ("memories", name, "size"))
    for (a, one), (b, two) in combinations(descriptor.memories.items(), 2):
        if one.origin < two.end and two.origin < one.end:
            yield Fault(f"memories {a} and {b} overlap", ("memories", b, "origin"))


def kind_has_its_tables(descriptor: Descriptor, _folder: Path) -> Iterator[Fault]:
    """An emulated board says how it is emulated; all but the host have memories and layouts."""
    if (descriptor.kind is Kind.EMULATED) != (descriptor.emulator is not None):
        key = ("emulator",) if descriptor.emulator else ("kind",)
        yield Fault("table [emulator] belongs to kind 'emulated', and to no other", key)
    if descriptor.kind is Kind.HOST:
        return
    if not descriptor.memories:
        yield Fault("no [memories.NAME]", ())
    if descriptor.default_layout not in descriptor.layouts:
        yield Fault(f"default_layout {descriptor.default_layout!r} is no [layouts.NAME]", ("default_layout",))


def _layout_memories(layout: Layout) -> list[tuple[str, str]]:
    pairs = [("text", layout.text), ("data", layout.data), ("stack", layout.stack)]
    pairs += [(f"section {section}", memory) for section, memory in layout.sections.items()]
    pairs += [("weights", step.memory) for step in placements(layout.weights)]
    pairs += [("activations", step.memory) for step in placements(layout.activations)]
    return pairs


def _misplaced(layout: str, what: str, where: str) -> Fault:
    key: Key = ("sections", what.removeprefix("section ")) if what.startswith("section ") else (what,)
    return Fault(f"layout {layout}: {what} is in {where}", ("layouts", layout, *key))


def layouts_name_memories(descriptor: Descriptor, _folder: Path) -> Iterator[Fault]:
    """A layout places things in memories that exist."""
    for name, layout in descriptor.layouts.items():
        for key, memory in _layout_memories(layout):
            if memory not in descriptor.memories:
                yield _misplaced(name, key, f"memory {memory!r}, which is not described")


def layouts_suit_memories(descriptor: Descriptor, _folder: Path) -> Iterator[Fault]:
    """Code is where code runs, variables are in RAM, constants are where the image is written."""
    for name, layout in descriptor.layouts.items():
        for key, region in _layout_memories(layout):
            memory = descriptor.memories.get(region)
            if memory is None:
                continue
            if key == "text" and not memory.executable:
                yield _misplaced(name, key, f"{region}, which is not executable")
            if key in ("data", "stack", "activations") and memory.kind is MemoryKind.FLASH:
                yield _misplaced(name, key, f"{region}, which is flash")
            if key in ("text", "data", "stack") and memory.external:
                yield _misplaced(name, key, f"{region}, which is external and not there before the port starts it")
            if key in ("text", "weights") and memory.kind is MemoryKind.RAM and not memory.loaded:
                yield _misplaced(name, key, f"{region}, which nothing loads (loaded = true says who does)")


def layouts_place_all(descriptor: Descriptor, _folder: Path) -> Iterator[Fault]:
    """The last step of a split takes what is left; the stack fits."""
    for name, layout in descriptor.layouts.items():
        for key, steps in (("weights", layout.weights), ("activations", layout.activations)):
            rest = [step for step in placements(steps) if not step.models]
            if not rest:
                message = f"layout {name}: {key} needs a memory without a list of models, for all others"
                yield Fault(message, ("layouts", name, key))
        stack = descriptor.memories.get(layout.stack)
        if stack and layout.stack_size > stack.size:
            message = f"layout {name}: stack of {layout.stack_size} bytes, but {layout.stack} has {stack.size}"
            yield Fault(message, ("layouts", name, "stack_size"))


def files_exist(descriptor: Descriptor, folder: Path) -> Iterator[Fault]:
    """The port's sources and include folders are there."""
    from stm32_board_support.configure import resolve_port_path

    for index, source in enumerate(descriptor.port.sources):
        if not resolve_port_path(folder, source).is_file():
            yield Fault(f"port source {source} does not exist", ("port", "sources", index))
    for index, include in enumerate(descriptor.port.include_dirs):
        if not resolve_port_path(folder, include).is_dir():
            yield Fault(f"port include folder {include} does not exist", ("port", "include_dirs", index))


def cube_is_known(descriptor: Descriptor, folder: Path) -> Iterator[Fault]:
    """[cube] names a series that there is code for, and files that there are."""
    from stm32_board_support.configure import resolve_port_path
    from stm32_board_support.cube import SERIES

    cube = descriptor.cube
    if cube is None:
        return
    if cube.series not in SERIES:
        yield Fault(f"Cube series {cube.series!r} is not known; known: {', '.join(SERIES)}", ("cube", "series"))
    for index, source in enumerate(cube.sources):
        if not resolve_port_path(folder, source).is_file():
            yield Fault(f"port source {source} does not exist", ("cube", "sources", index))


def runners_are_known(descriptor: Descriptor, _folder: Path) -> Iterator[Fault]:
    """[flash.X] names flash programs that there are, what they need, and memories that there are."""
    from stm32_board_support.runners import RUNNERS

    for name, runner in descriptor.flash.items():
        if name not in RUNNERS:
            yield Fault(f"flash runner {name!r} is not known; known: {', '.join(RUNNERS)}", ("flash", name))
            continue
        for key in ("writes", *RUNNERS[name].needs):
            if not getattr(runner, key):
                yield Fault(f"flash runner {name} needs the key {key}", ("flash", name))
        for index, memory in enumerate(runner.writes):
            if memory not in descriptor.memories:
                message = f"flash runner {name} writes memory {memory!r}, which is not described"
                yield Fault(message, ("flash", name, "writes", index))


CHECKS: tuple[Check, ...] = (
    name_is_folder,
    core_is_known,
    memories_are_apart,
    kind_has_its_tables,
    layouts_name_memories,
    layouts_suit_memories,
    layouts_place_all,
    files_exist,
    cube_is_known,
    runners_are_known,
)


def faults(descriptor: Descriptor, folder: Path) -> list[Fault]:
    """All faults of a descriptor, each with the name of the check that found it in brackets."""
    return [
        Fault(f"{found.message} [{check.__name__}]", found.key)
        for check in CHECKS
        for found in check(descriptor, folder)
    ]
