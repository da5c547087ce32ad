/* SPDX-License-Identifier: Apache-2.0 */
#include "ai_k_arith.h"
#include "ai_k_plain.h"

/* Adds the products of four rows, depth apart. */
static inline void rows_4(const int8_t *in, const int8_t *weights, int32_t depth, int32_t sums[4])
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

static inline int32_t row_1(const int8_t *in, const int8_t *weights, int32_t depth, int32_t sum)
{
    for (int32_t k = 0; k < depth; k++) {
        sum += weights[k] * in[k];
    }
    return sum;
}

void ai_k_dense_plain_s8(const int8_t *in, const int8_t *weights, const int32_t *channels, int8_t *out, int32_t depth,
                         int32_t rows, int32_t zero_point, int32_t low, int32_t high)
{
    while (rows > 0) {
        const int32_t taken = rows >= 4 ? 4 : 1;
        int32_t sums[4] = {channels[0]};
        if (taken == 4) {
            sums[1] = channels[3];
            sums[2] = channels[6];
            sums[3] = channels[9];
            rows_4(in, weights, depth, sums);
        } else {
            sums[0] = row_1(in, weights, depth, sums[0]);
        }
        for (int32_t i = 0; i < taken; i++) {
            const int32_t scaled = ai_k_requantize_once(sums[i], channels[1], channels[2]) + zero_point;
            *out++ = (int8_t)ai_k_clamp(scaled, low, high);
            channels += 3;
        }
        weights += taken * depth;
        rows -= taken;
    }
}
