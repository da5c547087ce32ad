/* SPDX-License-Identifier: Apache-2.0 */
/* The counter of emulated MPS2 boards: both halves of the CMSDK dual timer (Arm DDI 0479, chapter 4.2). One counts
 * every clock, the other every 256th, together 40 bits: 12 hours at 25 MHz, and no interrupt, which would show up in
 * counts and in the painted stack. With QEMU's -icount shift=0 one instruction takes one nanosecond of virtual time, so
 * a clock is a fixed number of instructions (25 MHz: 40), run after run. */
#include "board.h"
#include "cmsdk_counter.h"
#include "cortex_m.h"

#define TIMER_FINE 0x40002000u
#define TIMER_COARSE 0x40002020u
#define TIMER_LOAD(base) REG32((base) + 0x00u)
#define TIMER_VALUE(base) REG32((base) + 0x04u)
#define TIMER_CONTROL(base) REG32((base) + 0x08u)

#define CONTROL_32BIT (1u << 1)
#define CONTROL_DIVIDE_256 (2u << 2)
#define CONTROL_ENABLE (1u << 7)

#define COARSE_LOG2 8u
#define PERIOD ((uint64_t)1 << 40)

static uint64_t periods, last;

void cmsdk_counter_start(void)
{
    TIMER_LOAD(TIMER_FINE) = UINT32_MAX;
    TIMER_LOAD(TIMER_COARSE) = UINT32_MAX;
    TIMER_CONTROL(TIMER_FINE) = CONTROL_ENABLE | CONTROL_32BIT;
    TIMER_CONTROL(TIMER_COARSE) = CONTROL_ENABLE | CONTROL_32BIT | CONTROL_DIVIDE_256;
}

/* The coarse timer tells roughly; the fine one, whose upper bits it lacks, corrects it by its distance. */
static uint64_t ticks(void)
{
    const uint64_t rough = (uint64_t)~TIMER_VALUE(TIMER_COARSE) << COARSE_LOG2;
    const uint32_t fine = ~TIMER_VALUE(TIMER_FINE);
    const int32_t distance = (int32_t)(fine - (uint32_t)rough);
    const uint64_t within = (rough + (uint64_t)(int64_t)distance) % PERIOD;
    if (within < last) {
        periods++;
    }
    last = within;
    return periods * PERIOD + within;
}

uint64_t board_counter(void)
{
    return ticks() * BOARD_COUNTER_STEP;
}

uint32_t board_milliseconds(void)
{
    return (uint32_t)(ticks() / (BOARD_CLOCK_HZ / 1000u));
}
