/* SPDX-License-Identifier: Apache-2.0 */
#include "ai_k_s16.h"

#include <math.h>

#include "ai_k_arith.h"

enum { LAST = 255, ROUND_UP_10 = 1 << 9, ONE_BY_25 = 1 << 25, HALF_BY_23 = 1 << 23, ROUND_UP_8 = 1 << 7 };

static inline int32_t position(int32_t value, int32_t multiplier, int32_t shift)
{
    const int32_t half = shift > 0 ? (int32_t)(UINT32_C(1) << (uint32_t)(shift - 1)) : 0;
    return (value * multiplier + half) >> shift;
}

static inline uint32_t magnitude(int32_t value)
{
    return value < 0 ? 0u - (uint32_t)value : (uint32_t)value;
}

/* The table's value at a distance, times 2^bits; at its end and beyond: above. */
static inline int32_t interpolated(const uint16_t *sigmoid, uint32_t distance, uint32_t bits, int32_t above)
{
    const uint32_t index = distance >> bits;
    if (index >= LAST) {
        return above;
    }
    const uint32_t first = sigmoid[index], rise = sigmoid[index + 1u] - first;
    return (int32_t)((first << bits) + (distance & ((1u << bits) - 1u)) * rise);
}

void ai_k_logistic_s16(const int16_t *in, int16_t *out, int32_t count, const uint16_t *sigmoid, int32_t multiplier,
                       int32_t shift)
{
    for (int32_t i = 0; i < count; i++) {
        const int32_t at = position(in[i], multiplier, shift);
        const int32_t value = interpolated(sigmoid, magnitude(at), 9u, INT16_MAX << 10);
        const int32_t sum = at >= 0 ? value + ROUND_UP_10 : ONE_BY_25 - value + ROUND_UP_10 - 1;
        out[i] = (int16_t)(sum >> 10);
    }
}

void ai_k_tanh_s16(const int16_t *in, int16_t *out, int32_t count, const uint16_t *sigmoid, int32_t multiplier,
                   int32_t shift)
{
    for (int32_t i = 0; i < count; i++) {
        const int32_t at = position(in[i], multiplier, shift);
        const int32_t value = interpolated(sigmoid, magnitude(at), 8u, UINT16_MAX << 8);
        const int32_t sum = at >= 0 ? value - HALF_BY_23 + ROUND_UP_8 : HALF_BY_23 - value + ROUND_UP_8 - 1;
        out[i] = (int16_t)(sum >> 8);
    }
}

/* Entries are 128 steps apart. */
static inline int32_t table_value(const int16_t *table, int32_t value)
{
    const int16_t *const entry = table + 256 + (value >> 7);
    return entry[0] + (((entry[1] - entry[0]) * (value & 127) + 64) >> 7);
}

void ai_k_table_s16(const int16_t *in, const int16_t *table, int16_t *out, int32_t count)
{
    for (int32_t i = 0; i < count; i++) {
        const int16_t *const entry = table + 256 + (in[i] >> 7);
        const int16_t slope = (int16_t)(entry[1] - entry[0]);
        out[i] = (int16_t)(entry[0] + ((slope * (in[i] & 127) + 64) >> 7));
    }
}

void ai_k_sqrt_s16(const int16_t *in, int16_t *out, int32_t count, float from, float to)
{
    for (int32_t i = 0; i < count; i++) {
        const float value = in[i] > 0 ? sqrtf((float)in[i] * from) / to : 0.0f;
        out[i] = value < 32767.0f ? (int16_t)value : INT16_MAX;
    }
}

static inline uint32_t leading_zeros(uint32_t value)
{
    uint32_t zeros = 0;
    while ((value & 0x80000000u) == 0u && zeros < 32u) {
        value <<= 1;
        zeros++;
    }
    return zeros;
}

static int32_t greatest(const int16_t *in, int32_t count)
{
    int32_t result = in[0];
    for (int32_t i = 1; i < count; i++) {
        result = in[i] > result ? in[i] : result;
    }
    return result;
}

/* out = exp of the row, Q0.15; gives the sum. */
static uint32_t exponentials(const int16_t *in, int16_t *out, int32_t depth, const int16_t *exps, int32_t multiplier,
                             int32_t shift)
{
    const int32_t most = greatest(in, depth);
    uint32_t sum = 0;
    for (int32_t i = 0; i < depth; i++) {
        const int32_t scaled = ai_k_requantize(in[i] - most, multiplier, shift);
        const int32_t value = table_value(exps, scaled < INT16_MIN - INT16_MAX ? INT16_MIN : scaled + INT16_MAX);
        out[i] = (int16_t)value;
        sum += (uint32_t)value;
    }
    return sum;
}

void ai_k_softmax_s16(const int16_t *in, int16_t *out, int32_t rows, int32_t depth, const int16_t *exps,
                      const int16_t *reciprocals, int32_t multiplier, int32_t shift)
{
    for (int32_t row = 0; row < rows; row++) {
        const uint32_t sum = exponentials(in, out, depth, exps, multiplier, shift);
        const uint32_t zeros = leading_zeros(sum);
        const int32_t mantissa = (int32_t)((((int64_t)sum << (zeros - 1u)) + (1 << 13)) >> 14);
        const int32_t reciprocal =
            table_value(reciprocals, ai_k_clamp(mantissa - (1 << 15) - (1 << 16), INT16_MIN, INT16_MAX));
        const uint32_t bits = 31u - zeros;
        for (int32_t i = 0; i < depth; i++) {
            const int32_t value = (int32_t)(((int64_t)out[i] * reciprocal + (INT64_C(1) << (bits - 1u))) >> bits);
            out[i] = (int16_t)ai_k_clamp(value, 0, INT16_MAX);
        }
        in += depth;
        out += depth;
    }
}
