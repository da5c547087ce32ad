# SPDX-License-Identifier: Apache-2.0
"""The Cortex-M4 cycle model against the timing table of ARM DDI 0439, section 3.3."""

import pytest
from stm32_cli.counter import Tally, cost, parse_listing
from stm32_cli.counter.model import cycles_alone, overlaps
from stm32_cli.counter.nodes import node_marks
from stm32_cli.counter.run import merged, read_tallies

LISTING = """
Project.elf:     file format elf32-littlearm


Disassembly of section .text:

00000100 <first>:
     100:\tb510      \tnot this layout

00000104 <loop>:
     104:\tldr.w\tr3, [r0], #4\t; post-indexed
     108:\tldrsb\tr2, [r1, #0]
     10a:\tldr\tr1, [r2, #0]
     10c:\tsmlad\tr5, r3, r2, r5
     110:\tbne.n\t104 <loop>
     112:\tbx\tlr

00000114 <table>:
     114:\t.word\t0x20000000
"""


def _one(mnemonic: str, operands: str):
    return parse_listing(f"00000000 <f>:\n       0:\t{mnemonic}\t{operands}\n")[0]


@pytest.mark.parametrize(
    ("mnemonic", "operands", "cycles"),
    [
        ("add", "r0, r1", 1),
        ("smlad", "r0, r1, r2, r3", 1),
        ("umull", "r0, r1, r2, r3", 1),
        ("sdiv", "r0, r1, r2", 6),
        ("udiv", "r0, r1, r2", 6),
        ("ldr", "r0, [r1, #4]", 2),
        ("ldr.w", "r0, [r1, r2, lsl #2]", 2),
        ("ldrsb.w", "r0, [r1, #1]", 2),
        ("str", "r0, [r1, #4]", 1),
        ("strb.w", "r0, [r1], #1", 1),
        ("str.w", "r0, [r1, r2]", 2),
        ("ldrd", "r0, r1, [r2]", 3),
        ("strd", "r0, r1, [r2, #8]", 3),
        ("ldmia.w", "r0!, {r1, r2, r3}", 4),
        ("push", "{r4, r5, r6, r7, lr}", 6),
        ("pop", "{r4-r7, pc}", 6),
        ("stmdb", "sp!, {r4, r6-r9}", 6),
        ("vpush", "{d8-d11}", 9),
        ("vldmia", "r0!, {s16-s19}", 5),
        ("vldr", "s0, [r0]", 2),
        ("vldr", "d0, [r0]", 3),
        ("vstr", "s0, [r0]", 2),
        ("vmla.f32", "s0, s1, s2", 3),
        ("vfma.f32", "s0, s1, s2", 3),
        ("vdiv.f32", "s0, s1, s2", 14),
        ("vsqrt.f32", "s0, s1", 14),
        ("vadd.f32", "s0, s1, s2", 1),
        ("vmov", "r0, r1, d0", 2),
        ("vmov", "s0, r0", 1),
        ("tbb", "[pc, r0]", 2),
        ("b.n", "100 <f>", 1),
    ],
)
def test_cycles_of_one_instruction(mnemonic: str, operands: str, cycles: int) -> None:
    assert cycles_alone(_one(mnemonic, operands)) == cycles


def test_listing() -> None:
    found = parse_listing(LISTING)
    assert [(entry.address, entry.size, entry.mnemonic, entry.function) for entry in found] == [
        (0x104, 4, "ldr.w", "loop"),
        (0x108, 2, "ldrsb", "loop"),
        (0x10A, 2, "ldr", "loop"),
        (0x10C, 4, "smlad", "loop"),
        (0x110, 2, "bne.n", "loop"),
        (0x112, 2, "bx", "loop"),
        (0x114, 4, ".word", "table"),
    ]
    assert found[0].operands == "r3, [r0], #4"


def test_loads_overlap_unless_one_needs_the_other() -> None:
    first, second, third, *_ = parse_listing(LISTING)
    assert overlaps(first, second)
    assert not overlaps(second, third)  # its address is what the second one loads
    assert not overlaps(None, first)
    assert not overlaps(first, third)  # not neighbours


def test_cost_of_a_loop_that_runs_ten_times() -> None:
    tallies = {address: Tally(10, 9 if address == 0x110 else 0) for address in (0x104, 0x108, 0x10A, 0x10C, 0x110)}
    tallies[0x112] = Tally(1, 1)
    found = cost(parse_listing(LISTING), tallies)
    assert found.instructions == 51
    # 2 load, 1 overlapping load, 2 dependent load, 1 multiply, 1 branch; refill of 9 taken branches and the return
    assert found.cycles == 10 * (2 + 1 + 2 + 1 + 1) + 9 * 2 + 1 + 2
    assert set(found.functions) == {"loop"}


def test_tallies() -> None:
    found = read_tallies("104 0 10 9\n1a0 0 1 0\n104 2 3 1\n")
    assert found == {0: {0x104: Tally(10, 9), 0x1A0: Tally(1, 0)}, 2: {0x104: Tally(3, 1)}}
    assert merged(found) == {0x104: Tally(13, 10), 0x1A0: Tally(1, 0)}


RUN_LIST = """
00000200 <run_nodes>:
 200:\tpush\t{r4, lr}
 202:\tmov\tr4, r0
 204:\tbl\t300 <first>
 208:\tblx\tr5
 20a:\tpop\t{r4, pc}
00000300 <first>:
 300:\tbl\t400 <inner>
 304:\tbx\tlr
"""


def test_marks_of_a_run_list() -> None:
    assert node_marks(parse_listing(RUN_LIST), 0x200, 0x20C) == [0x200, 0x208, 0x20A]
