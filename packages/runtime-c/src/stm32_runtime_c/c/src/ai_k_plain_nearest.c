/* SPDX-License-Identifier: Apache-2.0 */
/* The functions of ai_k_plain.h that scale in float32. */
#include "ai_k_plain_sums.h"

enum { CHANNEL = 3 }; /* words: bias, float32, 0 */

/* One result. */
static inline int8_t scaled(int32_t sum, const int32_t *channel, int32_t zero_point, int32_t low, int32_t high)
{
    float scale;
    memcpy(&scale, channel + 1, sizeof scale);
    return (int8_t)ai_k_clamp(ai_k_scale_nearest(sum, scale) + zero_point, low, high);
}

void ai_k_conv_nearest_s8(const int8_t *first, const int8_t *second, const int32_t *window, const int8_t *weights,
                          const int32_t *channels, int8_t *out, int32_t out_step)
{
    ai_k_plain_window w;
    memcpy(&w, window, sizeof w);
    const int32_t depth = w.row * w.rows;
    for (int32_t left = w.channels; left > 0; left -= 2) {
        /* An odd last channel is computed twice. */
        const int32_t next = left > 1 ? 1 : 0;
        const int8_t *a = weights, *b = weights + next * depth;
        const int32_t *const other = channels + CHANNEL * next;
        ai_k_plain_block sums = {channels[0], channels[0], other[0], other[0]};
        for (int32_t row = 0; row < w.rows; row++) {
            sums = ai_k_plain_run_2x2(sums, first + row * w.pitch, second + row * w.pitch, a, b, w.row);
            a += w.row;
            b += w.row;
        }
        out[0] = scaled(sums.a0, channels, w.zero_point, w.low, w.high);
        out[out_step] = scaled(sums.a1, channels, w.zero_point, w.low, w.high);
        out[next] = scaled(sums.b0, other, w.zero_point, w.low, w.high);
        out[next + out_step] = scaled(sums.b1, other, w.zero_point, w.low, w.high);
        weights += 2 * depth;
        channels += 2 * CHANNEL;
        out += 2;
    }
}

void ai_k_depthwise_nearest_s8(const int8_t *x, const int32_t *window, const int8_t *weights, const int32_t *channels,
                               int8_t *out)
{
    ai_k_plain_depthwise w;
    memcpy(&w, window, sizeof w);
    int32_t channel = 0;
    for (; channel + 4 <= w.channels; channel += 4) {
        int32_t sums[4] = {channels[0], channels[CHANNEL], channels[2 * CHANNEL], channels[3 * CHANNEL]};
        ai_k_plain_window_4(x + channel, weights + channel, &w, sums);
        for (int32_t i = 0; i < 4; i++) {
            out[channel + i] = scaled(sums[i], channels, w.zero_point, w.low, w.high);
            channels += CHANNEL;
        }
    }
    for (; channel < w.channels; channel++) {
        const int32_t sum = ai_k_plain_window_1(x + channel, weights + channel, &w, channels[0]);
        out[channel] = scaled(sum, channels, w.zero_point, w.low, w.high);
        channels += CHANNEL;
    }
}

void ai_k_dense_nearest_s8(const int8_t *in, const int8_t *weights, const int32_t *channels, int8_t *out, int32_t depth,
                           int32_t rows, int32_t zero_point, int32_t low, int32_t high)
{
    while (rows > 0) {
        const int32_t taken = rows >= 4 ? 4 : 1;
        int32_t sums[4] = {channels[0]};
        if (taken == 4) {
            sums[1] = channels[CHANNEL];
            sums[2] = channels[2 * CHANNEL];
            sums[3] = channels[3 * CHANNEL];
            ai_k_plain_rows_4(in, weights, depth, sums);
        } else {
            sums[0] = ai_k_plain_row_1(in, weights, depth, sums[0]);
        }
        for (int32_t i = 0; i < taken; i++) {
            *out++ = scaled(sums[i], channels, zero_point, low, high);
            channels += CHANNEL;
        }
        weights += taken * depth;
        rows -= taken;
    }
}
