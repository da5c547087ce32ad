/* SPDX-License-Identifier: Apache-2.0 */
#include "ai_k_dense.h"

#include "ai_k_arith.h"

#if AI_K_DSP
static inline int32_t multiply_word(int32_t sum, uint32_t weights, uint32_t values)
{
    sum = ai_k_dual_mac(ai_k_even_bytes(weights), ai_k_even_bytes(values), sum);
    return ai_k_dual_mac(ai_k_odd_bytes(weights), ai_k_odd_bytes(values), sum);
}
#else
static inline int32_t multiply_word(int32_t sum, uint32_t weights, uint32_t values)
{
    int8_t w[4], v[4];
    memcpy(w, &weights, sizeof w);
    memcpy(v, &values, sizeof v);
    return sum + w[0] * v[0] + w[1] * v[1] + w[2] * v[2] + w[3] * v[3];
}
#endif

/* The last 1 to 3 values as a word, the rest 0. */
static uint32_t load_tail(const int8_t *in, int32_t count)
{
    int8_t tail[4] = {0};
    for (int32_t i = 0; i < count; i++) {
        tail[i] = in[i];
    }
    return ai_k_load_word(tail);
}

static void rows_4(const int8_t *in, const int8_t *weights, int32_t depth, int32_t sums[4])
{
    int32_t s0 = sums[0], s1 = sums[1], s2 = sums[2], s3 = sums[3];
    for (int32_t k = 0; k < depth; k += 4) {
        const uint32_t values = depth - k >= 4 ? ai_k_load_word(in + k) : load_tail(in + k, depth - k);
        s0 = multiply_word(s0, ai_k_load_word(weights), values);
        s1 = multiply_word(s1, ai_k_load_word(weights + 4), values);
        s2 = multiply_word(s2, ai_k_load_word(weights + 8), values);
        s3 = multiply_word(s3, ai_k_load_word(weights + 12), values);
        weights += 16;
    }
    sums[0] = s0;
    sums[1] = s1;
    sums[2] = s2;
    sums[3] = s3;
}

/* One row, whose words are step bytes apart. */
static int32_t row_1(const int8_t *in, const int8_t *weights, int32_t depth, int32_t sum, int32_t step)
{
    for (int32_t k = 0; k < depth; k += 4) {
        const uint32_t values = depth - k >= 4 ? ai_k_load_word(in + k) : load_tail(in + k, depth - k);
        sum = multiply_word(sum, ai_k_load_word(weights), values);
        weights += step;
    }
    return sum;
}

void ai_k_dense_s8(const int8_t *in, const int8_t *weights, const int32_t *bias, const int32_t *multiplier,
                   const int8_t *shift, int8_t *out, int32_t depth, int32_t rows, int32_t per_row, int32_t zero_point,
                   int32_t low, int32_t high)
{
    const int32_t depth4 = (depth + 3) / 4 * 4;
    int32_t row = 0;
    while (row < rows) {
        const int32_t count = rows - row >= 4 ? 4 : 1;
        int32_t sums[4];
        if (count == 4 && !AI_K_IS_SMALL) {
            memcpy(sums, bias + row, sizeof sums);
            rows_4(in, weights, depth, sums);
        } else {
            for (int32_t i = 0; i < count; i++) {
                sums[i] = row_1(in, weights + 4 * i, depth, bias[row + i], 4 * count);
            }
        }
        weights += count * depth4;
        for (int32_t i = 0; i < count; i++, row++) {
            const int32_t entry = per_row ? row : 0;
            const int32_t scaled = ai_k_requantize_once(sums[i], multiplier[entry], shift[entry]) + zero_point;
            out[row] = (int8_t)ai_k_clamp(scaled, low, high);
        }
    }
}
