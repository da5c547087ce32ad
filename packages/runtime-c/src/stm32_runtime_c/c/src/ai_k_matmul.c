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
    uint32_t pair;
    memcpy(&pair, from, sizeof pair);
    return pair;
}
#endif

/* sum + 4 values, given as two pairs, times 4 elements of a column; in C, the pairs are what SXTB16 makes. */
#if AI_K_DSP
static inline int32_t multiply(int32_t sum, uint32_t even, uint32_t odd, const int16_t *column)
{
    return ai_k_dual_mac(odd, load_pair(column + 2), ai_k_dual_mac(even, load_pair(column), sum));
}
#else
static inline uint32_t ai_k_even_bytes(uint32_t word)
{
    return (uint32_t)(uint16_t)(int8_t)(uint8_t)word | (uint32_t)(uint16_t)(int8_t)(uint8_t)(word >> 16) << 16;
}

static inline uint32_t ai_k_odd_bytes(uint32_t word)
{
    return ai_k_even_bytes(word >> 8);
}

static inline int32_t multiply(int32_t sum, uint32_t even, uint32_t odd, const int16_t *column)
{
    sum += (int16_t)(uint16_t)even * column[0] + (int16_t)(uint16_t)(even >> 16) * column[1];
    return sum + (int16_t)(uint16_t)odd * column[2] + (int16_t)(uint16_t)(odd >> 16) * column[3];
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

/* A row of a times the 4 columns of a block. */
static void row_4(const int8_t *a, const int16_t *block, int32_t depth, int32_t sums[COLUMNS])
{
    int32_t s0 = sums[0], s1 = sums[1], s2 = sums[2], s3 = sums[3];
    for (int32_t k = 0; k < depth; k += GROUP, block += WORDS) {
        const uint32_t values = depth - k >= GROUP ? ai_k_load_word(a + k) : load_tail(a + k, depth - k);
        const uint32_t even = ai_k_even_bytes(values), odd = ai_k_odd_bytes(values);
        s0 = multiply(s0, even, odd, block);
        s1 = multiply(s1, even, odd, block + GROUP);
        s2 = multiply(s2, even, odd, block + 2 * GROUP);
        s3 = multiply(s3, even, odd, block + 3 * GROUP);
    }
    sums[0] = s0;
    sums[1] = s1;
    sums[2] = s2;
    sums[3] = s3;
}

void ai_k_matmul_s8(const int8_t *a, const int16_t *block, const int32_t *bias, int8_t *y, int32_t rows, int32_t depth,
                    int32_t columns, int32_t y_step, int32_t multiplier, int32_t shift, int32_t zero_point)
{
    for (int32_t m = 0; m < rows; m++, a += depth, y += y_step) {
        int32_t sums[COLUMNS] = {bias[0], bias[1], bias[2], bias[3]};
        row_4(a, block, depth, sums);
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

/* sum + 4 values times 4 elements of a column. */
#if AI_K_DSP
static inline int64_t multiply_wide(int64_t sum, const int16_t *values, const int16_t *column)
{
    __asm__("smlald %Q0, %R0, %1, %2" : "+r"(sum) : "r"(load_pair(values)), "r"(load_pair(column)));
    __asm__("smlald %Q0, %R0, %1, %2" : "+r"(sum) : "r"(load_pair(values + 2)), "r"(load_pair(column + 2)));
    return sum;
}
#else
static inline int64_t multiply_wide(int64_t sum, const int16_t *values, const int16_t *column)
{
    for (int32_t i = 0; i < GROUP; i++) {
        sum += (int32_t)values[i] * column[i];
    }
    return sum;
}
#endif

/* A row of a times two columns of a block. */
static void row_2_wide(const int16_t *a, const int16_t *block, int32_t depth, int64_t sums[2])
{
    int64_t s0 = 0, s1 = 0;
    for (int32_t k = depth / GROUP; k > 0; k--, a += GROUP, block += WORDS) {
        s0 = multiply_wide(s0, a, block);
        s1 = multiply_wide(s1, a, block + GROUP);
    }
    if (depth % GROUP != 0) {
        int16_t tail[GROUP] = {0};
        for (int32_t i = 0; i < depth % GROUP; i++) {
            tail[i] = a[i];
        }
        s0 = multiply_wide(s0, tail, block);
        s1 = multiply_wide(s1, tail, block + GROUP);
    }
    sums[0] = s0;
    sums[1] = s1;
}

void ai_k_matmul_s16(const int16_t *a, const int16_t *block, int16_t *y, int32_t rows, int32_t depth, int32_t columns,
                     int32_t y_step, int32_t multiplier, int32_t shift)
{
    for (int32_t m = 0; m < rows; m++, a += depth, y += y_step) {
        int64_t sums[COLUMNS];
        row_2_wide(a, block, depth, sums);
        row_2_wide(a, block + 2 * GROUP, depth, sums + 2);
        for (int32_t n = 0; n < columns; n++) {
            const int32_t scaled = ai_k_requantize_64(sums[n], multiplier, shift);
            y[n] = (int16_t)ai_k_clamp(scaled, INT16_MIN, INT16_MAX);
        }
    }
}
