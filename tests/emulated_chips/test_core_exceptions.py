# SPDX-License-Identifier: Apache-2.0
"""Exceptions on the emulated core: frames, modes, priorities, masks, nesting, returns (DDI 0403, B1.5)."""

from __future__ import annotations

import pytest

ENABLE_FLOAT = """
    ldr r1, =0xE000ED88
    ldr r0, =0x00F00000
    str r0, [r1]
    dsb
    isb
"""
STACK = 0x20002000


def test_a_supervisor_call_saves_the_frame_that_the_manual_shows(execute):
    core = execute("""
    movs r0, #10
    movs r1, #11
    movs r2, #12
    movs r3, #13
    mov r12, r3
    mvn lr, #0
    cmp r0, r0
    svc #3
after:
    movs r6, #9
    b stop
sv_call:
    mov r7, lr
    mrs r5, ipsr
    mov r4, sp
    ldr r8, [sp, #0]
    ldr r9, [sp, #16]
    ldr r10, [sp, #24]
    ldr r11, [sp, #28]
    ldrh r0, [r10, #-2]
    str r0, [sp, #0]
    bx lr
""")
    registers = core.registers
    assert registers[7] == 0xFFFFFFF9
    assert registers[5] == 11
    assert registers[4] == STACK - 32
    assert (registers[8], registers[9]) == (10, 13)
    assert registers[11] == 0x61000000  # Z, C and T of the interrupted program
    assert registers[0] == 0xDF03  # the handler found the instruction, and changed r0 in the frame
    assert registers[6] == 9
    assert registers[13] == STACK
    assert registers.exception == 0


def test_a_stack_that_is_not_aligned_is_padded_and_restored(execute):
    core = execute("""
    sub sp, #4
    svc #0
    mov r5, sp
    b stop
sv_call:
    mov r4, sp
    ldr r6, [sp, #28]
    bx lr
""")
    assert core.registers[4] == STACK - 40
    assert core.registers[6] >> 9 & 1 == 1
    assert core.registers[5] == STACK - 4


def test_the_process_stack_is_used_for_the_frame_and_selected_again(execute):
    core = execute("""
    ldr r0, =0x20001000
    msr psp, r0
    movs r0, #2
    msr control, r0
    isb
    svc #0
    mov r6, sp
    mrs r8, control
    b stop
sv_call:
    mov r4, lr
    mov r5, sp
    mrs r7, psp
    mrs r9, control
    bx lr
""")
    registers = core.registers
    assert registers[4] == 0xFFFFFFFD
    assert registers[5] == STACK
    assert registers[7] == 0x20001000 - 32
    assert registers[6] == 0x20001000
    assert registers[8] == 2
    assert registers[9] == 0


def test_the_floating_point_context_is_saved_and_restored(execute):
    core = execute(
        ENABLE_FLOAT
        + """
    vmov.f32 s0, #1.0
    vmov.f32 s15, #2.0
    mrs r8, control
    svc #0
    vmov r0, s0
    vmov r1, s15
    mrs r9, control
    b stop
sv_call:
    mov r4, lr
    mov r5, sp
    ldr r6, [sp, #32]
    mrs r10, control
    vmov.f32 s0, #3.0
    vmov.f32 s15, #4.0
    bx lr
"""
    )
    registers = core.registers
    assert registers[8] & 4, "the first floating-point instruction sets CONTROL.FPCA"
    assert registers[4] == 0xFFFFFFE9
    assert registers[5] == STACK - 0x68
    assert registers[6] == 0x3F800000
    assert (registers[0], registers[1]) == (0x3F800000, 0x40000000)
    assert registers[9] & 4
    assert not registers[10] & 4


def test_pendsv_waits_for_the_handler_and_follows_without_a_new_frame(execute):
    """PendSV is less urgent than the SVC handler that asks for it: tail-chained."""
    core = execute(
        """
    ldr r1, =0xE000ED20
    ldr r0, =0x00F00000
    str r0, [r1]
    movs r6, #0
    svc #0
    b stop
sv_call:
    ldr r1, =0xE000ED04
    ldr r0, =0x10000000
    str r0, [r1]
    dsb
    mov r4, sp
    movs r6, #1
    bx lr
pend_sv:
    adds r6, #10
    mov r5, sp
    mov r7, lr
    mrs r8, ipsr
    bx lr
"""
    )
    registers = core.registers
    assert registers[6] == 11
    assert registers[4] == registers[5] == STACK - 32
    assert registers[7] == 0xFFFFFFF9
    assert registers[8] == 14


NESTED = """
    ldr r1, =0xE000E400
    ldr r0, ={priorities}
    str r0, [r1]
    ldr r1, =0xE000E100
    movs r0, #3
    str r0, [r1]
    ldr r2, =0xE000EF00
    movs r4, #0
    movs r0, #0
    str r0, [r2]
    dsb
    isb
    b stop
irq0:
    ldr r2, =0xE000EF00
    movs r0, #1
    str r0, [r2]
    dsb
    isb
    lsls r4, r4, #4
    adds r4, #1
    bx lr
irq1:
    lsls r4, r4, #4
    adds r4, #2
    mov r5, lr
    bx lr
"""


@pytest.mark.parametrize(
    ("priorities", "order", "link"),
    [("0x00001020", 0x21, 0xFFFFFFF1), ("0x00002010", 0x12, 0xFFFFFFF9), ("0x00001010", 0x12, 0xFFFFFFF9)],
)
def test_a_more_urgent_interrupt_nests_an_equal_one_waits(execute, priorities, order, link):
    core = execute(NESTED.format(priorities=priorities))
    assert core.registers[4] == order
    assert core.registers[5] == link


def test_priority_groups_decide_what_nests(execute):
    """With PRIGROUP 5 two bits are left: 0x10 and 0x20 are in one group."""
    group = "    ldr r1, =0xE000ED0C\n    ldr r0, =0x05FA0500\n    str r0, [r1]\n"
    core = execute(group + NESTED.format(priorities="0x00001020"))
    assert core.registers[4] == 0x12


MASKED = """
    ldr r1, =0xE000E400
    ldr r0, =0x00008080
    str r0, [r1]
    ldr r1, =0xE000E100
    movs r0, #3
    str r0, [r1]
    movs r4, #0
    {mask}
    ldr r2, =0xE000EF00
    movs r0, #0
    str r0, [r2]
    dsb
    isb
    adds r4, #1
    {unmask}
    nop
    nop
    b stop
irq0:
    lsls r4, r4, #4
    bx lr
"""


@pytest.mark.parametrize(
    ("mask", "unmask"),
    [
        ("cpsid i", "cpsie i"),
        ("cpsid f", "cpsie f"),
        ("movs r3, #0x80\n msr basepri, r3", "movs r3, #0\n msr basepri, r3"),
        ("movs r3, #0x40\n msr basepri, r3", "movs r3, #0x90\n msr basepri, r3"),
        ("movs r3, #1\n msr primask, r3", "movs r3, #0\n msr primask, r3"),
    ],
)
def test_a_masked_interrupt_comes_when_the_mask_goes(execute, mask, unmask):
    assert execute(MASKED.format(mask=mask, unmask=unmask)).registers[4] == 0x10


def test_basepri_lets_more_urgent_interrupts_pass(execute):
    mask = "movs r3, #0x90\n msr basepri, r3"
    assert execute(MASKED.format(mask=mask, unmask="nop")).registers[4] == 1


SYSTICK = """
    ldr r1, =0xE000E010
    ldr r0, =999
    str r0, [r1, #4]
    movs r0, #0
    str r0, [r1, #8]
    movs r0, #7
    str r0, [r1]
    movs r4, #0
wait:
    {body}
    cmp r4, #5
    blt wait
    cpsid i
    ldr r6, [r1, #8]
    b stop
sys_tick:
    adds r4, #1
    bx lr
"""


@pytest.mark.parametrize("body", ["nop", "wfi", "itt eq\n moveq r5, r5\n addeq r5, #0"])
def test_systick_interrupts_every_thousand_cycles(execute, body):
    core = execute(SYSTICK.format(body=body))
    assert core.registers[4] == 5
    assert 5000 <= core.cycles < 5400
