/* SPDX-License-Identifier: Apache-2.0 */
/* Port of a chip without a board, Cortex-M0 to M33: the clock stays as reset leaves it, there is no console, SysTick
 * counts cycles. Nothing but the core is touched. */
#include "bare_port.h"

#include "board.h"
#include "cortex_m.h"

#define COUNTER_PERIOD ((uint32_t)1 << 24)
#define CYCLES_PER_MILLISECOND (BOARD_CLOCK_HZ / 1000u)
#define FRAME_PC 6u /* words from the stack pointer to the pc that an exception saved */
#define FRAME_WORDS 8u

extern uint32_t __stack_limit__[], __stack_top__[];

volatile bare_state board_state;

static volatile uint32_t periods;

/* Armv8-M checks the stack in hardware; elsewhere the stack is the first thing in its memory, and an overflow leaves
 * that. A Cortex-M0+ may come out of a boot loader with a table of its own; a Cortex-M0 ignores the write. */
static void prepare_core(void)
{
#if defined(__ARM_ARCH_8M_MAIN__)
    __asm__ volatile("msr msplim, %0" ::"r"(__stack_limit__));
#endif
#if !CORE_IS_MAINLINE
    extern const uint32_t vectors[];
    SCB_VTOR = (uint32_t)(uintptr_t)vectors;
#endif
}

void port_init(void)
{
    prepare_core();
    SYST_RVR = COUNTER_PERIOD - 1u;
    SYST_CVR = 0;
    SYST_CSR = SYST_CSR_CLKSOURCE | SYST_CSR_TICKINT | SYST_CSR_ENABLE;
    board_state.phase = BARE_RUNNING;
}

void SysTick_Handler(void)
{
    periods++;
}

/* Read again if a period ended in between: the value belongs to the count on both sides of it. SysTick counts down and
 * interrupts as it reaches 0, so 0 is the beginning of a period. */
uint64_t board_counter(void)
{
    uint32_t before, value;
    do {
        before = periods;
        value = SYST_CVR;
    } while (before != periods);
    return (uint64_t)before * COUNTER_PERIOD + (COUNTER_PERIOD - value) % COUNTER_PERIOD;
}

uint32_t board_milliseconds(void)
{
    return (uint32_t)(board_counter() / CYCLES_PER_MILLISECOND);
}

void board_console_write(const uint8_t *data, size_t size)
{
    (void)data;
    (void)size;
}

int board_console_read(void)
{
    return -1;
}

void board_idle(void)
{
}

const char *board_caches(void)
{
    return "none";
}

uint32_t board_device_id(void)
{
    return BOARD_DEVICE_ID;
}

void board_exit(int status)
{
    board_state.status = status;
    board_state.phase = BARE_ENDED;
    for (;;) {
    }
}

/* Called by Fault_Handler with the stack pointer at its entry, on a stack of its own. */
void bare_fault(const uint32_t *frame, uint32_t exception);
void bare_fault(const uint32_t *frame, uint32_t exception)
{
    if (frame >= __stack_limit__ && frame + FRAME_WORDS <= __stack_top__) {
        board_state.pc = frame[FRAME_PC];
    }
    board_state.exception = exception;
    board_state.status = BOARD_EXIT_FAULT;
    board_state.phase = BARE_FAULT;
    for (;;) {
    }
}

/* The program's stack may be used up: the report has one of its own. */
#define FAULT_STACK_WORDS 16 /* as in the assembly below: 64 bytes */
uint32_t fault_stack[FAULT_STACK_WORDS] __attribute__((aligned(8)));

__attribute__((naked)) void Fault_Handler(void)
{
#if defined(__ARM_ARCH_8M_MAIN__)
    __asm__ volatile("movs r0, #0\n\tmsr msplim, r0");
#endif
    __asm__ volatile("mrs r0, msp\n\t"
                     "mrs r1, ipsr\n\t"
                     "ldr r2, =fault_stack + 64\n\t"
                     "mov sp, r2\n\t"
                     "ldr r2, =bare_fault\n\t"
                     "bx r2\n\t"
                     ".ltorg");
}
