# SPDX-License-Identifier: Apache-2.0
"""WFI, WFE and lines that stay asserted on the emulated core (DDI 0403, B1.5)."""

from __future__ import annotations

from .chip.bus import Peripheral


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
