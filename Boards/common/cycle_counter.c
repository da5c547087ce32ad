/* SPDX-License-Identifier: Apache-2.0 */
/* The counter of a chip: the core's cycle counter (Arm DDI 0403, C1.8), 32 bits wide, extended to 64 by SysTick. Its
 * interrupt comes long before the 32 bits wrap (10.7 s at 400 MHz) and takes some 60 cycles: less than 0.001 % of the
 * time. On the stack it adds one exception frame. The counter may stand still while the core sleeps. */
#include "board.h"
#include "cortex_m.h"
#include "counter.h"
#include "systick.h"

#define START_TURNS 1000u

/* The count when SysTick last came. */
static volatile uint64_t counted;

/* Only SysTick writes `counted`: two equal reads have not been torn by it. */
static uint64_t last_count(void)
{
    uint64_t count;
    do {
        count = counted;
    } while (count != counted);
    return count;
}

void counter_extend(void)
{
    const uint64_t count = counted;
    counted = count + (uint32_t)(DWT_CYCCNT - (uint32_t)count);
}

const char *counter_start(void)
{
    SCB_DEMCR |= SCB_DEMCR_TRCENA;
    DWT_CYCCNT = 0;
    DWT_CTRL |= DWT_CTRL_CYCCNTENA;
    systick_start();
    const uint32_t start = DWT_CYCCNT;
    for (uint32_t turn = 0; turn < START_TURNS; turn++) {
        if (DWT_CYCCNT != start) {
            return NULL;
        }
    }
    return "the cycle counter does not count (DWT_CTRL.CYCCNTENA)";
}

uint64_t board_counter(void)
{
    const uint64_t count = last_count();
    return count + (uint32_t)(DWT_CYCCNT - (uint32_t)count);
}
