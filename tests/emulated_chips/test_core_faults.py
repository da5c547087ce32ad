# SPDX-License-Identifier: Apache-2.0
"""Faults on the emulated core: status registers, escalation, lockup, debug events (DDI 0403, B1.5)."""

from __future__ import annotations

import pytest

from .chip import frames as fr
from .chip.bus import ChipError
from .chip.parts import F412ZG, H747XI

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
