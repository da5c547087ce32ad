/* SPDX-License-Identifier: Apache-2.0 */
#include "ai_k_arith.h"
#include "ai_k_plain.h"

static inline int8_t finish(int32_t sum, const int32_t *channel, const ai_k_plain_depthwise *w)
{
    const int32_t shift = channel[2];
    int32_t value;
    if (shift < 0) { /* ai_k_round_shift for 1 bit or more */
        value = ai_k_mul_high(sum, channel[1]);
        value = (value + (value >> 31) + (INT32_C(1) << (-shift - 1))) >> -shift;
    } else {
        value = ai_k_requantize(sum, channel[1], shift);
    }
    return (int8_t)ai_k_clamp(value + w->zero_point, w->low, w->high);
}

/* Four neighbouring channels. */
static inline void sum_4(const int8_t *x, const int8_t *weights, const ai_k_plain_depthwise *w, int32_t sums[4])
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

static inline int32_t sum_1(const int8_t *x, const int8_t *weights, const ai_k_plain_depthwise *w, int32_t sum)
{
    for (int32_t row = 0; row < w->rows; row++) {
        for (int32_t column = 0; column < w->columns; column++) {
            sum += x[row * w->row_step + column * w->column_step] * *weights;
            weights += w->channels;
        }
    }
    return sum;
}

void ai_k_depthwise_plain_s8(const int8_t *x, const int32_t *window, const int8_t *weights, const int32_t *channels,
                             int8_t *out)
{
    ai_k_plain_depthwise w;
    memcpy(&w, window, sizeof w);
    int32_t channel = 0;
    for (; channel + 4 <= w.channels; channel += 4) {
        int32_t sums[4] = {channels[0], channels[3], channels[6], channels[9]};
        sum_4(x + channel, weights + channel, &w, sums);
        for (int32_t i = 0; i < 4; i++) {
            out[channel + i] = finish(sums[i], channels, &w);
            channels += 3;
        }
    }
    for (; channel < w.channels; channel++) {
        out[channel] = finish(sum_1(x + channel, weights + channel, &w, channels[0]), channels, &w);
        channels += 3;
    }
}
