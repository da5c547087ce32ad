/* SPDX-License-Identifier: Apache-2.0 */
/* Arithmetic of 16 bits inside the LSTM; no part of the interface. */
#ifndef AI_K_LSTM_ARITH_H
#define AI_K_LSTM_ARITH_H

#include "ai_k_arith.h"

static inline int32_t limited16(int32_t value)
{
    return ai_k_clamp(value, INT16_MIN, INT16_MAX);
}

/* round(a * b / 2^15), halves upwards, saturating; of 16-bit numbers. (gemmlowp: SaturatingRoundingDoublingHighMul) */
static inline int32_t mul_high16(int32_t a, int32_t b)
{
    return limited16((a * b + (1 << 14)) >> 15);
}

/* exp(value), -1/4 <= value < 0, Q0.15: a Taylor polynomial of order 4 around -1/8. */
static inline int32_t exp_above_minus_quarter(int32_t value)
{
    const int32_t third = 10923, minus_eighth = 28918;
    const int32_t x = value + (1 << 12), x2 = mul_high16(x, x), x3 = mul_high16(x2, x), x4 = mul_high16(x2, x2);
    const int32_t tail = ai_k_round_shift(mul_high16(ai_k_round_shift(x4, 2) + x3, third) + x2, 1);
    return limited16(minus_eighth + mul_high16(minus_eighth, x + tail));
}

/* exp(value) of a 16-bit value <= 0 with `whole` integer bits, 1 <= whole <= 7, as Q0.15. */
static inline int32_t exp_negative(int32_t value, int32_t whole)
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
static inline int32_t twice_inverse(int32_t value)
{
    const int32_t half = (value + INT16_MAX + 1) / 2; /* (1 + value) / 2 */
    int32_t x = 23130 + mul_high16(half, -15420);     /* 48/17 - 32/17 * half */
    for (int32_t i = 0; i < 3; i++) {
        x += limited16(mul_high16(x, (1 << 13) - mul_high16(half, x)) * 4);
    }
    return x;
}

/* logistic(value) of Q3.12 in Q0.15. (gemmlowp: logistic) */
static inline int32_t logistic16(int32_t value)
{
    if (value == 0) {
        return 1 << 14;
    }
    const int32_t positive = limited16(twice_inverse(exp_negative(value < 0 ? value : -value, 3)) * 2);
    return value > 0 ? positive : INT16_MAX - positive;
}

/* tanh(value) of a value with `whole` integer bits, 0 <= whole <= 6, in Q0.15. (gemmlowp: tanh) */
static inline int32_t tanh16(int32_t value, int32_t whole)
{
    if (value == 0) {
        return 0;
    }
    const int32_t twice = exp_negative(value < 0 ? value : -value, whole + 1); /* the same bits are twice the value */
    const int32_t positive = limited16((twice_inverse(twice) - (1 << 13)) * 4);
    return value < 0 ? -positive : positive;
}

#endif
