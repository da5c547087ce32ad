/* SPDX-License-Identifier: Apache-2.0 */
/* The counter of an emulated chip: QEMU's cycle counter stays 0, its SysTick counts virtual time, of which -icount
 * shift=0 gives one nanosecond to an instruction. So nanoseconds are instructions, to a SysTick clock exactly. */
#include "board.h"
#include "cortex_m.h"
#include "counter.h"

#define PERIOD 0x1000000u /* clocks between two interrupts; SysTick has 24 bits */
#define CLOCK_MHZ (BOARD_CLOCK_HZ / 1000000u)

static volatile uint64_t counted;

const char *counter_start(void)
{
    SYST_RVR = PERIOD - 1u;
    SYST_CVR = 0;
    SYST_CSR = SYST_CSR_CLKSOURCE | SYST_CSR_TICKINT | SYST_CSR_ENABLE;
    return NULL;
}

void SysTick_Handler(void)
{
    counted += PERIOD;
}

/* With interrupts off, a period that has just ended shows as pending. */
static uint64_t clocks(void)
{
    uint32_t masked;
    __asm__ volatile("mrs %0, primask\n\tcpsid i" : "=r"(masked)::"memory");
    uint32_t left = SYST_CVR;
    uint64_t before = counted;
    if ((SCB_ICSR & SCB_ICSR_PENDSTSET) != 0) {
        left = SYST_CVR;
        before += PERIOD;
    }
    __asm__ volatile("msr primask, %0" ::"r"(masked) : "memory");
    return before + (PERIOD - left) % PERIOD;
}

uint64_t board_counter(void)
{
    return clocks() * 1000u / CLOCK_MHZ;
}

uint32_t board_milliseconds(void)
{
    return (uint32_t)(clocks() / (BOARD_CLOCK_HZ / 1000u));
}
