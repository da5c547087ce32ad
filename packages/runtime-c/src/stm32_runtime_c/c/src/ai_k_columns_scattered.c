/* SPDX-License-Identifier: Apache-2.0 */
/* Patches of any kind, tap by tap: those whose taps are apart, or with long rows of a depth that is no multiple of 4
 * (ai_k_conv_d8.h). */
#include <stddef.h>

#include "ai_k_columns.h"

/* One kernel row, value by value: at is the place in the row of a tap's first value. */
AI_K_SELDOM static void place(int32_t *columns, const int8_t *values, int32_t zero_point, int32_t at, int32_t count,
                              int32_t total, int32_t n)
{
    for (int32_t i = 0; i < count; i++) {
        const int32_t k = at + i, left = total - k / 4 * 4;
        const int32_t value = values == NULL ? zero_point : values[i];
        const int32_t step = left == 2 ? 0 : k % 2, half = left == 2 ? k % 2 : k % 4 / 2;
        int32_t *const word = columns + n * (k / 4 * 2 + step);
        *word = half == 0 ? pair_of(value, value) : pair_of(*word, value);
    }
}

/* One kernel row inside the image whose taps may be outside or apart. */
AI_K_SELDOM static void scattered_row(int32_t *columns, const int8_t *row, const int32_t *patch, int32_t column,
                                      int32_t n)
{
    const int32_t depth = patch[AI_K_DEPTH], taps = patch[AI_K_TAPS], zero_point = patch[AI_K_ZERO_POINT];
    for (int32_t tap = 0; tap < taps; tap++, column += patch[AI_K_TAP_DILATION]) {
        const int inside = column >= 0 && column < patch[AI_K_WIDTH];
        const int8_t *const values = inside ? row + column * patch[AI_K_CHANNELS] : row;
        if (depth % 4 != 0) {
            place(columns, inside ? values : NULL, zero_point, tap * depth, depth, taps * depth, n);
        } else {
            int32_t part[PART_NUMBERS] = {inside ? 0 : depth / 2,         depth, 0, 0, inside, 0,
                                          pair_of(zero_point, zero_point)};
            ai_k_columns_part(columns + tap * depth / 2 * n, values, part, n);
        }
    }
}

void ai_k_columns_scattered_s8(int32_t *columns, int32_t pixels, const int8_t *image, const int32_t *patch, int32_t row,
                               int32_t column)
{
    const int32_t depth = patch[AI_K_DEPTH], taps = patch[AI_K_TAPS], zero_point = patch[AI_K_ZERO_POINT];
    const int whole = depth % 4 == 0 || (column >= 0 && column + taps <= patch[AI_K_WIDTH]);
    if (whole && depth == patch[AI_K_CHANNELS] && patch[AI_K_TAP_DILATION] == 1) {
        ai_k_columns_clipped_s8(columns, pixels, image, patch, row, column);
        return;
    }
    const int32_t steps = AI_K_STEPS(taps * depth);
    for (int32_t i = 0; i < patch[AI_K_ROWS]; i++, row += patch[AI_K_ROW_DILATION]) {
        if (row < 0 || row >= patch[AI_K_HEIGHT]) {
            int32_t part[PART_NUMBERS] = {steps, 0, 0, 0, 0, 0, pair_of(zero_point, zero_point)};
            ai_k_columns_part(columns, image, part, pixels);
        } else {
            scattered_row(columns, image + row * patch[AI_K_WIDTH] * patch[AI_K_CHANNELS], patch, column, pixels);
        }
        columns += pixels * steps;
    }
}
