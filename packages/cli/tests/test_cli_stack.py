# SPDX-License-Identifier: Apache-2.0
"""Stack bounds from a call graph: frames, tail calls, pointers, recursion, what has no bound."""

from __future__ import annotations

import pytest
from stm32_cli.counter.listing import Instruction, parse_listing
from stm32_cli.project.stack import CallGraph, Function, frames, pushed_bytes

LISTING = """
00000000 <ai_run>:
       0:\tpush\t{r4, lr}
       2:\tblx\tr3
       4:\tpop\t{r4, pc}

00000010 <run_nodes>:
      10:\tstmdb\tsp!, {r4-r11, lr}
      14:\tsub\tsp, #12
      16:\tbl\t20 <kernel>
      1a:\tadd\tsp, #12
      1c:\tb.w\t30 <tail>

00000020 <kernel>:
      20:\tpush\t{r0, r1, r2}
      22:\tbne.n\t20 <kernel>
      24:\tldr\tpc, [sp, #4]

00000030 <tail>:
      30:\tvpush\t{d8-d9}
      34:\tbx\tlr
"""


def graph(listing: str, known: dict[tuple[str, str], int | None] | None = None) -> CallGraph:
    """A graph whose functions reach to 0x10 bytes behind their label each."""
    instructions = parse_listing(listing)
    names = dict.fromkeys(i.function for i in instructions)
    starts = {name: min(i.address for i in instructions if i.function == name) for name in names}
    return CallGraph([Function(name, "", start, 16) for name, start in starts.items()], instructions, known or {})


def test_deepest_chain_through_pointer_and_tail_call() -> None:
    found = graph(LISTING).bound(0)
    assert found.bytes == 8 + (36 + 12) + max(12, 16)
    assert found.path == ("ai_run", "run_nodes", "tail")


def test_frame_of_the_compiler_goes_before_the_instructions() -> None:
    assert graph(LISTING, {("m.c", "run_nodes"): 100}).bound(0x10).bytes == 100 + 16
    found = graph(LISTING, {("m.c", "tail"): None}).bound(0)
    assert (found.bytes, found.path[-1]) == (None, "tail")
    assert "no fixed size" in found.why


@pytest.mark.parametrize(
    ("old", "new", "why"),
    [
        ("blx\tr3", "bl\t10 <run_nodes>", ""),
        ("bl\t20 <kernel>", "bl\t0 <ai_run>", "recursion of ai_run"),
        ("bl\t20 <kernel>", "blx\tr5", "run_nodes calls through a pointer"),
        ("sub\tsp, #12", "sub\tsp, r3", "run_nodes has no fixed size"),
    ],
)
def test_what_has_no_bound_is_said(old: str, new: str, why: str) -> None:
    found = graph(LISTING.replace(old, new)).bound(0)
    assert (found.bytes is None) == bool(why)
    assert why in found.why


@pytest.mark.parametrize(
    ("mnemonic", "operands", "size"),
    [
        ("push", "{r4, r5, lr}", 12),
        ("stmdb", "sp!, {r4-r11, lr}", 36),
        ("vpush", "{d8-d15}", 64),
        ("vpush", "{s16}", 4),
        ("str.w", "lr, [sp, #-4]!", 4),
        ("strd", "r4, r5, [sp, #-16]!", 16),
        ("sub.w", "sp, sp, #1024", 1024),
        ("sub", "sp, #8", 8),
        ("sub.w", "sp, sp, r3", None),
        ("add", "sp, #8", 0),
        ("pop", "{r4, pc}", 0),
        ("stmdb", "r0!, {r4, r5}", 0),
        ("str", "r0, [sp, #4]", 0),
    ],
)
def test_pushed_bytes(mnemonic: str, operands: str, size: int | None) -> None:
    assert pushed_bytes(Instruction(0, 2, mnemonic, operands, "f")) == size


def test_frames_of_the_compiler() -> None:
    text = r"""graph: { title: "a.c"
node: { title: "ai_run" label: "ai_run\n/x/ai_runtime.c:1:2\n24 bytes (static)" }
node: { title: "/x/m.c:run_nodes" label: "run_nodes\n/x/m.c:9:2\n40 bytes (static)\n0 dynamic objects" }
node: { title: "v" label: "v\n/x/m.c:20:2\n8 bytes (dynamic)\n1 dynamic objects" }
node: { title: "memcpy" label: "memcpy\n<built-in>" shape : ellipse }
"""
    wanted = {("ai_runtime.c", "ai_run"): 24, ("m.c", "run_nodes"): 40, ("m.c", "v"): None}
    assert frames([text]) == wanted
