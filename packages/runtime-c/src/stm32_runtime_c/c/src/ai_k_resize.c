/* SPDX-License-Identifier: Apache-2.0 */
#include "ai_k_pool.h"

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
