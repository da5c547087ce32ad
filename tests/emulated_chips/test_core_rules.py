# SPDX-License-Identifier: Apache-2.0
"""What a program must not do to the core: each rule is broken by a small program, which must not get away with it."""

from __future__ import annotations

import pytest

from .chip import frames as fr
from .chip.bus import ChipError
from .chip.memory import PATTERN
from .chip.parts import F412ZG, H747XI


def store(address: int, value: int, width: str = "") -> str:
    """Instructions that write a register."""
    return f"    ldr r1, ={address:#x}\n    ldr r0, ={value:#x}\n    str{width} r0, [r1]\n"


def load(address: int, width: str = "") -> str:
    """Instructions that read a register into r0."""
    return f"    ldr r1, ={address:#x}\n    ldr{width} r0, [r1]\n"


def region(number: int, base: int, log2: int, attributes: int) -> str:
    """Instructions that set a region of the MPU."""
    words = ((0xE000ED98, number), (0xE000ED9C, base), (0xE000EDA0, attributes | (log2 - 1) << 1 | 1))
    return "".join(store(*word) for word in words)


NO_ACCESS, READ_WRITE, READ_ONLY, NEVER_EXECUTE = 0, 3 << 24, 6 << 24, 1 << 28
PRIVILEGED_ONLY = 1 << 24
NORMAL = 1 << 19
MPU_ON, TRACE = store(0xE000ED94, 5) + "    dsb\n    isb\n", store(0xE000EDFC, 1 << 24)
INVALIDATED = """
    ldr r1, =0xE000EF60
    movs r2, #0
sets:
    movs r3, #0
ways:
    lsls r0, r3, #30
    orr r0, r0, r2, lsl #5
    str r0, [r1]
    adds r3, #1
    cmp r3, #4
    bne ways
    adds r2, #1
    cmp r2, #128
    bne sets
"""
BOTH, M4, M7 = (F412ZG, H747XI), (F412ZG,), (H747XI,)
RULES = {
    "floating point before CPACR": (BOTH, "    vmov.f32 s0, #1.0\n", "UsageFault: instruction of a coprocessor"),
    "half of the FPU": (BOTH, store(0xE000ED88, 0x300000), "CPACR"),
    "reserved bit of CCR": (BOTH, store(0xE000ED14, 0x204), "CCR: .* reserved or read-only bits"),
    "cache bits of a core without": (M4, store(0xE000ED14, 0x20200), "CCR: .* reserved or read-only bits"),
    "STKALIGN of the Cortex-M7": (M7, store(0xE000ED14, 0x40000), "CCR: .* reserved or read-only bits"),
    "read-only CPUID": (BOTH, store(0xE000ED00, 0), "CPUID"),
    "vector table not aligned": (BOTH, store(0xE000ED08, 0x08000040), "VTOR"),
    "reset without the key": (BOTH, store(0xE000ED0C, 4), "AIRCR: written with key"),
    "bit for debuggers": (BOTH, store(0xE000ED0C, 0x05FA0001), "AIRCR"),
    "active bit of SHCSR": (BOTH, store(0xE000ED24, 1 << 7), "SHCSR.*SVCall"),
    "deep sleep": (BOTH, store(0xE000ED10, 4), "SLEEPDEEP"),
    "no such register": (BOTH, load(0xE000ED8C), "no register at offset 0xd8c"),
    "byte of a word register": (BOTH, load(0xE000ED08, "b"), "1 bytes is not allowed"),
    "priority bits that are not there": (BOTH, store(0xE000E400, 0x08, "b"), "NVIC_IPR"),
    "interrupt that is not there": (M4, store(0xE000E10C, 1 << 30), "no IRQ126"),
    "interrupt word that is not there": (M4, store(0xE000E110, 1), "NVIC"),
    "system priority bits that are not there": (BOTH, store(0xE000ED20, 0x01000000), "SHPR3"),
    "cycle counter without trace": (BOTH, load(0xE0001004), "TRCENA"),
    "cycle counter behind its lock": (M7, TRACE + store(0xE0001000, 0x40000001), "locked"),
    "lock that is not there": (M4, TRACE + store(0xE0001FB0, 0xC5ACCE55), "no register"),
    "reserved bit of SysTick": (BOTH, store(0xE000E010, 8), "SYST_CSR"),
    "reload of 25 bits": (BOTH, store(0xE000E014, 0x1000000), "SYST_RVR"),
    "instruction cache not invalidated": (M7, store(0xE000ED14, 0x60200), "CCR.IC set before"),
    "data cache not invalidated": (M7, store(0xE000ED14, 0x50200), "CCR.DC set before .*512 lines"),
    "data cache half invalidated": (
        M7, INVALIDATED.replace("#128", "#64") + store(0xE000ED14, 0x50200), "256 lines are left",
    ),
    "clean before invalidate": (M7, store(0xE000EF6C, 0), "cleaned before"),
    "set that is not there": (M7, store(0xE000EF60, 128 << 5), "DCISW"),
    "cache registers of a core without": (M4, store(0xE000EF50, 0), "no register"),
    "peripheral that is not modelled": (BOTH, load(0x40000000), "not modelled"),
    "word that is not aligned, in a device": (BOTH, load(0x40000002), "unaligned"),
    "write to flash": (BOTH, store(0x08000000, 1), "cannot be written"),
    "memory that is not there": (BOTH, load(0x1F000000), "BusFault: read of 4 bytes"),
    "RAM beyond its end": (M4, store(0x20040000, 1), "BusFault: write of 4 bytes"),
    "code in a device": (BOTH, "    ldr r1, =0x40000001\n    bx r1\n", "MemManage: no right to execute"),
    "stack without memory": (BOTH, "    ldr r1, =0x1F000000\n    mov sp, r1\n    svc #0\nsv_call: bx lr\n", "STKERR"),
    "even handler address": (
        BOTH, store(0x20001000 + 44, 0x08000100) + store(0xE000ED08, 0x20001000) + "    svc #0\n", "bit 0 must be set",
    ),
    "breakpoint without debugger": (BOTH, "    bkpt #0\n", "BKPT"),
    "region of 16 bytes": (BOTH, region(0, 0x20000000, 4, READ_WRITE), "the smallest is 32"),
    "region at a wrong multiple": (BOTH, region(0, 0x20000020, 8, READ_WRITE), "no multiple"),
    "subregions of a small region": (BOTH, region(0, 0x20000000, 7, READ_WRITE | 0x100), "subregions"),
    "reserved permission": (BOTH, region(0, 0x20000000, 8, 4 << 24), "AP 4"),
    "reserved bit of a region": (BOTH, region(0, 0x20000000, 8, 1 << 30), "MPU_RASR"),
    "region that is not there": (M4, store(0xE000ED98, 8), "region 8 of 8"),
    "MPU for faults only": (BOTH, store(0xE000ED94, 2), "HFNMIENA"),
    "MPU without anything": (BOTH, store(0xE000ED94, 1), "no region and no background"),
    "MPU: read": (BOTH, region(0, 0x20001000, 12, NO_ACCESS) + MPU_ON + load(0x20001FFC), "MPU: no right to the read"),
    "MPU: write": (BOTH, region(0, 0x20001000, 5, READ_ONLY) + MPU_ON + store(0x20001010, 1), "right to the write"),
    "MPU: push": (
        BOTH, region(0, 0x20001FE0, 5, READ_ONLY) + MPU_ON + "    push {r0}\n", "right to the write",
    ),
    "MPU: execute": (
        BOTH, region(0, 0x08000000, 8, READ_ONLY | NEVER_EXECUTE | NORMAL) + MPU_ON + "    nop\n", "right to execute",
    ),
    "MPU: frame": (
        BOTH, region(0, 0x20001FE0, 5, NO_ACCESS) + MPU_ON + "    svc #0\n    b stop\nsv_call: bx lr\n", "MSTKERR",
    ),
    "MPU: one byte over the border": (
        BOTH, region(0, 0x20001000, 5, NO_ACCESS) + MPU_ON + load(0x20000FFE), "MPU: no right to the read",
    ),
}  # fmt: skip


@pytest.mark.parametrize(
    ("rule", "part"), [(rule, part) for rule, (parts, _, _) in RULES.items() for part in parts],
    ids=lambda value: getattr(value, "name", value),
)  # fmt: skip
def test_a_broken_rule_ends_the_program(execute, rule, part):
    _, program, words = RULES[rule]
    with pytest.raises(ChipError, match=words) as caught:
        execute(program, part)
    assert caught.value.pc is not None


LEGAL = {
    "both halves of the FPU": (BOTH, store(0xE000ED88, 0xF00000) + "    dsb\n    isb\n    vmov.f32 s0, #1.0\n"),
    "reset key without reset": (BOTH, store(0xE000ED0C, 0x05FA0300)),
    "counter of the Cortex-M4": (M4, TRACE + store(0xE0001000, 0x40000001)),
    "counter unlocked": (M7, TRACE + store(0xE0001FB0, 0xC5ACCE55) + store(0xE0001000, 0x40000001)),
    "caches": (
        M7, store(0xE000EF50, 0) + store(0xE000ED14, 0x60200) + INVALIDATED + store(0xE000ED14, 0x70200)
        + store(0xE000EF6C, 0),
    ),
    "a subregion that is off": (BOTH, region(0, 0x20001000, 8, NO_ACCESS | 0x0200) + MPU_ON + load(0x20001020)),
    "the higher region holds": (
        BOTH, region(0, 0x20001000, 12, NO_ACCESS) + region(1, 0x20001000, 8, READ_WRITE | NORMAL) + MPU_ON
        + store(0x20001010, 1),
    ),
    "beside a region": (BOTH, region(0, 0x20001000, 5, NO_ACCESS) + MPU_ON + store(0x20001020, 1) + load(0x20000FFC)),
    "unaligned in RAM": (BOTH, load(0x20000FFE)),
    "unaligned halfword in RAM": (BOTH, load(0x20000FFD, "h")),
}  # fmt: skip


@pytest.mark.parametrize(
    ("case", "part"), [(case, part) for case, (parts, _) in LEGAL.items() for part in parts],
    ids=lambda value: getattr(value, "name", value),
)  # fmt: skip
def test_a_rule_that_is_kept_lets_pass(execute, case, part):
    execute(LEGAL[case][1], part)


def test_external_ram_is_device_memory_until_the_mpu_says_otherwise(execute):
    """0xD0000000 is Device memory by default: no unaligned accesses. A Normal region allows them (nothing is there)."""
    with pytest.raises(ChipError, match="unaligned"):
        execute(load(0xD0000001), H747XI)
    with pytest.raises(ChipError, match="unaligned"):
        execute(region(0, 0xD0000000, 25, READ_WRITE | 1 << 16) + MPU_ON + load(0xD0000001), H747XI)
    with pytest.raises(ChipError, match="where nothing is"):
        execute(region(0, 0xD0000000, 25, READ_WRITE | NORMAL) + MPU_ON + load(0xD0000001), H747XI)


def test_the_mpu_comes_before_the_bus(execute):
    """A guard where no memory is, below a stack: not a BusFault."""
    with pytest.raises(ChipError, match="MPU: no right to the write"):
        execute(region(0, 0x1FFF0000, 16, NO_ACCESS) + MPU_ON + store(0x1FFFFFFC, 1))


MANAGED = """
    ldr r4, =0xE000ED00
    ldr r0, =0x00070000
    str r0, [r4, #0x24]
    movs r7, #0
{program}
    b stop
mem_manage:
    adds r7, #1
    ldr r5, [r4, #0x28]
    ldr r6, [r4, #0x34]
    ldr r0, [sp, #24]
    adds r0, #2
    str r0, [sp, #24]
    ldr r0, =0x82
    str r0, [r4, #0x28]
    ldr r8, [r4, #0x28]
    bx lr
"""


@pytest.mark.parametrize("part", BOTH, ids=lambda part: part.name)
def test_a_violation_is_taken_and_the_program_goes_on(execute, part):
    program = region(0, 0x20001000, 11, READ_ONLY) + MPU_ON + store(0x20001234, 7) + "    ldr r3, [r1]\n"
    registers = execute(MANAGED.format(program=program), part, faults=True).registers
    assert registers[7] == 1
    assert registers[5] == fr.DACCVIOL | 0x80
    assert registers[6] == 0x20001234
    assert registers[8] == 0, "the status bits are cleared by ones"
    assert registers[3] == int.from_bytes(PATTERN, "little"), "the forbidden write did not happen"


@pytest.mark.parametrize(("in_faults", "violations"), [(0, 0), (2, 1)])
def test_faultmask_switches_the_mpu_off_unless_told(execute, in_faults, violations):
    """With HFNMIENA the violation is checked, too: as it cannot be taken at that priority, the core locks up."""
    on = store(0xE000ED94, 5 | in_faults) + "    dsb\n    isb\n    cpsid f\n"
    program = region(0, 0x20001000, 11, NO_ACCESS) + on + load(0x20001000) + "    cpsie f\n"
    if violations:
        with pytest.raises(ChipError, match="lockup"):
            execute(MANAGED.format(program=program), faults=True)
    else:
        assert execute(MANAGED.format(program=program), faults=True).registers[7] == 0


def test_unprivileged_code_has_fewer_rights(execute):
    drop = "    movs r0, #1\n    msr control, r0\n    isb\n"
    code = region(2, 0x08000000, 20, READ_ONLY | NORMAL) + region(0, 0x20000000, 13, READ_WRITE | NORMAL)
    secret = region(1, 0x20001000, 8, PRIVILEGED_ONLY | NORMAL)
    program = code + secret + MPU_ON + load(0x20001000) + drop + load(0x20001000)
    registers = execute(MANAGED.format(program=program), faults=True).registers
    assert registers[7] == 1
    assert registers[6] == 0x20001000
    with pytest.raises(ChipError, match="unprivileged access to a private peripheral"):
        execute(drop + load(0xE000ED00))


def test_ram_does_not_start_with_zeros(execute):
    registers = execute(load(0x20000800)).registers
    assert registers[0] == int.from_bytes(PATTERN, "little") != 0


@pytest.mark.parametrize("part", BOTH, ids=lambda part: part.name)
def test_the_cycle_counter_counts_when_enabled_only(execute, part):
    unlock = store(0xE0001FB0, 0xC5ACCE55) if part is H747XI else ""
    registers = execute(
        TRACE + unlock + "    ldr r1, =0xE0001000\n    ldr r4, [r1, #4]\n    ldr r5, [r1, #4]\n"
        "    ldr r0, =0x40000001\n    str r0, [r1]\n    ldr r6, [r1, #4]\n    nop\n    nop\n    ldr r7, [r1, #4]\n"
        "    ldr r0, =0x40000000\n    str r0, [r1]\n    ldr r8, [r1, #4]\n    nop\n    ldr r9, [r1, #4]\n",
        part,
    ).registers  # fmt: skip
    assert registers[4] == registers[5] == 0
    assert registers[7] - registers[6] == 3
    assert registers[8] == registers[9] > registers[7]


def test_systick_tells_that_it_came_by_zero_once(execute):
    registers = execute("""
    ldr r1, =0xE000E010
    movs r0, #99
    str r0, [r1, #4]
    movs r0, #0
    str r0, [r1, #8]
    movs r0, #5
    str r0, [r1]
    ldr r4, [r1]
    movs r2, #60
wait:
    subs r2, #1
    bne wait
    ldr r5, [r1]
    ldr r6, [r1]
    ldr r7, [r1, #8]
""").registers
    assert registers[4] == 5
    assert registers[5] == 0x10005
    assert registers[6] == 5
    assert 0 < registers[7] < 100
