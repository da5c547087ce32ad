/* SPDX-License-Identifier: Apache-2.0 */
#include "ai_k_pool.h"

#include "ai_k_arith.h"

/* sums[i] += values of channel i, i = 0 .. 3 */
static void sum_4(const int8_t *in, int32_t rows, int32_t columns, int32_t row_stride, int32_t channels,
                  int32_t sums[4])
{
    int32_t s0 = sums[0], s1 = sums[1], s2 = sums[2], s3 = sums[3];
    for (int32_t row = 0; row < rows; row++) {
        const int8_t *pixel = in + row * row_stride;
        for (int32_t column = 0; column < columns; column++) {
            s0 += pixel[0];
            s1 += pixel[1];
            s2 += pixel[2];
            s3 += pixel[3];
            pixel += channels;
        }
    }
    sums[0] = s0;
    sums[1] = s1;
    sums[2] = s2;
    sums[3] = s3;
}

static int32_t sum_1(const int8_t *in, int32_t rows, int32_t columns, int32_t row_stride, int32_t channels)
{
    int32_t sum = 0;
    for (int32_t row = 0; row < rows; row++) {
        const int8_t *pixel = in + row * row_stride;
        for (int32_t column = 0; column < columns; column++) {
            sum += *pixel;
            pixel += channels;
        }
    }
    return sum;
}

static inline int8_t average(int32_t sum, int32_t count, int32_t low, int32_t high)
{
    const int32_t half = count / 2;
    return (int8_t)ai_k_clamp((sum > 0 ? sum + half : sum - half) / count, low, high);
}

void ai_k_average_pool_s8(const int8_t *in, int8_t *out, int32_t rows, int32_t columns, int32_t row_stride,
                          int32_t channels, int32_t low, int32_t high)
{
    const int32_t count = rows * columns;
    int32_t channel = 0;
    for (; channel + 4 <= channels; channel += 4) {
        int32_t sums[4] = {0};
        sum_4(in + channel, rows, columns, row_stride, channels, sums);
        for (int32_t i = 0; i < 4; i++) {
            out[channel + i] = average(sums[i], count, low, high);
        }
    }
    for (; channel < channels; channel++) {
        out[channel] = average(sum_1(in + channel, rows, columns, row_stride, channels), count, low, high);
    }
}

#if AI_K_DSP
/* The greater of each pair of signed bytes. */
static inline uint32_t max_word(uint32_t a, uint32_t b)
{
    uint32_t result;
    __asm__("ssub8 %0, %1, %2\n\tsel %0, %1, %2" : "=&r"(result) : "r"(a), "r"(b) : "cc");
    return result;
}
#else
static inline uint32_t max_word(uint32_t a, uint32_t b)
{
    int8_t left[4], right[4];
    uint32_t result;
    memcpy(left, &a, sizeof left);
    memcpy(right, &b, sizeof right);
    for (int32_t i = 0; i < 4; i++) {
        left[i] = left[i] > right[i] ? left[i] : right[i];
    }
    memcpy(&result, left, sizeof result);
    return result;
}
#endif

static void max_4(const int8_t *in, int32_t rows, int32_t columns, int32_t row_stride, int32_t channels,
                  int8_t greatest[4])
{
    uint32_t best = ai_k_load_word(in);
    for (int32_t row = 0; row < rows; row++) {
        const int8_t *pixel = in + row * row_stride;
        for (int32_t column = 0; column < columns; column++) {
            best = max_word(best, ai_k_load_word(pixel));
            pixel += channels;
        }
    }
    memcpy(greatest, &best, sizeof best);
}

static int32_t max_1(const int8_t *in, int32_t rows, int32_t columns, int32_t row_stride, int32_t channels)
{
    int32_t best = *in;
    for (int32_t row = 0; row < rows; row++) {
        const int8_t *pixel = in + row * row_stride;
        for (int32_t column = 0; column < columns; column++) {
            best = best > *pixel ? best : *pixel;
            pixel += channels;
        }
    }
    return best;
}

void ai_k_max_pool_s8(const int8_t *in, int8_t *out, int32_t rows, int32_t columns, int32_t row_stride,
                      int32_t channels, int32_t low, int32_t high)
{
    int32_t channel = 0;
    for (; channel + 4 <= channels; channel += 4) {
        int8_t greatest[4];
        max_4(in + channel, rows, columns, row_stride, channels, greatest);
        for (int32_t i = 0; i < 4; i++) {
            out[channel + i] = (int8_t)ai_k_clamp(greatest[i], low, high);
        }
    }
    for (; channel < channels; channel++) {
        const int32_t greatest = max_1(in + channel, rows, columns, row_stride, channels);
        out[channel] = (int8_t)ai_k_clamp(greatest, low, high);
    }
}

void ai_k_mean_s8(const int8_t *in, int8_t *out, int32_t count, int32_t channels, int32_t offset, int32_t multiplier,
                  int32_t shift, int32_t zero_point)
{
    int32_t channel = 0;
    while (channel < channels) {
        const int32_t taken = channels - channel >= 4 ? 4 : 1;
        int32_t sums[4] = {offset, offset, offset, offset};
        if (taken == 4) {
            sum_4(in + channel, 1, count, 0, channels, sums);
        } else {
            sums[0] += sum_1(in + channel, 1, count, 0, channels);
        }
        for (int32_t i = 0; i < taken; i++, channel++) {
            const int32_t scaled = ai_k_requantize(sums[i], multiplier, shift) + zero_point;
            out[channel] = (int8_t)ai_k_clamp(scaled, -128, 127);
        }
    }
}
