/* SPDX-License-Identifier: Apache-2.0 */
#include "ai_k_plain_sums.h"

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

void ai_k_depthwise_plain_s8(const int8_t *x, const int32_t *window, const int8_t *weights, const int32_t *channels,
                             int8_t *out)
{
    ai_k_plain_depthwise w;
    memcpy(&w, window, sizeof w);
    int32_t channel = 0;
    for (; channel + 4 <= w.channels; channel += 4) {
        int32_t sums[4] = {channels[0], channels[3], channels[6], channels[9]};
        ai_k_plain_window_4(x + channel, weights + channel, &w, sums);
        for (int32_t i = 0; i < 4; i++) {
            out[channel + i] = finish(sums[i], channels, &w);
            channels += 3;
        }
    }
    for (; channel < w.channels; channel++) {
        out[channel] = finish(ai_k_plain_window_1(x + channel, weights + channel, &w, channels[0]), channels, &w);
        channels += 3;
    }
}
