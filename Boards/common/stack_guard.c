/* SPDX-License-Identifier: Apache-2.0 */
/* A region without access below the stack (Arm DDI 0403, B3.5), so that an overflow faults where nothing else would:
 * QEMU ignores accesses to many addresses without memory. The stack is the first thing in its memory (linker script).
 */
#include "stack_guard.h"

#include "cortex_m.h"

#define MPU_CTRL REG32(0xE000ED94u)
#define MPU_RNR REG32(0xE000ED98u)
#define MPU_RBAR REG32(0xE000ED9Cu)
#define MPU_RASR REG32(0xE000EDA0u)

#define CTRL_ENABLE 1u
#define CTRL_DEFAULT_MAP 4u
#define RASR_ENABLE 1u
#define RASR_NO_EXECUTE (1u << 28)
#define GUARD_LOG2 16u /* 64 KB: larger than any frame; its address is a multiple of its size */

extern uint32_t __stack_limit__[];

void stack_guard_start(void)
{
    MPU_RNR = 0;
    MPU_RBAR = (uint32_t)(uintptr_t)__stack_limit__ - (1u << GUARD_LOG2);
    MPU_RASR = RASR_NO_EXECUTE | (GUARD_LOG2 - 1u) << 1 | RASR_ENABLE;
    MPU_CTRL = CTRL_ENABLE | CTRL_DEFAULT_MAP;
    __asm__ volatile("dsb\n\tisb" ::: "memory");
}
