/* SPDX-License-Identifier: Apache-2.0 */
/* The sums of ai_k_plain.h, for the sources of its functions. */
#ifndef AI_K_PLAIN_SUMS_H
#define AI_K_PLAIN_SUMS_H

#include "ai_k_arith.h"
#include "ai_k_plain.h"

/* Sums of 2 channels x 2 pixels over one run of values. */
typedef struct {
    int32_t a0, a1, b0, b1; /* channel a or b, pixel 0 or 1 */
} ai_k_plain_block;

static inline ai_k_plain_block ai_k_plain_multiply(ai_k_plain_block s, int32_t a, int32_t b, int32_t x0, int32_t x1)
{
    s.a0 += a * x0;
    s.a1 += a * x1;
    s.b0 += b * x0;
    s.b1 += b * x1;
    return s;
}

static inline ai_k_plain_block ai_k_plain_run_2x2(ai_k_plain_block s, const int8_t *x0, const int8_t *x1,
                                                  const int8_t *a, const int8_t *b, int32_t count)
{
    const int8_t *const end = x0 + (count & ~3);
    while (x0 != end) {
        s = ai_k_plain_multiply(s, a[0], b[0], x0[0], x1[0]);
        s = ai_k_plain_multiply(s, a[1], b[1], x0[1], x1[1]);
        s = ai_k_plain_multiply(s, a[2], b[2], x0[2], x1[2]);
        s = ai_k_plain_multiply(s, a[3], b[3], x0[3], x1[3]);
        x0 += 4;
        x1 += 4;
        a += 4;
        b += 4;
    }
    for (int32_t k = 0; k < (count & 3); k++) {
        s = ai_k_plain_multiply(s, a[k], b[k], x0[k], x1[k]);
    }
    return s;
}

/* Adds the products of four rows, depth apart. */
static inline void ai_k_plain_rows_4(const int8_t *in, const int8_t *weights, int32_t depth, int32_t sums[4])
{
    const int8_t *a = weights, *b = a + depth, *c = b + depth, *d = c + depth;
    const int8_t *const end = in + depth;
    int32_t s0 = sums[0], s1 = sums[1], s2 = sums[2], s3 = sums[3];
    for (; in + 2 <= end; in += 2) {
        s0 += a[0] * in[0];
        s1 += b[0] * in[0];
        s2 += c[0] * in[0];
        s3 += d[0] * in[0];
        s0 += a[1] * in[1];
        s1 += b[1] * in[1];
        s2 += c[1] * in[1];
        s3 += d[1] * in[1];
        a += 2;
        b += 2;
        c += 2;
        d += 2;
    }
    if (in != end) {
        s0 += *a * *in;
        s1 += *b * *in;
        s2 += *c * *in;
        s3 += *d * *in;
    }
    sums[0] = s0;
    sums[1] = s1;
    sums[2] = s2;
    sums[3] = s3;
}

static inline int32_t ai_k_plain_row_1(const int8_t *in, const int8_t *weights, int32_t depth, int32_t sum)
{
    for (int32_t k = 0; k < depth; k++) {
        sum += weights[k] * in[k];
    }
    return sum;
}

/* Four neighbouring channels. */
static inline void ai_k_plain_window_4(const int8_t *x, const int8_t *weights, const ai_k_plain_depthwise *w,
                                       int32_t sums[4])
{
    const int32_t column_step = w->column_step, channels = w->channels, columns = w->columns;
    int32_t s0 = sums[0], s1 = sums[1], s2 = sums[2], s3 = sums[3];
    for (int32_t row = 0; row < w->rows; row++) {
        const int8_t *value = x + row * w->row_step;
        for (int32_t column = columns; column > 0; column--) {
            s0 += value[0] * weights[0];
            s1 += value[1] * weights[1];
            s2 += value[2] * weights[2];
            s3 += value[3] * weights[3];
            value += column_step;
            weights += channels;
        }
    }
    sums[0] = s0;
    sums[1] = s1;
    sums[2] = s2;
    sums[3] = s3;
}

static inline int32_t ai_k_plain_window_1(const int8_t *x, const int8_t *weights, const ai_k_plain_depthwise *w,
                                          int32_t sum)
{
    for (int32_t row = 0; row < w->rows; row++) {
        for (int32_t column = 0; column < w->columns; column++) {
            sum += x[row * w->row_step + column * w->column_step] * *weights;
            weights += w->channels;
        }
    }
    return sum;
}

#endif
