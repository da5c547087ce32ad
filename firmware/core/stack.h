/* SPDX-License-Identifier: Apache-2.0 */
/* How much stack a call needs, found by painting the unused part before it. */
#ifndef STACK_H
#define STACK_H

#include <stdbool.h>
#include <stdint.h>

#include "board.h"

/* Whether this board can tell (a process of the host cannot). */
#define STACK_IS_MEASURED (!BOARD_HOST)

/* Where the stack is now. Inline: of the caller. */
static inline uintptr_t stack_pointer(void)
{
#if STACK_IS_MEASURED
    uintptr_t sp;
    __asm__ volatile("mov %0, sp" : "=r"(sp));
    return sp;
#else
    return 0;
#endif
}

/* Fills the stack below the caller. */
void stack_paint(void);

/* Bytes below `from` (an earlier stack_pointer()) that were written since stack_paint(). */
uint32_t stack_used(uintptr_t from);

/* Bytes of the whole stack. */
uint32_t stack_size(void);

#endif
