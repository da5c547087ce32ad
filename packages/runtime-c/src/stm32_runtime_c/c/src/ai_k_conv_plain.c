/* SPDX-License-Identifier: Apache-2.0 */
#include "ai_k_plain_sums.h"

/* Results of one channel for two pixels. A right shift of 1 or more, which nearly all layers have, is rounded as
 * ai_k_round_shift does it without looking at the bits that go: (v - (v < 0) + half) >> bits. */
static inline void finish(int32_t first, int32_t second, const int32_t *channel, const ai_k_plain_window *w,
                          int8_t *out, int32_t out_step)
{
    const int32_t multiplier = channel[1], shift = channel[2];
    int32_t a, b;
    if (shift < 0) {
        const int32_t half = INT32_C(1) << (-shift - 1);
        a = ai_k_mul_high(first, multiplier);
        b = ai_k_mul_high(second, multiplier);
        a = (a + (a >> 31) + half) >> -shift;
        b = (b + (b >> 31) + half) >> -shift;
    } else {
        a = ai_k_requantize(first, multiplier, shift);
        b = ai_k_requantize(second, multiplier, shift);
    }
    out[0] = (int8_t)ai_k_clamp(a + w->zero_point, w->low, w->high);
    out[out_step] = (int8_t)ai_k_clamp(b + w->zero_point, w->low, w->high);
}

void ai_k_conv_plain_s8(const int8_t *first, const int8_t *second, const int32_t *window, const int8_t *weights,
                        const int32_t *channels, int8_t *out, int32_t out_step)
{
    ai_k_plain_window w;
    memcpy(&w, window, sizeof w);
    const int32_t depth = w.row * w.rows;
    for (int32_t left = w.channels; left > 0; left -= 2) {
        /* An odd last channel is computed twice. */
        const int32_t next = left > 1 ? 1 : 0;
        const int8_t *a = weights, *b = weights + next * depth;
        ai_k_plain_block sums = {channels[0], channels[0], channels[3 * next], channels[3 * next]};
        for (int32_t row = 0; row < w.rows; row++) {
            sums = ai_k_plain_run_2x2(sums, first + row * w.pitch, second + row * w.pitch, a, b, w.row);
            a += w.row;
            b += w.row;
        }
        finish(sums.a0, sums.a1, channels, &w, out, out_step);
        finish(sums.b0, sums.b1, channels + 3 * next, &w, out + next, out_step);
        weights += 2 * depth;
        channels += 6;
        out += 2;
    }
}

/* Taps of one kernel row, neighbouring ones together where all channels are taken. */
static void patch_row(int8_t *patch, const int8_t *line, const int32_t *geometry, int32_t column)
{
    const int32_t width = geometry[1], channels = geometry[2], taken = geometry[3], taps = geometry[5];
    for (int32_t tap = 0; tap < taps; tap++) {
        const int32_t at = column + tap * geometry[7];
        if (at >= 0 && at < width) {
            memcpy(patch, line + at * channels, (size_t)taken);
        } else {
            memset(patch, geometry[8], (size_t)taken);
        }
        patch += taken;
    }
}

void ai_k_patch_plain_s8(int8_t *patch, const int8_t *image, const int32_t *geometry, int32_t row, int32_t column)
{
    const int32_t bytes = geometry[3] * geometry[5];
    for (int32_t tap = 0; tap < geometry[4]; tap++) {
        const int32_t at = row + tap * geometry[6];
        if (at >= 0 && at < geometry[0]) {
            patch_row(patch, image + at * geometry[1] * geometry[2], geometry, column);
        } else {
            memset(patch, geometry[8], (size_t)bytes);
        }
        patch += bytes;
    }
}
