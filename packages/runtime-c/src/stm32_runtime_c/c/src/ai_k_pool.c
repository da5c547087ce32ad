/* SPDX-License-Identifier: Apache-2.0 */
#include "ai_k_pool.h"

#include "ai_k_arith.h"

enum { MOST_LANES = 255 }; /* values of 8 bits that a sum of 16 bits holds */

#if AI_K_DSP
/* Both halfwords of sums plus the even bytes (0 and 2) of word. */
static inline uint32_t add_even(uint32_t sums, uint32_t word)
{
    uint32_t result;
    __asm__("sxtab16 %0, %1, %2" : "=r"(result) : "r"(sums), "r"(word));
    return result;
}

/* The odd bytes (1 and 3). */
static inline uint32_t add_odd(uint32_t sums, uint32_t word)
{
    uint32_t result;
    __asm__("sxtab16 %0, %1, %2, ror #8" : "=r"(result) : "r"(sums), "r"(word));
    return result;
}

/* Adds count pixels of four channels to the lanes: even[channel / 2] and odd[channel / 2]. */
static inline void add_row(const int8_t *pixel, int32_t count, int32_t channels, uint32_t *even, uint32_t *odd)
{
    uint32_t e = *even, o = *odd;
    for (; count >= 2; count -= 2) {
        const uint32_t first = ai_k_load_word(pixel), second = ai_k_load_word(pixel + channels);
        pixel += 2 * channels;
        e = add_even(e, first);
        o = add_odd(o, first);
        e = add_even(e, second);
        o = add_odd(o, second);
    }
    if (count != 0) {
        const uint32_t word = ai_k_load_word(pixel);
        e = add_even(e, word);
        o = add_odd(o, word);
    }
    *even = e;
    *odd = o;
}

/* sums[i] += values of channel i, i = 0 .. 3 */
static void sum_4(const int8_t *in, int32_t rows, int32_t columns, int32_t row_stride, int32_t channels,
                  int32_t sums[4])
{
    for (int32_t row = 0; row < rows; row++) {
        for (int32_t column = 0; column < columns; column += MOST_LANES) {
            const int32_t rest = columns - column;
            uint32_t even = 0, odd = 0;
            add_row(in + row * row_stride + column * channels, rest < MOST_LANES ? rest : MOST_LANES, channels, &even,
                    &odd);
            sums[0] += (int16_t)(uint16_t)even;
            sums[1] += (int16_t)(uint16_t)odd;
            sums[2] += (int32_t)even >> 16;
            sums[3] += (int32_t)odd >> 16;
        }
    }
}

/* (low half * factor + 2^29) >> 30, limited to 8 bits */
static inline int32_t scale_low(uint32_t sums, int32_t factor)
{
    int32_t result;
    __asm__("smlawb %0, %1, %2, %3\n\tssat %0, #8, %0, asr #14" : "=&r"(result) : "r"(factor), "r"(sums), "r"(1 << 13));
    return result;
}

static inline int32_t scale_high(uint32_t sums, int32_t factor)
{
    int32_t result;
    __asm__("smlawt %0, %1, %2, %3\n\tssat %0, #8, %0, asr #14" : "=&r"(result) : "r"(factor), "r"(sums), "r"(1 << 13));
    return result;
}
#else
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
#endif

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

/* A word of four times the byte. */
static inline uint32_t every_byte(int32_t value)
{
    return ((uint32_t)value & 255u) * 0x01010101u;
}

#if AI_K_DSP
/* The greater of each pair of signed bytes. */
static inline uint32_t max_word(uint32_t a, uint32_t b)
{
    uint32_t result;
    __asm__("ssub8 %0, %1, %2\n\tsel %0, %1, %2" : "=&r"(result) : "r"(a), "r"(b) : "cc");
    return result;
}

/* The smaller one. */
static inline uint32_t min_word(uint32_t a, uint32_t b)
{
    uint32_t result;
    __asm__("ssub8 %0, %1, %2\n\tsel %0, %2, %1" : "=&r"(result) : "r"(a), "r"(b) : "cc");
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

static inline uint32_t min_word(uint32_t a, uint32_t b)
{
    return ~max_word(~a, ~b);
}
#endif

/* Four channels from the given one on, any window. */
static void average_4(const int8_t *in, int8_t *out, int32_t rows, int32_t columns, int32_t row_stride,
                      int32_t channels, int32_t low, int32_t high)
{
    int32_t sums[4];
    for (int32_t i = 0; i < 4; i++) {
        sums[i] = 0;
    }
    sum_4(in, rows, columns, row_stride, channels, sums);
    for (int32_t i = 0; i < 4; i++) {
        out[i] = average(sums[i], rows * columns, low, high);
    }
}

#if AI_K_DSP
/* The same for up to MOST_LANES pixels; factor is a little above 2^30 / (rows * columns), so that ties go away from
 * zero. */
static inline void average_lanes(const int8_t *in, int8_t *out, int32_t rows, int32_t columns, int32_t row_stride,
                                 int32_t channels, int32_t factor, const uint32_t bounds[2])
{
    uint32_t even = 0, odd = 0;
    do {
        add_row(in, columns, channels, &even, &odd);
        in += row_stride;
    } while (--rows != 0);
    const uint32_t first = (uint32_t)scale_low(even, factor), second = (uint32_t)scale_low(odd, factor);
    const uint32_t third = (uint32_t)scale_high(even, factor), fourth = (uint32_t)scale_high(odd, factor);
    uint32_t word = (first & 255u) | (second & 255u) << 8 | (third & 255u) << 16 | fourth << 24;
    word = min_word(max_word(word, bounds[0]), bounds[1]);
    memcpy(out, &word, sizeof word);
}
#endif

void ai_k_average_pool_s8(const int8_t *in, int8_t *out, int32_t rows, int32_t columns, int32_t row_stride,
                          int32_t channels, int32_t low, int32_t high)
{
    const int32_t count = rows * columns, fours = AI_K_IS_SMALL ? 0 : channels; /* the rest is taken one by one */
    int32_t channel = 0;
#if AI_K_DSP
    if (count <= MOST_LANES && fours > 0) {
        const uint32_t bounds[2] = {every_byte(low), every_byte(high)};
        const int32_t factor = (int32_t)((UINT32_C(1) << 30) / (uint32_t)count) + 1;
        for (; channel + 4 <= fours; channel += 4) {
            average_lanes(in + channel, out + channel, rows, columns, row_stride, channels, factor, bounds);
        }
    }
#endif
    for (; channel + 4 <= fours; channel += 4) {
        average_4(in + channel, out + channel, rows, columns, row_stride, channels, low, high);
    }
    for (; channel < channels; channel++) {
        out[channel] = average(sum_1(in + channel, rows, columns, row_stride, channels), count, low, high);
    }
}

/* The greatest values of four channels, within the bytes of low and high. */
static inline void max_4(const int8_t *in, int8_t *out, int32_t rows, int32_t columns, int32_t row_stride,
                         int32_t channels, const uint32_t bounds[2])
{
    uint32_t best = bounds[0];
    do {
        const int8_t *pixel = in;
        int32_t column = columns;
        for (; column >= 2; column -= 2) {
            const uint32_t first = ai_k_load_word(pixel), second = ai_k_load_word(pixel + channels);
            pixel += 2 * channels;
            best = max_word(max_word(best, first), second);
        }
        if (column != 0) {
            best = max_word(best, ai_k_load_word(pixel));
        }
        in += row_stride;
    } while (--rows != 0);
    best = min_word(best, bounds[1]);
    memcpy(out, &best, sizeof best);
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
    const uint32_t bounds[2] = {every_byte(low), every_byte(high)};
    int32_t channel = 0;
    for (; channel + 4 <= channels; channel += 4) {
        max_4(in + channel, out + channel, rows, columns, row_stride, channels, bounds);
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
