/* SPDX-License-Identifier: Apache-2.0 */
/* The inverse square root in fixed point; no part of the interface. */
#ifndef AI_K_INVERSE_ROOT_H
#define AI_K_INVERSE_ROOT_H

#include "ai_k_arith.h"

/* value * 2^bits, saturating; 0 <= bits < 31. */
static inline int32_t scaled_up(int32_t value, int32_t bits)
{
    const int64_t wide = (int64_t)value * (INT64_C(1) << bits);
    if (wide > INT32_MAX) {
        return INT32_MAX;
    }
    return wide < INT32_MIN ? INT32_MIN : (int32_t)wide;
}

/* 1 / sqrt(value) = result * 2^(*shift - 31), value >= 0. (TFLite: GetInvSqrtQuantizedMultiplierExp)
 * value is brought to [2^27, 2^29) by an even number of bits; five Newton steps x = 1.5 x - value / 2 * x^3 in Q3.28
 * and a product with sqrt(1/2) follow. */
static inline int32_t inverse_square_root(int32_t value, int32_t *shift)
{
    *shift = 0;
    if (value <= 1) {
        return INT32_MAX;
    }
    int32_t right = 11;
    while (value >= INT32_C(1) << 29) {
        value /= 4;
        right++;
    }
    while (value < INT32_C(1) << 27) {
        value *= 4;
        right--;
    }
    const int32_t half = ai_k_round_shift(value >> 1, 1);
    const int32_t one_and_half = (INT32_C(1) << 28) + (INT32_C(1) << 27);
    int32_t x = INT32_C(1) << 28;
    for (int32_t step = 0; step < 5; step++) {
        const int32_t cube = scaled_up(ai_k_mul_high(ai_k_mul_high(x, x), x), 6);
        x = scaled_up(ai_k_mul_high(one_and_half, x) - ai_k_mul_high(half, cube), 3);
    }
    const int32_t root = ai_k_mul_high(x, 1518500250);
    if (right < 0) {
        return ai_k_shift_left(root, -right);
    }
    *shift = -right;
    return root;
}

#endif
