/* SPDX-License-Identifier: Apache-2.0 */
#include "ai_k_pool.h"

/* value / 2^20, halves away from zero. */
static inline int32_t unscaled(int64_t value)
{
    const int64_t one = INT64_C(1) << 20, half = one / 2;
    return (int32_t)((value > 0 ? value + half : value - half) / one);
}

void ai_k_resize_bilinear_s16(const int16_t *top, const int16_t *bottom, int16_t *out, const int16_t *columns,
                              int32_t width, int32_t channels, int32_t fraction)
{
    const int32_t one = 1024;
    for (int32_t pixel = 0; pixel < width; pixel++) {
        const int32_t left = columns[0] * channels, right = columns[1] * channels, part = columns[2];
        for (int32_t c = 0; c < channels; c++) {
            const int32_t above = top[left + c] * (one - part) + top[right + c] * part;
            const int32_t below = bottom[left + c] * (one - part) + bottom[right + c] * part;
            out[c] = (int16_t)unscaled((int64_t)above * (one - fraction) + (int64_t)below * fraction);
        }
        out += channels;
        columns += 3;
    }
}

/* a * b, rounded to float: volatile, so that no compiler fuses it with a sum. */
static inline float product(float a, float b)
{
    const volatile float rounded = a * b;
    return rounded;
}

void ai_k_resize_bilinear_u8(const int8_t *top, const int8_t *bottom, int8_t *out, const int16_t *columns,
                             const float *weights, int32_t width, int32_t channels, float first, float second)
{
    for (int32_t pixel = 0; pixel < width; pixel++) {
        const int32_t left = columns[0] * channels, right = columns[1] * channels;
        for (int32_t c = 0; c < channels; c++) {
            const float top_left = product((float)(top[left + c] + 128), first);
            const float bottom_left = product((float)(bottom[left + c] + 128), second);
            const float top_right = product((float)(top[right + c] + 128), first);
            const float bottom_right = product((float)(bottom[right + c] + 128), second);
            const float lefts = product(top_left, weights[0]) + product(bottom_left, weights[0]);
            const float sum = lefts + product(top_right, weights[1]) + product(bottom_right, weights[1]);
            out[c] = (int8_t)((int32_t)(sum + 0.5f) - 128);
        }
        out += channels;
        columns += 2;
        weights += 2;
    }
}

void ai_k_resize_bilinear_s8(const int8_t *top, const int8_t *bottom, int8_t *out, const int16_t *columns,
                             int32_t width, int32_t channels, int32_t fraction)
{
    const int32_t one = 1024, half = one * one / 2;
    for (int32_t pixel = 0; pixel < width; pixel++) {
        const int32_t left = columns[0] * channels, right = columns[1] * channels;
        const int32_t weight_10 = (one - columns[2]) * fraction, weight_11 = columns[2] * fraction;
        const int32_t weight_00 = (one - columns[2]) * one - weight_10, weight_01 = columns[2] * one - weight_11;
        for (int32_t c = 0; c < channels; c++) {
            const int32_t sum = top[left + c] * weight_00 + top[right + c] * weight_01 + bottom[left + c] * weight_10 +
                                bottom[right + c] * weight_11;
            out[c] = (int8_t)((sum > 0 ? sum + half : sum - half) / (one * one));
        }
        out += channels;
        columns += 3;
    }
}
