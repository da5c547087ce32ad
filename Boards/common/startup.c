/* SPDX-License-Identifier: Apache-2.0 */
/* Reset of any Cortex-M: vector table, memory initialisation, then the application. The table ends at the external
 * interrupt of the console's receiver, the only one that these ports enable; without one it ends at SysTick. */
#include "board.h"
#include "cortex_m.h"

extern uint32_t __stack_top__[], __data_load__[], __data_start__[], __data_end__[], __bss_start__[], __bss_end__[];

typedef union {
    void (*handler)(void);
    uint32_t *stack;
} vector;

#ifdef BOARD_CONSOLE_INTERRUPT
#define VECTOR_COUNT (16u + BOARD_CONSOLE_INTERRUPT + 1u)
#else
#define VECTOR_COUNT 16u
#endif

/* VTOR ignores the lower bits of an address: a table of up to 256 words is aligned to as many. */
extern const vector vectors[VECTOR_COUNT];
__attribute__((section(".vectors"), aligned(1024), used)) const vector vectors[VECTOR_COUNT] = {
    {.stack = __stack_top__},
    {.handler = Reset_Handler},
    {.handler = Fault_Handler}, /* NMI */
    {.handler = Fault_Handler}, /* HardFault */
    {.handler = Fault_Handler}, /* MemManage */
    {.handler = Fault_Handler}, /* BusFault */
    {.handler = Fault_Handler}, /* UsageFault */
    {.handler = 0},
    {.handler = 0},
    {.handler = 0},
    {.handler = 0},
    {.handler = Fault_Handler}, /* SVCall */
    {.handler = Fault_Handler}, /* DebugMonitor */
    {.handler = 0},
    {.handler = Fault_Handler}, /* PendSV */
    {.handler = SysTick_Handler},
#ifdef BOARD_CONSOLE_INTERRUPT
    [16u + BOARD_CONSOLE_INTERRUPT] = {.handler = Console_Handler},
#endif
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

void Reset_Handler(void)
{
#if CORE_IS_MAINLINE
    SCB_VTOR = (uint32_t)(uintptr_t)vectors;
    SCB_SHCSR |= SCB_SHCSR_FAULTS;
#endif
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
