# SPDX-License-Identifier: Apache-2.0
"""What a board.toml must hold beyond its types. A check yields one message per fault, naming the region or key."""

from collections.abc import Callable, Iterator
from itertools import combinations
from pathlib import Path

from stm32_board_support.cores import CORES
from stm32_board_support.schema import Descriptor, Kind, Layout, MemoryKind, placements

Check = Callable[[Descriptor, Path], Iterator[str]]


def name_is_folder(descriptor: Descriptor, folder: Path) -> Iterator[str]:
    """The board's name is its folder's, so that a name finds one board."""
    if descriptor.name != folder.name:
        yield f"name is {descriptor.name!r} but the folder is {folder.name!r}"


def core_is_known(descriptor: Descriptor, _folder: Path) -> Iterator[str]:
    """Core and FPU are in the table of compiler flags."""
    core = CORES.get(descriptor.core)
    if core is None:
        yield f"core {descriptor.core!r} is not known; known: {', '.join(CORES)}"
    elif descriptor.fpu and descriptor.fpu not in core.fpus:
        yield f"fpu {descriptor.fpu!r} does not exist on {descriptor.core}; it has: {', '.join(core.fpus)}"


def memories_are_apart(descriptor: Descriptor, _folder: Path) -> Iterator[str]:
    """No two memories share an address, none ends behind 4 GB."""
    for name, memory in descriptor.memories.items():
        if memory.end > 1 << 32:
            yield f"memory {name} ends behind the 32-bit address space ({memory.end:#x})"
    for (a, one), (b, two) in combinations(descriptor.memories.items(), 2):
        if one.origin < two.end and two.origin < one.end:
            yield f"memories {a} and {b} overlap"


def kind_has_its_tables(descriptor: Descriptor, _folder: Path) -> Iterator[str]:
    """An emulated board says how it is emulated; all but the host have memories and layouts."""
    if (descriptor.kind is Kind.EMULATED) != (descriptor.emulator is not None):
        yield "table [emulator] belongs to kind 'emulated', and to no other"
    if descriptor.kind is Kind.HOST:
        return
    if not descriptor.memories:
        yield "no [memories.NAME]"
    if descriptor.default_layout not in descriptor.layouts:
        yield f"default_layout {descriptor.default_layout!r} is no [layouts.NAME]"


def _layout_memories(layout: Layout) -> list[tuple[str, str]]:
    pairs = [("text", layout.text), ("data", layout.data), ("stack", layout.stack)]
    pairs += [(f"section {section}", memory) for section, memory in layout.sections.items()]
    pairs += [("weights", step.memory) for step in placements(layout.weights)]
    pairs += [("activations", step.memory) for step in placements(layout.activations)]
    return pairs


def layouts_name_memories(descriptor: Descriptor, _folder: Path) -> Iterator[str]:
    """A layout places things in memories that exist."""
    for name, layout in descriptor.layouts.items():
        for key, memory in _layout_memories(layout):
            if memory not in descriptor.memories:
                yield f"layout {name}: {key} is in memory {memory!r}, which is not described"


def layouts_suit_memories(descriptor: Descriptor, _folder: Path) -> Iterator[str]:
    """Code is where code runs, variables are in RAM, constants are where the image is written."""
    for name, layout in descriptor.layouts.items():
        for key, region in _layout_memories(layout):
            memory = descriptor.memories.get(region)
            if memory is None:
                continue
            if key == "text" and not memory.executable:
                yield f"layout {name}: text is in {region}, which is not executable"
            if key in ("data", "stack", "activations") and memory.kind is MemoryKind.FLASH:
                yield f"layout {name}: {key} is in {region}, which is flash"
            if key in ("text", "data", "stack") and memory.external:
                yield f"layout {name}: {key} is in {region}, which is external and not there before the port starts it"
            if key in ("text", "weights") and memory.kind is MemoryKind.RAM and not memory.loaded:
                yield f"layout {name}: {key} is in {region}, which nothing loads (loaded = true says who does)"


def layouts_place_all(descriptor: Descriptor, _folder: Path) -> Iterator[str]:
    """The last step of a split takes what is left; the stack fits."""
    for name, layout in descriptor.layouts.items():
        for key, steps in (("weights", layout.weights), ("activations", layout.activations)):
            rest = [step for step in placements(steps) if not step.models]
            if not rest:
                yield f"layout {name}: {key} needs a memory without a list of models, for all others"
        stack = descriptor.memories.get(layout.stack)
        if stack and layout.stack_size > stack.size:
            yield f"layout {name}: stack of {layout.stack_size} bytes, but {layout.stack} has {stack.size}"


def files_exist(descriptor: Descriptor, folder: Path) -> Iterator[str]:
    """The port's sources and include folders are there."""
    from stm32_board_support.configure import resolve_port_path

    for source in descriptor.port.sources:
        if not resolve_port_path(folder, source).is_file():
            yield f"port source {source} does not exist"
    for include in descriptor.port.include_dirs:
        if not resolve_port_path(folder, include).is_dir():
            yield f"port include folder {include} does not exist"


def runners_are_known(descriptor: Descriptor, _folder: Path) -> Iterator[str]:
    """[flash.X] names flash programs that there are, what they need, and memories that there are."""
    from stm32_board_support.runners import RUNNERS

    for name, runner in descriptor.flash.items():
        if name not in RUNNERS:
            yield f"flash runner {name!r} is not known; known: {', '.join(RUNNERS)}"
            continue
        for key in ("writes", *RUNNERS[name].needs):
            if not getattr(runner, key):
                yield f"flash runner {name} needs the key {key}"
        for memory in runner.writes:
            if memory not in descriptor.memories:
                yield f"flash runner {name} writes memory {memory!r}, which is not described"


CHECKS: tuple[Check, ...] = (
    name_is_folder,
    core_is_known,
    memories_are_apart,
    kind_has_its_tables,
    layouts_name_memories,
    layouts_suit_memories,
    layouts_place_all,
    files_exist,
    runners_are_known,
)


def faults(descriptor: Descriptor, folder: Path) -> list[str]:
    """All faults of a descriptor, each with the name of the check that found it in brackets."""
    return [f"{message} [{check.__name__}]" for check in CHECKS for message in check(descriptor, folder)]
