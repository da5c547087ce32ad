/* SPDX-License-Identifier: Apache-2.0 */
/* The Cortex-M4 of a dual-core STM32H7 starts with the Cortex-M7, at the beginning of flash bank 2, unless the option
 * byte BCM4 is cleared. What it finds there is this: it sleeps, with interrupts off, and touches nothing. */
#include "cortex_m.h"

void second_core_sleep(void);

typedef union {
    void (*handler)(void);
    uint32_t stack;
} vector;

#define STACK_TOP 0x10020000u /* end of SRAM1; nothing is ever pushed */

extern const vector second_core_vectors[2];
__attribute__((section(".second_core"), used)) const vector second_core_vectors[2] = {
    {.stack = STACK_TOP},
    {.handler = second_core_sleep},
};

__attribute__((naked, section(".second_core.code"), used)) void second_core_sleep(void)
{
    __asm__ volatile("cpsid i\n"
                     "1:\n\t"
                     "wfi\n\t"
                     "b 1b");
}
