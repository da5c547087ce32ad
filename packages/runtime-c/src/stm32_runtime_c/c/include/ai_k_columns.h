/* SPDX-License-Identifier: Apache-2.0 */
/* What the sources of columns (ai_k_conv_d8.h) share. */
#ifndef AI_K_COLUMNS_H
#define AI_K_COLUMNS_H

#include "ai_k_arith.h"
#include "ai_k_conv_d8.h"
#include "ai_k_halves.h"

/* Contiguous values of one of n pixels; returns the end of their steps. */
static inline int32_t *ai_k_widen_row(int32_t *columns, const int8_t *values, int32_t count, int32_t n)
{
    for (; count >= 4; count -= 4, values += 4, columns += 2 * n) {
        const uint32_t word = ai_k_load_word(values);
        columns[0] = (int32_t)even(word);
        columns[n] = (int32_t)odd(word);
    }
    if (count == 3) {
        columns[0] = (int32_t)halves((uint32_t)values[0], (uint32_t)values[2]);
        columns[n] = (int32_t)halves((uint32_t)values[1], 0);
        return columns + 2 * n;
    }
    if (count == 0) {
        return columns;
    }
    columns[0] = count == 1 ? values[0] : (int32_t)halves((uint32_t)values[0], (uint32_t)values[1]);
    return columns + n;
}

#endif
