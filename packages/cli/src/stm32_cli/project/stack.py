# SPDX-License-Identifier: Apache-2.0
"""The stack that the runtime's functions need at most, from the call graph of the linked image.

Who calls whom is read from the disassembly, what a function takes from what the compiler tells of it
(-fcallgraph-info=su); of assembly and of the C library, which it tells nothing of, from their instructions: every push
counts, wherever it stands. A call through a pointer is resolved by :data:`INDIRECT`, after the model's descriptor.
Anything that has no bound (recursion, a frame of variable size, a pointer to any function) is said, not guessed.
"""

from __future__ import annotations

import bisect
import re
from dataclasses import dataclass, field
from fnmatch import fnmatchcase
from typing import TYPE_CHECKING

from elftools.elf.elffile import ELFFile
from elftools.elf.sections import SymbolTableSection

from stm32_cli.counter.listing import Instruction, parse_listing
from stm32_cli.counter.run import disassemble

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence
    from pathlib import Path

INDIRECT: dict[str, tuple[str, ...]] = {
    "ai_run": ("run_nodes",),
    "ai_create": ("ai_*_create",),
    "ai_create_sized": ("ai_*_create",),
    "ai_destroy": ("ai_*_destroy",),
    "ai_get_params": ("*_get_params",),
    # The observer is the application's, and so is its stack.
    "notify*": (),
    "ai_node_begin": (),
    "ai_node_end": (),
}
"""Pattern of the calling function -> patterns of what its pointers can point to."""
_API = ("ai_runtime.c", "ai_iterator.c")
_NODE = re.compile(r'node: \{ title: "([^"]*)" label: "([^"]*)"')
_FRAME = re.compile(r"(\d+) bytes \(([^)]*)\)")
_TARGET = re.compile(r"(?:\w+, )?([0-9a-f]+) <")
_REGISTER_LIST = re.compile(r"\{(.*)\}")
_BELOW = re.compile(r"\[sp, #-(\d+)\]!")
_WORD = 4


@dataclass(frozen=True)
class Function:
    """A function of an image: its name, its source file's name ("" unless it is static), where it is."""

    name: str
    file: str
    address: int
    size: int


@dataclass(frozen=True)
class Bound:
    """Stack of a call.

    Attributes:
        bytes: the most that it takes, the callees' included; None if there is no bound.
        path: the functions of the deepest chain, the called one first.
        why: why there is no bound, else "".
    """

    bytes: int | None
    path: tuple[str, ...] = ()
    why: str = ""


@dataclass
class _Body:
    """What the instructions of a function tell: callees, whether it calls pointers, bytes pushed (None: variable)."""

    callees: set[int] = field(default_factory=set)
    pointers: bool = False
    pushed: int | None = 0


def frames(texts: Iterable[str]) -> dict[tuple[str, str], int | None]:
    """Reads files that -fcallgraph-info=su wrote.

    Returns:
        (name of the source file, function) -> bytes of its frame, None if it has no fixed size.
    """
    found: dict[tuple[str, str], int | None] = {}
    for title, label in (match for text in texts for match in _NODE.findall(text)):
        size, lines = _FRAME.search(label), label.split("\\n")
        if size and len(lines) > 1:
            file = lines[1].rpartition("/")[2].partition(":")[0]
            fixed = size[2] == "static" or "bounded" in size[2]
            found[file, title.rpartition(":")[2]] = int(size[1]) if fixed else None
    return found


def pushed_bytes(instruction: Instruction) -> int | None:
    """By how much an instruction moves the stack pointer down; None if that is not in its text."""
    stem, operands = instruction.stem, instruction.operands
    if stem in ("push", "vpush") or (stem in ("stmdb", "vstmdb") and operands.startswith("sp!")):
        listed = _REGISTER_LIST.search(operands)
        return sum(map(_register_bytes, listed[1].split(","))) if listed else None
    if stem in ("str", "strd", "vstr") and (below := _BELOW.search(operands)):
        return int(below[1])
    if stem in ("sub", "subw") and operands.startswith("sp,"):
        last = operands.rpartition(", ")[2]
        return int(last[1:]) if last.startswith("#") else None
    return 0


def _register_bytes(entry: str) -> int:
    first, _, last = entry.strip().partition("-")
    each = 2 * _WORD if first.startswith("d") else _WORD
    return each * (int(last[1:]) - int(first[1:]) + 1) if last else each


def functions(elf: Path) -> list[Function]:
    """The functions of an image by address; of several names at one address the first."""
    found: dict[int, Function] = {}
    with elf.open("rb") as stream:
        for section in ELFFile(stream).iter_sections():
            if not isinstance(section, SymbolTableSection):
                continue
            file = ""
            for symbol in section.iter_symbols():
                kind, local = symbol["st_info"]["type"], symbol["st_info"]["bind"] == "STB_LOCAL"
                if kind == "STT_FILE":
                    file = symbol.name.rpartition("/")[2]
                elif kind == "STT_FUNC" and symbol["st_size"]:
                    address = int(symbol["st_value"]) & ~1
                    function = Function(symbol.name, file if local else "", address, int(symbol["st_size"]))
                    found.setdefault(address, function)
    return sorted(found.values(), key=lambda function: function.address)


class CallGraph:
    """Functions of an image, what each takes of the stack, and whom it calls."""

    def __init__(
        self, every: Sequence[Function], listing: Iterable[Instruction],
        known: Mapping[tuple[str, str], int | None],
    ) -> None:  # fmt: skip
        self.functions = {function.address: function for function in every}
        self._starts = [function.address for function in every]
        self._bodies: dict[int, _Body] = {address: _Body() for address in self._starts}
        self._known = known
        self._files = {name: file for file, name in known}
        self._bounds: dict[int, Bound] = {}
        for instruction in listing:
            self._read(instruction)

    def owner(self, address: int) -> int | None:
        """Start of the function that an address lies in."""
        place = bisect.bisect_right(self._starts, address) - 1
        start = self._starts[place] if place >= 0 else 0
        return start if place >= 0 and address < start + self.functions[start].size else None

    def _read(self, instruction: Instruction) -> None:
        own = self.owner(instruction.address)
        if own is None:
            return
        body, stem = self._bodies[own], instruction.stem
        pushed = pushed_bytes(instruction)
        body.pushed = None if pushed is None or body.pushed is None else body.pushed + pushed
        if target := stem.startswith(("b", "cb")) and _TARGET.match(instruction.operands):
            callee = self.owner(int(target[1], 16))
            if callee is not None and callee != own:
                body.callees.add(callee)
        elif stem == "blx" or (stem == "bx" and instruction.operands != "lr" and self.is_known(own)):
            body.pointers = True  # assembly jumps inside of itself by bx

    def frame(self, address: int) -> int | None:
        """Bytes that a function itself takes, None if they vary."""
        return self._known[self._key(address)] if self.is_known(address) else self._bodies[address].pushed

    def is_known(self, address: int) -> bool:
        """Whether the compiler told of a function."""
        return self._key(address) in self._known

    def _key(self, address: int) -> tuple[str, str]:
        function = self.functions[address]
        return function.file or self._files.get(function.name, ""), function.name

    def pushed(self, address: int) -> int | None:
        """The same, from its instructions only."""
        return self._bodies[address].pushed

    def bound(self, address: int, above: tuple[int, ...] = ()) -> Bound:
        """What a call of a function takes at most."""
        if address not in self._bounds:
            found = self._bound(address, above)
            if found.why.startswith("recursion"):
                return found  # which of the functions were above is no property of this one
            self._bounds[address] = found
        return self._bounds[address]

    def _bound(self, address: int, above: tuple[int, ...]) -> Bound:
        name, own = self.functions[address].name, self.frame(address)
        if address in above:
            return Bound(None, (name,), f"recursion of {name}")
        if own is None:
            return Bound(None, (name,), f"the frame of {name} has no fixed size")
        callees = set(self._bodies[address].callees)
        if self._bodies[address].pointers:
            targets = self._pointed(name)
            if targets is None:
                return Bound(None, (name,), f"{name} calls through a pointer that nobody resolves")
            callees |= targets
        deepest = Bound(0)
        for callee in sorted(callees):
            below = self.bound(callee, (*above, address))
            if below.bytes is None:
                return Bound(None, (name, *below.path), below.why)
            if below.bytes > (deepest.bytes or 0):
                deepest = below
        return Bound(own + (deepest.bytes or 0), (name, *deepest.path))

    def _pointed(self, name: str) -> set[int] | None:
        patterns = next((found for caller, found in INDIRECT.items() if fnmatchcase(name, caller)), None)
        if patterns is None:
            return None
        return {a for a, f in self.functions.items() if any(fnmatchcase(f.name, pattern) for pattern in patterns)}

    def api(self) -> dict[str, int]:
        """The runtime's public functions that are in the image: name -> address."""
        public = {name for file, name in self._known if file in _API and name.startswith("ai_")}
        return {f.name: a for a, f in self.functions.items() if f.name in public and not f.file}


def call_graph(elf: Path, build: Path) -> CallGraph:
    """The call graph of an image with a Cortex-M.

    Args:
        elf: the image.
        build: folder that it was built in, where the compiler wrote its .ci files.
    """
    texts = [path.read_text(encoding="utf-8", errors="replace") for path in sorted(build.rglob("*.ci"))]
    return CallGraph(functions(elf), parse_listing(disassemble(elf)), frames(texts))


def stack_bounds(elf: Path, build: Path) -> dict[str, Bound]:
    """Name of each function of the runtime's API in an image -> its stack at most, callees included."""
    graph = call_graph(elf, build)
    return {name: graph.bound(address) for name, address in sorted(graph.api().items())}
