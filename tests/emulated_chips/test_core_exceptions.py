# SPDX-License-Identifier: Apache-2.0
"""Exceptions on the emulated core: frames, modes, priorities, masks, nesting, returns (DDI 0403, B1.5)."""

from __future__ import annotations

import pytest

from .chip import frames as fr
from .chip.bus import ChipError, Peripheral
from .chip.parts import F412ZG, H747XI

SCB = "    ldr r1, =0xE000ED00\n"
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


class Button(Peripheral):
    """A line to IRQ0 that the program presses (1) and releases (0) by a register."""

    name, base, size = "BUTTON", 0x40000000, 0x400

    def __init__(self) -> None:
        super().__init__()
        self.pressed = 0

    def write(self, offset: int, size: int, value: int) -> None:  # noqa: ARG002 - one register
        """Presses or releases it."""
        self.pressed = value & 1

    def irqs(self) -> set[int]:
        """IRQ0 while it is pressed."""
        return {0} if self.pressed else set()


def test_an_asserted_line_interrupts_again_until_it_is_released(execute):
    core = execute(
        """
    ldr r1, =0xE000E100
    movs r0, #1
    str r0, [r1]
    ldr r1, =0x40000000
    movs r4, #0
    str r0, [r1]
    dsb
    nop
    adds r5, r4, #0
    b stop
irq0:
    adds r4, #1
    cmp r4, #3
    itt eq
    moveq r0, #0
    streq r0, [r1]
    dsb
    bx lr
""",
        peripherals=[Button()],
    )
    assert core.registers[4] == core.registers[5] == 3


def test_an_event_ends_the_wait_for_it(execute):
    core = execute("""
    movs r4, #1
    sev
    wfe
    movs r4, #2
    ldr r1, =0xE000E010
    ldr r0, =999
    str r0, [r1, #4]
    movs r0, #7
    str r0, [r1]
    wfe
    movs r4, #3
    b stop
sys_tick:
    adds r5, r4, #0
    bx lr
""")
    assert core.registers[4] == 3
    assert core.registers[5] == 2


def test_wfi_wakes_with_interrupts_masked_but_does_not_take_them(execute):
    core = execute("""
    cpsid i
    ldr r1, =0xE000E010
    ldr r0, =999
    str r0, [r1, #4]
    movs r0, #7
    str r0, [r1]
    movs r4, #0
    wfi
    movs r5, #7
    b stop
sys_tick:
    movs r4, #1
    bx lr
""")
    assert core.registers[5] == 7
    assert core.registers[4] == 0
    assert core.cycles >= 1000


FAULT = """
    ldr r1, =0xE000ED00
    ldr r0, =0x00070000
    str r0, [r1, #0x24]
    movs r0, #0x18
    ldr r2, [r1, #0x14]
    orrs r2, r0
    str r2, [r1, #0x14]
    dsb
    isb
    movs r4, #0
    {program}
    b stop
{handler}:
    mrs r4, ipsr
    ldr r5, [r1, #0x28]
    ldr r6, [r1, #0x34]
    ldr r7, [r1, #0x38]
    ldr r8, [sp, #24]
    ldr r9, [r1, #0x2C]
    mov r10, lr
    b stop
"""
CASES = {
    "undefined": ("culprit: udf #1", "usage_fault", fr.UNDEFINSTR),
    "arm state": ("ldr r3, =0x08000000\n bx r3", "usage_fault", fr.INVSTATE),
    "null call": ("movs r3, #0\n blx r3", "usage_fault", fr.INVSTATE),
    "no unit": ("culprit: vmov.f32 s0, #1.0", "usage_fault", fr.NOCP),
    "no coprocessor": ("culprit: mrc p15, 0, r0, c0, c0, 0", "usage_fault", fr.NOCP),
    "unaligned word": ("ldr r3, =0x20000001\nculprit: ldr r0, [r3]", "usage_fault", fr.UNALIGNED),
    "unaligned pair": ("ldr r3, =0x20000002\nculprit: ldrd r0, r2, [r3]", "usage_fault", fr.UNALIGNED),
    "unaligned many": ("ldr r3, =0x20000002\nculprit: stmia r3!, {r0, r1, r2}", "usage_fault", fr.UNALIGNED),
    "zero divisor": ("movs r3, #0\nculprit: udiv r2, r2, r3", "usage_fault", fr.DIVBYZERO),
    "bad return": ("b bad\nbad: ldr r3, =0xE000ED04\n ldr r0, =0x10000000\n str r0, [r3]\n dsb\n isb", "usage_fault",
                   fr.INVPC),
    "execute never": ("ldr r3, =0x40000001\n blx r3", "mem_manage", fr.IACCVIOL),
    "no memory to execute": ("ldr r3, =0x30000001\n blx r3", "bus_fault", fr.IBUSERR),
    "no memory to read": ("ldr r3, =0x30000000\nculprit: ldr r0, [r3]", "bus_fault", fr.PRECISERR | 0x8000),
    "no memory to write": ("ldr r3, =0x30000000\n str r0, [r3]\nculprit: nop", "bus_fault", fr.IMPRECISERR),
}  # fmt: skip


@pytest.mark.parametrize("case", CASES)
@pytest.mark.parametrize("part", [F412ZG, H747XI], ids=lambda part: part.name)
def test_a_fault_is_taken_with_its_status(execute, case, part):
    program, handler, bits = CASES[case]
    if case == "bad return":
        program += "\n b stop\npend_sv: ldr r3, =0xFFFFFFF5\n bx r3"
    core = execute(FAULT.format(program=program, handler=handler), part, faults=True)
    registers = core.registers
    assert registers[4] == {"mem_manage": 4, "bus_fault": 5, "usage_fault": 6}[handler]
    assert registers[5] == bits, f"CFSR {registers[5]:#x}"
    assert registers[9] == 0
    if "culprit" in program:
        assert registers[8] == core.symbols["culprit"] & ~1


@pytest.mark.parametrize("case", CASES)
def test_a_program_in_order_takes_no_fault(execute, case):
    program, handler, _ = CASES[case]
    if case == "bad return":
        program += "\n b stop\npend_sv: ldr r3, =0xFFFFFFF5\n bx r3"
    with pytest.raises(ChipError, match=r"Fault|MemManage"):
        execute(FAULT.format(program=program, handler=handler))


def test_a_faulting_load_changes_no_register(execute):
    core = execute(
        FAULT.format(
            program="ldr r3, =0x20000002\n movs r0, #77\n movs r2, #78\n ldrd r0, r2, [r3], #8", handler="usage_fault"
        ),
        faults=True,
    )
    assert [core.registers[number] for number in (0, 2, 3)] == [77, 78, 0x20000002]


def test_a_faulting_store_changes_no_memory(execute):
    core = execute(
        FAULT.format(
            program="ldr r3, =0x20000002\n ldr r0, [r3, #2]\n movs r2, #78\n stmia r3, {r1, r2}", handler="usage_fault"
        ).replace("ldr r7, [r1, #0x38]", "ldr r7, [r3, #2]"),
        faults=True,
    )
    assert core.registers[7] == core.registers[0] != 78


def test_a_disabled_fault_becomes_a_hard_fault(execute):
    text = FAULT.format(program="udf #1", handler="hard_fault").replace("0x00070000", "0x00000000")
    core = execute(text, faults=True)
    assert core.registers[4] == 3
    assert core.registers[5] == fr.UNDEFINSTR
    assert core.registers[9] == 1 << 30


def test_a_call_in_its_own_handler_becomes_a_hard_fault(execute):
    text = FAULT.format(program="svc #0\n b stop\nsv_call: svc #1", handler="hard_fault")
    core = execute(text, faults=True)
    assert core.registers[4] == 3
    assert core.registers[9] == 1 << 30
    assert core.registers[10] == 0xFFFFFFF1


def test_a_fault_in_the_hard_fault_handler_locks_up(execute):
    with pytest.raises(ChipError, match="lockup"):
        execute("    udf #0\nhard_fault:\n    udf #1\n", faults=True)


def test_a_breakpoint_is_a_hard_fault_without_a_debugger(execute):
    core = execute(FAULT.format(program="culprit: bkpt #0xab", handler="hard_fault"), faults=True)
    assert core.registers[9] == 1 << 31
    assert core.registers[8] == core.symbols["culprit"] & ~1
    with pytest.raises(ChipError, match="BKPT"):
        execute("    bkpt #0xab\n")


def test_a_breakpoint_with_the_monitor_enabled_is_its_exception(execute):
    core = execute(
        """
    ldr r1, =0xE000EDFC
    ldr r0, =0x00010000
    str r0, [r1]
    bkpt #1
    b stop
monitor:
    mrs r4, ipsr
    b stop
"""
    )
    assert core.registers[4] == 12


def test_a_reset_request_starts_again(execute):
    core = execute("""
    ldr r1, =0x20000100
    ldr r0, [r1]
    ldr r2, =0x12345678
    cmp r0, r2
    beq stop
    str r2, [r1]
    ldr r1, =0xE000ED0C
    ldr r0, =0x05FA0004
    str r0, [r1]
    dsb
wait:
    b wait
""")
    assert core.resets == 1
