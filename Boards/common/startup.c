/* SPDX-License-Identifier: Apache-2.0 */
/* Reset of a Cortex-M with a hardware FPU or none: vector table, memory initialisation, then the application.
 * The table ends at external interrupt 0, the only one that these ports enable (the console's receiver). */
#include "board.h"
#include "cortex_m.h"

extern uint32_t __stack_top__[], __data_load__[], __data_start__[], __data_end__[], __bss_start__[], __bss_end__[];

typedef union {
    void (*handler)(void);
    uint32_t *stack;
} vector;

#define VECTOR_COUNT 17

extern const vector vectors[VECTOR_COUNT];
__attribute__((section(".vectors"), used)) const vector vectors[VECTOR_COUNT] = {
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
    {.handler = Console_Handler},
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
    SCB_SHCSR |= SCB_SHCSR_FAULTS;
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
