/* SPDX-License-Identifier: Apache-2.0 */
/* Sums of products of packed rows (ai_k_dense.h) and a vector, for the sources of such kernels. */
#ifndef AI_K_DENSE_ROWS_H
#define AI_K_DENSE_ROWS_H

#include "ai_k_arith.h"

#if AI_K_DSP
static inline int32_t ai_k_dense_word(int32_t sum, uint32_t weights, uint32_t values)
{
    sum = ai_k_dual_mac(ai_k_even_bytes(weights), ai_k_even_bytes(values), sum);
    return ai_k_dual_mac(ai_k_odd_bytes(weights), ai_k_odd_bytes(values), sum);
}
#else
static inline int32_t ai_k_dense_word(int32_t sum, uint32_t weights, uint32_t values)
{
    int8_t w[4], v[4];
    memcpy(w, &weights, sizeof w);
    memcpy(v, &values, sizeof v);
    return sum + w[0] * v[0] + w[1] * v[1] + w[2] * v[2] + w[3] * v[3];
}
#endif

/* The last 1 to 3 values as a word, the rest 0. */
static inline uint32_t ai_k_dense_tail(const int8_t *in, int32_t count)
{
    int8_t tail[4] = {0};
    for (int32_t i = 0; i < count; i++) {
        tail[i] = in[i];
    }
    return ai_k_load_word(tail);
}

/* sums[r] += row r * in, for four rows. */
static inline void ai_k_dense_rows_4(const int8_t *in, const int8_t *weights, int32_t depth, int32_t sums[4])
{
    int32_t s0 = sums[0], s1 = sums[1], s2 = sums[2], s3 = sums[3];
    const int8_t *const end = in + (depth & ~3);
    for (; in != end; in += 4, weights += 16) {
        const uint32_t values = ai_k_load_word(in);
        s0 = ai_k_dense_word(s0, ai_k_load_word(weights), values);
        s1 = ai_k_dense_word(s1, ai_k_load_word(weights + 4), values);
        s2 = ai_k_dense_word(s2, ai_k_load_word(weights + 8), values);
        s3 = ai_k_dense_word(s3, ai_k_load_word(weights + 12), values);
    }
    if ((depth & 3) != 0) {
        const uint32_t values = ai_k_dense_tail(in, depth & 3);
        s0 = ai_k_dense_word(s0, ai_k_load_word(weights), values);
        s1 = ai_k_dense_word(s1, ai_k_load_word(weights + 4), values);
        s2 = ai_k_dense_word(s2, ai_k_load_word(weights + 8), values);
        s3 = ai_k_dense_word(s3, ai_k_load_word(weights + 12), values);
    }
    sums[0] = s0;
    sums[1] = s1;
    sums[2] = s2;
    sums[3] = s3;
}

/* One row, whose words are step bytes apart. */
static inline int32_t ai_k_dense_row(const int8_t *in, const int8_t *weights, int32_t depth, int32_t sum, int32_t step)
{
    for (int32_t k = 0; k < depth; k += 4) {
        const uint32_t values = depth - k >= 4 ? ai_k_load_word(in + k) : ai_k_dense_tail(in + k, depth - k);
        sum = ai_k_dense_word(sum, ai_k_load_word(weights), values);
        weights += step;
    }
    return sum;
}

#endif
