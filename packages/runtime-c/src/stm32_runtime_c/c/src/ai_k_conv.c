/* SPDX-License-Identifier: Apache-2.0 */
#include "ai_k_conv.h"

#include "ai_k_arith.h"

static inline int32_t position(int32_t k, int32_t pixel)
{
    return 4 * (k / 2) + 2 * pixel + k % 2;
}

void ai_k_widen_s8(int16_t *columns, int32_t k, int32_t pixel, const int8_t *values, int32_t count)
{
    int32_t i = 0;
#if AI_K_DSP
    if (k % 2 == 0) {
        int16_t *to = columns + position(k, pixel);
        for (; i + 4 <= count; i += 4) {
            const uint32_t word = ai_k_load_word(values + i);
            const uint32_t even = ai_k_even_bytes(word);
            const uint32_t odd = ai_k_odd_bytes(word);
            const uint32_t first = (even & 0xffffu) | (odd << 16);
            const uint32_t second = (even >> 16) | (odd & 0xffff0000u);
            memcpy(to, &first, sizeof first);
            memcpy(to + 4, &second, sizeof second);
            to += 8;
        }
    }
#endif
    for (; i < count; i++) {
        columns[position(k + i, pixel)] = values[i];
    }
}

void ai_k_fill_s8(int16_t *columns, int32_t k, int32_t pixel, int32_t value, int32_t count)
{
    for (int32_t i = 0; i < count; i++) {
        columns[position(k + i, pixel)] = (int16_t)value;
    }
}

#if AI_K_DSP
static inline uint32_t column_pair(const int16_t *from)
{
    uint32_t pair;
    memcpy(&pair, from, sizeof pair);
    return pair;
}

/* sum += the four products of one weight word with four neighbouring column values of one pixel. */
static inline int32_t multiply_word(int32_t sum, uint32_t weights, const int16_t *columns)
{
    sum = ai_k_dual_mac(ai_k_even_bytes(weights), column_pair(columns), sum);
    return ai_k_dual_mac(ai_k_odd_bytes(weights), column_pair(columns + 4), sum);
}
#else
static inline int32_t multiply_word(int32_t sum, uint32_t weights, const int16_t *columns)
{
    int8_t w[4];
    memcpy(w, &weights, sizeof w);
    return sum + w[0] * columns[0] + w[2] * columns[1] + w[1] * columns[4] + w[3] * columns[5];
}
#endif

/* 4 channels x 2 pixels; columns of both pixels. */
static void block_4x2(const int16_t *columns, const int8_t *weights, int32_t words, int32_t sums[8])
{
    int32_t a0 = sums[0], a1 = sums[1], a2 = sums[2], a3 = sums[3];
    int32_t b0 = sums[0], b1 = sums[1], b2 = sums[2], b3 = sums[3];
    for (int32_t i = 0; i < words; i++) {
        const uint32_t w0 = ai_k_load_word(weights), w1 = ai_k_load_word(weights + 4);
        a0 = multiply_word(a0, w0, columns);
        b0 = multiply_word(b0, w0, columns + 2);
        a1 = multiply_word(a1, w1, columns);
        b1 = multiply_word(b1, w1, columns + 2);
        const uint32_t w2 = ai_k_load_word(weights + 8), w3 = ai_k_load_word(weights + 12);
        a2 = multiply_word(a2, w2, columns);
        b2 = multiply_word(b2, w2, columns + 2);
        a3 = multiply_word(a3, w3, columns);
        b3 = multiply_word(b3, w3, columns + 2);
        weights += 16;
        columns += 8;
    }
    sums[0] = a0;
    sums[1] = a1;
    sums[2] = a2;
    sums[3] = a3;
    sums[4] = b0;
    sums[5] = b1;
    sums[6] = b2;
    sums[7] = b3;
}

static void block_1x2(const int16_t *columns, const int8_t *weights, int32_t words, int32_t sums[2])
{
    int32_t a = sums[0], b = sums[0];
    for (int32_t i = 0; i < words; i++) {
        const uint32_t w = ai_k_load_word(weights);
        a = multiply_word(a, w, columns);
        b = multiply_word(b, w, columns + 2);
        weights += 4;
        columns += 8;
    }
    sums[0] = a;
    sums[1] = b;
}

void ai_k_conv_s8(const int16_t *columns, const int8_t *weights, const int32_t *bias, const int32_t *multiplier,
                  const int8_t *shift, int8_t *out, int32_t out_stride, int32_t pixels, int32_t depth4,
                  int32_t channels, int32_t zero_point, int32_t low, int32_t high)
{
    const int32_t words = depth4 / 4;
    int32_t channel = 0;
    while (channel < channels) {
        const int32_t rows = channels - channel >= 4 ? 4 : 1;
        int32_t sums[8] = {bias[channel]};
        if (rows == 4) {
            sums[1] = bias[channel + 1];
            sums[2] = bias[channel + 2];
            sums[3] = bias[channel + 3];
            block_4x2(columns, weights, words, sums);
        } else {
            block_1x2(columns, weights, words, sums);
        }
        weights += rows * depth4;
        for (int32_t row = 0; row < rows; row++, channel++) {
            for (int32_t pixel = 0; pixel < pixels; pixel++) {
                const int32_t scaled =
                    ai_k_requantize(sums[pixel * rows + row], multiplier[channel], shift[channel]) + zero_point;
                out[pixel * out_stride + channel] = (int8_t)ai_k_clamp(scaled, low, high);
            }
        }
    }
}
