/* SPDX-License-Identifier: Apache-2.0 */
/* Start of a C test on an emulated Cortex-M: standard streams and the exit status go through semihosting. */
#include <stdint.h>
#include <stdlib.h>

extern uint32_t stack_top[];
extern int main(int argc, char **argv);
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
#if defined(__ARM_FP)
    *(volatile uint32_t *)0xe000ed88u |= 0xfu << 20; /* CPACR: the floating-point registers may be used */
    __asm__ volatile("dsb\n isb");
#endif
    initialise_monitor_handles();
    exit(main(0, NULL));
}

typedef union {
    const uint32_t *stack;
    void (*handler)(void);
} vector;

__attribute__((section(".vectors"), used)) static const vector vectors[16] = {
    {.stack = stack_top}, {.handler = reset}, {.handler = fault}, {.handler = fault},
    {.handler = fault},   {.handler = fault}, {.handler = fault},
};
