/* SPDX-License-Identifier: Apache-2.0 */
/* Start on an emulated MPS2 board: files and the exit status go through semihosting. */
#include <stdint.h>
#include <stdlib.h>

extern uint32_t stack_top[];
extern int main(void);
extern void initialise_monitor_handles(void);

void reset(void);
void fault(void);

/* Status 99: a fault, so that a crash never looks like a pass. */
void fault(void)
{
    _Exit(99);
}

void reset(void)
{
#ifdef __ARM_FP
    volatile uint32_t *const cpacr = (volatile uint32_t *)0xE000ED88u;
    *cpacr |= 0xFu << 20; /* full access to the floating-point unit */
    __asm__ volatile("dsb\n\tisb");
#endif
    initialise_monitor_handles();
    exit(main());
}

typedef union {
    const uint32_t *stack;
    void (*handler)(void);
} vector;

__attribute__((section(".vectors"), used)) static const vector vectors[16] = {
    {.stack = stack_top}, {.handler = reset}, {.handler = fault}, {.handler = fault},
    {.handler = fault},   {.handler = fault}, {.handler = fault},
};
