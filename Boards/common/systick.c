/* SPDX-License-Identifier: Apache-2.0 */
/* Time by SysTick (Arm DDI 0403, B3.3), which goes on while the core sleeps. */
#include "systick.h"

#include "board.h"
#include "cortex_m.h"

#define PERIOD_MAX 0x1000000u /* SysTick has 24 bits */
#define PERIOD (BOARD_CLOCK_HZ / 10u > PERIOD_MAX ? PERIOD_MAX : BOARD_CLOCK_HZ / 10u)

static volatile uint64_t clocks_before;

void systick_start(void)
{
    SYST_RVR = PERIOD - 1u;
    SYST_CVR = 0;
    SYST_CSR = SYST_CSR_CLKSOURCE | SYST_CSR_TICKINT | SYST_CSR_ENABLE;
}

void SysTick_Handler(void)
{
    clocks_before += PERIOD;
    counter_extend();
}

/* It counts down and comes by 0 at the end of a period. With interrupts off, a period that has just ended shows as
 * pending. */
uint64_t systick_clocks(void)
{
    uint32_t masked;
    __asm__ volatile("mrs %0, primask\n\tcpsid i" : "=r"(masked)::"memory");
    uint32_t left = SYST_CVR;
    uint64_t before = clocks_before;
    if ((SCB_ICSR & SCB_ICSR_PENDSTSET) != 0) {
        left = SYST_CVR;
        before += PERIOD;
    }
    __asm__ volatile("msr primask, %0" ::"r"(masked) : "memory");
    return before + (PERIOD - left) % PERIOD;
}

uint32_t board_milliseconds(void)
{
    return (uint32_t)(systick_clocks() / (BOARD_CLOCK_HZ / 1000u));
}
