# SPDX-License-Identifier: Apache-2.0
"""Instructions and modelled cycles of every node of a model, in the same image that is measured as a whole.

The emitted function `run_nodes` calls one kernel after another in a straight line. A node is everything from the return
of the node before it (for the first one, from the entry of `run_nodes`) to the return of its own call, so the few
instructions that load its arguments are in it. What runs outside of `run_nodes` is no node's.
"""

from __future__ import annotations

from dataclasses import dataclass
from itertools import pairwise
from typing import TYPE_CHECKING

from elftools.elf.elffile import ELFFile
from elftools.elf.sections import SymbolTableSection

from stm32_cli.counter.listing import parse_listing
from stm32_cli.counter.model import Cost, cost
from stm32_cli.counter.run import Stretch, disassemble, merged, run_counted
from stm32_cli.errors import usage

if TYPE_CHECKING:
    from pathlib import Path

    from stm32_board_support import Board

    from stm32_cli.counter.listing import Instruction

RUN_LIST = "run_nodes"
_CALLS = ("bl", "blx")


@dataclass(frozen=True)
class NodeCosts:
    """Costs of one inference.

    Attributes:
        total: everything between begin and end.
        nodes: in the order of the model's nodes.
        outside: what belongs to no node; `total` is the sum of `nodes` and `outside`.
    """

    total: Cost
    nodes: tuple[Cost, ...]
    outside: Cost


def run_list_range(elf: Path, model: str) -> tuple[int, int]:
    """Address range of a model's `run_nodes`, end excluded.

    Raises:
        CliError: the image holds no such model, or has no symbols; exit code 2.
    """
    with elf.open("rb") as stream:
        for section in ELFFile(stream).iter_sections():
            source = ""
            for symbol in section.iter_symbols() if isinstance(section, SymbolTableSection) else ():
                if symbol["st_info"]["type"] == "STT_FILE":
                    source = symbol.name
                elif symbol.name == RUN_LIST and source == f"{model}.c":
                    first = int(symbol["st_value"]) & ~1
                    return first, first + int(symbol["st_size"])
    raise usage(f"{elf} holds no model {model!r}", "name one that it was built from")


def node_marks(listing: list[Instruction], first: int, end: int) -> list[int]:
    """Entry of the run list, then the address behind each of its calls."""
    inside = [instruction for instruction in listing if first <= instruction.address < end]
    calls = [after.address for call, after in pairwise(inside) if call.stem in _CALLS]
    return [first, *calls]


def count_nodes(board: Board, elf: Path, model: str, stretch: Stretch | None = None) -> NodeCosts:
    """Counts one inference of a SystemPerformance image by node.

    Args:
        board: an emulated board.
        elf: image without the observer (no --per-layer), which would be counted, too.
        model: C name of a model in it; others in the image are not counted.
        stretch: what is counted; None is `ai_run` between the benchmark's two functions.

    Raises:
        CliError: as `count`; also for a model that is not in the image (exit code 2).
    """
    listing = parse_listing(disassemble(elf))
    marks = node_marks(listing, *run_list_range(elf, model))
    slots = run_counted(board, elf, stretch or Stretch(), marks)
    costs = [cost(listing, slots.get(number, {})) for number in range(len(marks))]
    return NodeCosts(cost(listing, merged(slots)), tuple(costs[1:]), costs[0])
