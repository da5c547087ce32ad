/* SPDX-License-Identifier: Apache-2.0 */
#include "ai_k_columns.h"

/* sum + the halves of a that ones has. */
static inline int32_t counted(int32_t a, int32_t ones, int32_t sum)
{
#if AI_K_DSP
    return ai_k_dual_mac((uint32_t)a, (uint32_t)ones, sum);
#else
    const int32_t low = (int16_t)(uint16_t)((uint32_t)a & 0xffffu), high = a >> 16;
    return sum + ((ones & 1) != 0 ? low : 0) + ((ones >> 16) != 0 ? high : 0);
#endif
}

void ai_k_columns_total_s8(int32_t *columns, const int32_t *ones, int32_t steps, int32_t totals)
{
    const int32_t *from = columns;
    int32_t *to = columns + 2 * steps;
    for (; totals > 0; totals--) {
        const int32_t part = steps < AI_K_TOTAL_STEPS ? steps : AI_K_TOTAL_STEPS;
        int32_t first = 0, second = 0;
        for (int32_t i = 0; i < part; i++) {
            first = counted(from[0], ones[i], first);
            second = counted(from[1], ones[i], second);
            from += 2;
        }
        to[0] = pair_of(first, first);
        to[1] = pair_of(second, second);
        to += 2;
        ones += part;
        steps -= part;
    }
}
