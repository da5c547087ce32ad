# SPDX-License-Identifier: Apache-2.0
"""IT blocks on the emulated core: interrupts, accesses and faults inside them (DDI 0403, B1.5 and A7.3)."""

from __future__ import annotations

import pytest


def test_an_it_block_survives_interrupts_at_every_place(execute):
    """A tick every 13 cycles, prime to the loop's length: each instruction of the block is interrupted some time."""
    core = execute("""
    ldr r1, =0xE000E010
    movs r0, #12
    str r0, [r1, #4]
    movs r0, #0
    str r0, [r1, #8]
    movs r0, #7
    str r0, [r1]
    movs r4, #0
    movs r5, #0
    movs r6, #0
    ldr r7, =500
again:
    lsls r2, r7, #31
    ittee eq
    addeq r5, #1
    addeq r5, #1
    addne r6, #1
    addne r6, #1
    subs r7, #1
    bne again
    cpsid i
    b stop
sys_tick:
    adds r4, #1
    cmp r4, #0
    bx lr
""")
    assert core.registers[5] == 500
    assert core.registers[6] == 500
    assert core.registers[4] >= 250


@pytest.mark.parametrize(("value", "results"), [(0, (1, 0x50, 0x10)), (9, (2, 0x30, 0x11))])
@pytest.mark.parametrize("area", [0x20001000, 0xE000E400])
def test_accesses_in_it_blocks_leave_what_follows_unconditional(execute, area, value, results):
    """In RAM and in registers (priorities of interrupts); the second block ends with the function."""
    core = execute(f"""
    ldr r4, ={area:#x}
    movs r0, #0x30
    strb r0, [r4, #4]
    movs r2, #{value}
    movs r5, #0x50
    movs r6, #0
    movs r3, #0
    bl choose
    adds r3, #0x10
    b stop
choose:
    push {{lr}}
    cmp r2, #7
    ittee le
    strble r5, [r4, #4]
    addle r6, #1
    addgt r6, #2
    ldrbgt r1, [r4, #4]
    itt le
    ldrble r1, [r4, #4]
    pople {{pc}}
    movs r3, #1
    pop {{pc}}
""")
    assert (core.registers[6], core.registers[1], core.registers[3]) == results


def test_a_fault_inside_an_it_block_goes_on_with_the_rest_of_it(execute):
    core = execute(
        """
    ldr r1, =0xE000ED00
    ldr r0, =0x00070000
    str r0, [r1, #0x24]
    ldr r0, [r1, #0x14]
    orr r2, r0, #8
    str r2, [r1, #0x14]
    dsb
    ldr r3, =0x20001002
    movs r4, #0
    movs r5, #0
    movs r6, #0
    movs r7, #0
    cmp r4, #0
    ittee eq
    ldreq r8, [r3, #-1]
    addeq r4, #1
    addne r5, #1
    addne r6, #1
    adds r4, #16
    b stop
usage_fault:
    str r0, [r1, #0x14]
    adds r7, #1
    bx lr
""",
        faults=True,
    )
    assert [core.registers[number] for number in (4, 5, 6, 7)] == [17, 0, 0, 1]
