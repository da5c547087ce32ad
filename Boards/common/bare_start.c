/* SPDX-License-Identifier: Apache-2.0 */
/* Reset of any Cortex-M, M0 to M33, that is described by its part number alone: nothing but the core is touched. The
 * vector table ends with the exceptions of the core; no interrupt of a peripheral is enabled. */
#include "bare_port.h"
#include "board.h"
#include "cortex_m.h"

extern uint32_t __stack_top__[], __data_load__[], __data_start__[], __data_end__[], __bss_start__[], __bss_end__[];

typedef union {
    void (*handler)(void);
    uint32_t *stack;
} vector;

#define VECTOR_COUNT 16

extern const vector vectors[VECTOR_COUNT];
__attribute__((section(".vectors"), used)) const vector vectors[VECTOR_COUNT] = {
    {.stack = __stack_top__},
    {.handler = Reset_Handler},
    {.handler = Fault_Handler}, /* NMI */
    {.handler = Fault_Handler}, /* HardFault, and all that Armv6-M has */
    {.handler = Fault_Handler}, /* MemManage */
    {.handler = Fault_Handler}, /* BusFault */
    {.handler = Fault_Handler}, /* UsageFault */
    {.handler = Fault_Handler}, /* SecureFault */
    {.handler = 0},
    {.handler = 0},
    {.handler = 0},
    {.handler = Fault_Handler}, /* SVCall */
    {.handler = Fault_Handler}, /* DebugMonitor */
    {.handler = 0},
    {.handler = Fault_Handler}, /* PendSV */
    {.handler = SysTick_Handler},
};

static void init_memory(void)
{
    const uint32_t *from = __data_load__;
    for (uint32_t *to = __data_start__; to < __data_end__; to++) {
        *to = *from++;
    }
    for (uint32_t *to = __bss_start__; to < __bss_end__; to++) {
        *to = 0;
    }
}

/* The stack has a limit in hardware on Armv8-M only; elsewhere it is the first thing in its memory, and an overflow
 * leaves that. */
static void limit_stack(void)
{
#if defined(__ARM_ARCH_8M_MAIN__)
    extern uint32_t __stack_limit__[];
    __asm__ volatile("msr msplim, %0" ::"r"(__stack_limit__));
#endif
}

void Reset_Handler(void)
{
    limit_stack();
#if BOARD_HAS_FPU
    SCB_CPACR |= SCB_CPACR_FPU;
    __asm__ volatile("dsb\n\tisb" ::: "memory");
#endif
    init_memory();
    port_init();
    board_exit(app_main());
}

/* libgcc's 64-bit division refers to the unwinder of exceptions, which no C program uses. */
void __aeabi_unwind_cpp_pr0(void);
void __aeabi_unwind_cpp_pr0(void)
{
}
