/* SPDX-License-Identifier: Apache-2.0 */
#include "ai_k_lstm.h"

#include "ai_k_activation_f32.h"
#include "ai_k_arith.h"

enum { GATES = 4 };

/* sums[gate] += weights[k][gate] * in[k], 0 <= k < count; gives the weights behind them. */
static const float *add_products_f32(float *sums, const float *in, const float *weights, int32_t count)
{
    for (int32_t k = 0; k < count; k++, weights += GATES) {
        const float value = in[k];
        sums[0] += weights[0] * value;
        sums[1] += weights[1] * value;
        sums[2] += weights[2] * value;
        sums[3] += weights[3] * value;
    }
    return weights;
}

void ai_k_lstm_f32(const float *x, const float *h, const float *weights, const float *bias, float *c, float *out,
                   int32_t depth, int32_t cells, float clip, int32_t coupled)
{
    for (int32_t n = 0; n < cells; n++, bias += GATES) {
        float gates[GATES] = {bias[0], bias[1], bias[2], bias[3]};
        weights = add_products_f32(gates, x, weights, depth);
        weights = add_products_f32(gates, h, weights, cells);
        ai_k_logistic_f32(gates, gates, 3);
        ai_k_tanh_f32(&gates[3], &gates[3], 1);
        const float taken = coupled ? 1.0f - gates[1] : gates[0];
        float cell = gates[1] * c[n] + taken * gates[3];
        if (clip > 0.0f) {
            cell = cell < -clip ? -clip : cell > clip ? clip : cell;
        }
        c[n] = cell;
        ai_k_tanh_f32(&cell, &cell, 1);
        out[n] = gates[2] * cell;
    }
}

static int32_t limited16(int32_t value)
{
    return ai_k_clamp(value, INT16_MIN, INT16_MAX);
}

/* round(a * b / 2^15), halves upwards, saturating; of 16-bit numbers. (gemmlowp: SaturatingRoundingDoublingHighMul) */
static int32_t mul_high16(int32_t a, int32_t b)
{
    return limited16((a * b + (1 << 14)) >> 15);
}

/* exp(value), -1/4 <= value < 0, Q0.15: a Taylor polynomial of order 4 around -1/8. */
static int32_t exp_above_minus_quarter(int32_t value)
{
    const int32_t third = 10923, minus_eighth = 28918;
    const int32_t x = value + (1 << 12), x2 = mul_high16(x, x), x3 = mul_high16(x2, x), x4 = mul_high16(x2, x2);
    const int32_t tail = ai_k_round_shift(mul_high16(ai_k_round_shift(x4, 2) + x3, third) + x2, 1);
    return limited16(minus_eighth + mul_high16(minus_eighth, x + tail));
}

/* exp(value) of a 16-bit value <= 0 with `whole` integer bits, 1 <= whole <= 7, as Q0.15. */
static int32_t exp_negative(int32_t value, int32_t whole)
{
    static const int16_t factors[] = {25520, 19875, 12055, 4435, 600, 11, 0}; /* exp(-2^(i - 2)) */
    const int32_t fraction = 15 - whole, quarter = 1 << (fraction - 2);
    if (value == 0) {
        return INT16_MAX;
    }
    if (whole > 5 && value < -(1 << (fraction + 5))) {
        return 0;
    }
    const int32_t reduced = (value & (quarter - 1)) - quarter, rest = reduced - value;
    int32_t result = exp_above_minus_quarter(limited16(reduced * (1 << whole)));
    for (int32_t i = 0; i < 7 && i - 2 < whole; i++) {
        if ((rest >> (fraction - 2 + i)) & 1) {
            result = mul_high16(result, factors[i]);
        }
    }
    return result;
}

/* 2 / (1 + value) in Q2.13 for 0 <= value <= 1 in Q0.15, by Newton and Raphson. */
static int32_t twice_inverse(int32_t value)
{
    const int32_t half = (value + INT16_MAX + 1) / 2; /* (1 + value) / 2 */
    int32_t x = 23130 + mul_high16(half, -15420);     /* 48/17 - 32/17 * half */
    for (int32_t i = 0; i < 3; i++) {
        x += limited16(mul_high16(x, (1 << 13) - mul_high16(half, x)) * 4);
    }
    return x;
}

/* logistic(value) of Q3.12 in Q0.15. (gemmlowp: logistic) */
static int32_t logistic16(int32_t value)
{
    if (value == 0) {
        return 1 << 14;
    }
    const int32_t positive = limited16(twice_inverse(exp_negative(value < 0 ? value : -value, 3)) * 2);
    return value > 0 ? positive : INT16_MAX - positive;
}

/* tanh(value) of a value with `whole` integer bits, 0 <= whole <= 6, in Q0.15. (gemmlowp: tanh) */
static int32_t tanh16(int32_t value, int32_t whole)
{
    if (value == 0) {
        return 0;
    }
    const int32_t twice = exp_negative(value < 0 ? value : -value, whole + 1); /* the same bits are twice the value */
    const int32_t positive = limited16((twice_inverse(twice) - (1 << 13)) * 4);
    return value < 0 ? -positive : positive;
}

static const int8_t *add_products_s8(int32_t *sums, const int8_t *in, const int8_t *weights, int32_t count)
{
    for (int32_t k = 0; k < count; k++, weights += GATES) {
        const int32_t value = in[k];
        sums[0] += weights[0] * value;
        sums[1] += weights[1] * value;
        sums[2] += weights[2] * value;
        sums[3] += weights[3] * value;
    }
    return weights;
}

/* Q3.12: the scaled sum over x, and to it the one over h; each limited to 16 bits. */
static int32_t gate_input(const int32_t *sums, const int32_t *scaling)
{
    const int32_t first = limited16(ai_k_requantize(sums[0], scaling[0], scaling[1]));
    const int32_t second = ai_k_requantize(sums[GATES], scaling[2 * GATES], scaling[2 * GATES + 1]);
    return limited16(first + ai_k_clamp(second, -(1 << 17), 1 << 17)); /* the sum of any two does not overflow */
}

void ai_k_lstm_s8(const int8_t *x, const int8_t *h, const int8_t *weights, const int32_t *bias, const int32_t *scaling,
                  int16_t *c, int8_t *out, int32_t depth, int32_t cells)
{
    const int32_t *const rest = &scaling[4 * GATES];
    for (int32_t n = 0; n < cells; n++, bias += 2 * GATES) {
        int32_t sums[2 * GATES], gates[GATES];
        memcpy(sums, bias, sizeof sums);
        weights = add_products_s8(sums, x, weights, depth);
        weights = add_products_s8(&sums[GATES], h, weights, cells);
        for (int32_t gate = 0; gate < GATES; gate++) {
            const int32_t value = gate_input(&sums[gate], &scaling[2 * gate]);
            gates[gate] = gate < GATES - 1 ? logistic16(value) : tanh16(value, 3);
        }
        const int32_t kept = (int16_t)ai_k_round_shift(gates[1] * c[n], 15);
        const int32_t taken = rest[6] ? INT16_MAX - gates[1] : gates[0];
        const int32_t cell = limited16(kept + (int16_t)ai_k_round_shift(taken * gates[3], rest[3]));
        c[n] = (int16_t)(rest[5] > 0 ? ai_k_clamp(cell, -rest[5], rest[5]) : cell);
        const int32_t product = gates[2] * tanh16(c[n], rest[4]);
        const int32_t moved = limited16(ai_k_requantize(product, rest[0], rest[1])) + rest[2];
        out[n] = (int8_t)ai_k_clamp(moved, INT8_MIN, INT8_MAX);
    }
}
