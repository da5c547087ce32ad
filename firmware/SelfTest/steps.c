/* SPDX-License-Identifier: Apache-2.0 */
#include "steps.h"

#include "board.h"

static void add_step(counter_steps *found, uint32_t step)
{
    if (found->smallest == 0 || step < found->smallest) {
        found->smallest = step;
    }
    if (step > found->largest) {
        found->largest = step;
    }
}

counter_steps counter_read_many(uint32_t reads)
{
    counter_steps found = {0, 0, 0};
    uint64_t last = board_counter();
    while (reads-- != 0) {
        const uint64_t next = board_counter();
        if (next < last) {
            found.backwards++;
        } else if (next > last) {
            add_step(&found, next - last > UINT32_MAX ? UINT32_MAX : (uint32_t)(next - last));
        }
        last = next;
    }
    return found;
}

/* The empty asm keeps the turns. */
uint64_t counter_loop(uint32_t turns)
{
    const uint64_t start = board_counter();
    while (turns-- != 0) {
        __asm__ volatile("");
    }
    return board_counter() - start;
}
