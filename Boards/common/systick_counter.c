/* SPDX-License-Identifier: Apache-2.0 */
/* The counter of emulated boards. Their SysTick runs at BOARD_CLOCK_HZ of virtual time, and with QEMU's -icount shift=0
 * one instruction takes one nanosecond of it: a tick is a fixed number of instructions (25 MHz: 40), run after run. */
#include "board.h"
#include "cortex_m.h"
#include "systick_counter.h"

#define PERIOD 0x1000000u

static volatile uint32_t periods;

void SysTick_Handler(void)
{
    periods++;
}

void systick_start(void)
{
    SYST_RVR = PERIOD - 1u;
    SYST_CVR = 0;
    SYST_CSR = SYST_CSR_CLKSOURCE | SYST_CSR_TICKINT | SYST_CSR_ENABLE;
}

/* The interrupt comes as the value reaches 0, so 0 belongs to the period that begins. Read again if one came between.
 */
static uint64_t ticks(void)
{
    uint32_t whole, value;
    do {
        whole = periods;
        value = SYST_CVR;
    } while (whole != periods);
    return (uint64_t)whole * PERIOD + (value == 0 ? 0 : PERIOD - value);
}

uint64_t board_counter(void)
{
    return ticks() * BOARD_COUNTER_STEP;
}

uint32_t board_milliseconds(void)
{
    return (uint32_t)(ticks() / (BOARD_CLOCK_HZ / 1000u));
}
