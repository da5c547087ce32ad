/* SPDX-License-Identifier: Apache-2.0 */
#include "ai_k_matmul.h"

#include "ai_k_arith.h"

enum { GROUP = 4, COLUMNS = 4, WORDS = GROUP * COLUMNS };

static const uint8_t place[GROUP] = {0, 2, 1, 3};

void ai_k_matmul_block_s8(int16_t *block, int32_t *bias, const int8_t *from, int32_t depth, int32_t row_step,
                          int32_t column_step, int32_t columns, int32_t left_zero_point, int32_t right_zero_point)
{
    for (int32_t n = 0; n < COLUMNS; n++) {
        int16_t *to = block + GROUP * n;
        const int8_t *column = from + n * column_step;
        const int32_t count = n < columns ? depth : 0;
        int32_t sum = 0;
        for (int32_t k = 0; k < depth; k += GROUP, to += WORDS) {
            for (int32_t i = 0; i < GROUP; i++) {
                const int32_t value = k + i < count ? column[(k + i) * row_step] - right_zero_point : 0;
                to[place[i]] = (int16_t)value;
                sum += value;
            }
        }
        bias[n] = (int32_t)(0u - (uint32_t)left_zero_point * (uint32_t)sum);
    }
}

#if AI_K_DSP
static inline uint32_t load_pair(const int16_t *from)
{
    uint32_t word;
    memcpy(&word, from, sizeof word);
    return word;
}

/* 4 values times 4 columns. */
static inline void multiply(int32_t sums[COLUMNS], uint32_t values, const int16_t *block)
{
    const uint32_t even = ai_k_even_bytes(values), odd = ai_k_odd_bytes(values);
    for (int32_t n = 0; n < COLUMNS; n++) {
        sums[n] = ai_k_dual_mac(even, load_pair(block + GROUP * n), sums[n]);
        sums[n] = ai_k_dual_mac(odd, load_pair(block + GROUP * n + 2), sums[n]);
    }
}
#else
static inline void multiply(int32_t sums[COLUMNS], uint32_t values, const int16_t *block)
{
    int8_t v[GROUP];
    memcpy(v, &values, sizeof v);
    for (int32_t n = 0; n < COLUMNS; n++) {
        const int16_t *column = block + GROUP * n;
        sums[n] += v[0] * column[0] + v[2] * column[1] + v[1] * column[2] + v[3] * column[3];
    }
}
#endif

/* The last 1 to 3 values as a word, the rest 0. */
static uint32_t load_tail(const int8_t *from, int32_t count)
{
    int8_t tail[GROUP] = {0};
    for (int32_t i = 0; i < count; i++) {
        tail[i] = from[i];
    }
    return ai_k_load_word(tail);
}

void ai_k_matmul_s8(const int8_t *a, const int16_t *block, const int32_t *bias, int8_t *y, int32_t rows, int32_t depth,
                    int32_t columns, int32_t y_step, int32_t multiplier, int32_t shift, int32_t zero_point)
{
    const int32_t whole = depth / GROUP * GROUP;
    for (int32_t m = 0; m < rows; m++, a += depth, y += y_step) {
        int32_t sums[COLUMNS] = {bias[0], bias[1], bias[2], bias[3]};
        for (int32_t k = 0; k < whole; k += GROUP) {
            multiply(sums, ai_k_load_word(a + k), block + COLUMNS * k);
        }
        if (whole < depth) {
            multiply(sums, load_tail(a + whole, depth - whole), block + COLUMNS * whole);
        }
        for (int32_t n = 0; n < columns; n++) {
            y[n] = (int8_t)ai_k_clamp(ai_k_requantize(sums[n], multiplier, shift) + zero_point, -128, 127);
        }
    }
}

void ai_k_matmul_block_s16(int16_t *block, const int16_t *from, int32_t depth, int32_t row_step, int32_t column_step,
                           int32_t columns)
{
    for (int32_t n = 0; n < COLUMNS; n++) {
        int16_t *to = block + GROUP * n;
        const int16_t *column = from + n * column_step;
        const int32_t count = n < columns ? depth : 0;
        for (int32_t k = 0; k < depth; k += GROUP, to += WORDS) {
            for (int32_t i = 0; i < GROUP; i++) {
                to[i] = (int16_t)(k + i < count ? column[(k + i) * row_step] : 0);
            }
        }
    }
}

void ai_k_matmul_s16(const int16_t *a, const int16_t *block, int16_t *y, int32_t rows, int32_t depth, int32_t columns,
                     int32_t y_step, int32_t multiplier, int32_t shift)
{
    for (int32_t m = 0; m < rows; m++, a += depth, y += y_step) {
        int64_t sums[COLUMNS] = {0};
        for (int32_t k = 0; k < depth; k++) {
            const int16_t *partners = block + WORDS * (k / GROUP) + k % GROUP;
            sums[0] += a[k] * partners[0];
            sums[1] += a[k] * partners[GROUP];
            sums[2] += a[k] * partners[2 * GROUP];
            sums[3] += a[k] * partners[3 * GROUP];
        }
        for (int32_t n = 0; n < columns; n++) {
            const int32_t scaled = ai_k_requantize_64(sums[n], multiplier, shift);
            y[n] = (int16_t)ai_k_clamp(scaled, INT16_MIN, INT16_MAX);
        }
    }
}
