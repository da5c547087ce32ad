/* SPDX-License-Identifier: Apache-2.0 */
#include "stack.h"

#if STACK_IS_MEASURED
#define PAINT 0x5AC3A55Cu

extern uint32_t __stack_limit__[], __stack_top__[];

/* Not inlined, and a leaf: everything below its own stack pointer is free. */
__attribute__((noinline)) void stack_paint(void)
{
    const uintptr_t end = stack_pointer();
    for (volatile uint32_t *word = __stack_limit__; (uintptr_t)word < end; word++) {
        *word = PAINT;
    }
}

uint32_t stack_used(uintptr_t from)
{
    const volatile uint32_t *word = __stack_limit__;
    while ((uintptr_t)word < from && *word == PAINT) {
        word++;
    }
    return (uint32_t)(from - (uintptr_t)word);
}

uint32_t stack_size(void)
{
    return (uint32_t)((uintptr_t)__stack_top__ - (uintptr_t)__stack_limit__);
}
#else
void stack_paint(void)
{
}

uint32_t stack_used(uintptr_t from)
{
    (void)from;
    return 0;
}

uint32_t stack_size(void)
{
    return 0;
}
#endif
