/* SPDX-License-Identifier: Apache-2.0 */
/* What the sources of columns (ai_k_conv_d8.h) share. */
#ifndef AI_K_COLUMNS_H
#define AI_K_COLUMNS_H

#include "ai_k_arith.h"
#include "ai_k_conv_d8.h"
#include "ai_k_halves.h"

/* A patch with steps outside the image: an array of these numbers. */
enum {
    PART_FIRST,   /* steps outside before the first row's values */
    PART_COUNT,   /* values of a row, contiguous */
    PART_BETWEEN, /* steps outside between the values of two rows */
    PART_LAST,    /* steps outside after the last row's values */
    PART_ROWS,    /* that have values; counted down */
    PART_PITCH,   /* from the end of a row's values to the next row's */
    PART_OUTSIDE, /* value outside, in both halves */
    PART_NUMBERS
};

/* Steps of one of n pixels. part: PART_NUMBERS numbers. */
void ai_k_columns_part(int32_t *columns, const int8_t *from, int32_t *part, int32_t n);

static inline int32_t pair_of(int32_t low, int32_t high)
{
    return (int32_t)halves((uint32_t)low, (uint32_t)high);
}

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
