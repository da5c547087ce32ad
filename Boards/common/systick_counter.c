/* SPDX-License-Identifier: Apache-2.0 */
/* The counter of an emulated chip: QEMU's cycle counter stays 0, its SysTick counts virtual time, of which -icount
 * shift=0 gives one nanosecond to an instruction. So nanoseconds are instructions, to a SysTick clock exactly. */
#include "board.h"
#include "counter.h"
#include "systick.h"

#define CLOCK_MHZ (BOARD_CLOCK_HZ / 1000000u)

const char *counter_start(void)
{
    systick_start();
    return NULL;
}

void counter_extend(void)
{
}

uint64_t board_counter(void)
{
    return systick_clocks() * 1000u / CLOCK_MHZ;
}
