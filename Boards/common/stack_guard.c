/* SPDX-License-Identifier: Apache-2.0 */
/* A region without access below the stack (Arm DDI 0403, B3.5), so that an overflow faults where nothing else would:
 * QEMU ignores accesses to many addresses without memory. The stack is the first thing in its memory (linker script).
 */
#include "stack_guard.h"

#include "mpu.h"

#define GUARD_LOG2 16u /* 64 KB: larger than any frame; its address is a multiple of its size */

extern uint32_t __stack_limit__[];

void stack_guard_start(void)
{
    const uint32_t base = (uint32_t)(uintptr_t)__stack_limit__ - (1u << GUARD_LOG2);
    mpu_region(0, base, MPU_RASR_NO_EXECUTE | MPU_RASR_SIZE(GUARD_LOG2));
    MPU_CTRL = MPU_CTRL_ENABLE | MPU_CTRL_PRIVDEFENA;
    __asm__ volatile("dsb\n\tisb" ::: "memory");
}
