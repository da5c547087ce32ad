/* SPDX-License-Identifier: Apache-2.0 */
#include "ai_k_arith.h"
#include "ai_k_depthwise.h"

/* Sum of one channel's window that starts at (row, column). */
static int32_t window_sum(const int8_t *x, const int8_t *weights, const ai_k_depthwise_sizes *s, int32_t row,
                          int32_t column)
{
    const int32_t outputs = s->channels * s->multiplier;
    int32_t sum = 0;
    for (int32_t i = 0; i < s->rows; i++, row += s->row_dilation) {
        if (row < 0 || row >= s->height) {
            continue;
        }
        for (int32_t j = 0, at = column; j < s->columns; j++, at += s->column_dilation) {
            if (at >= 0 && at < s->width) {
                const int32_t value = x[(row * s->width + at) * s->channels] - s->input_zero_point;
                sum += value * weights[(i * s->columns + j) * outputs];
            }
        }
    }
    return sum;
}

void ai_k_depthwise_pixel_s8(const int8_t *x, const int8_t *weights, const int32_t *bias, const int32_t *multiplier,
                             const int8_t *shift, int8_t *out, const int32_t *sizes, int32_t row, int32_t column)
{
    const ai_k_depthwise_sizes *s = (const ai_k_depthwise_sizes *)(const void *)sizes;
    int32_t i = 0;
    for (int32_t channel = 0; channel < s->channels; channel++) {
        for (int32_t m = 0; m < s->multiplier; m++, i++) {
            const int32_t sum = window_sum(x + channel, weights + i, s, row, column) + bias[i];
            const int32_t value = ai_k_requantize(sum, multiplier[i], shift[i]) + s->zero_point;
            out[i] = (int8_t)ai_k_clamp(value, -128, 127);
        }
    }
}
