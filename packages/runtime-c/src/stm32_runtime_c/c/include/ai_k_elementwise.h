/* SPDX-License-Identifier: Apache-2.0 */
/* Arithmetic of operators on elements and pairs of them. */
#ifndef AI_K_ELEMENTWISE_H
#define AI_K_ELEMENTWISE_H

#include <stdint.h>

#include "ai_k_arith.h"

/* value * value, |value| <= 46340. */
static inline int32_t ai_k_square(int32_t value)
{
    return value * value;
}

/* value / divisor * multiplier * 2^(shift - 31), |value| < 2^16. 1 / divisor = inverse * 2^-(31 + bits), Q0.31.
 * The dividend is shifted left as far as it goes before the product with the inverse. (TFLite: DIV on bytes) */
static inline int32_t ai_k_divide(int32_t value, int32_t inverse, int32_t bits, int32_t multiplier, int32_t shift)
{
    int32_t shifted = value, room = 0;
    while (room < 31 && shifted >= -(1 << 30) && shifted < (1 << 30)) {
        shifted *= 2;
        room++;
    }
    const int32_t right = bits + room - shift;
    const int32_t product = ai_k_mul_high(ai_k_mul_high(shifted, inverse), multiplier);
    return right > 31 ? 0 : ai_k_round_shift(product, right);
}

/* value truncated, limited to low .. high; high if it is not a number. */
static inline int32_t ai_k_truncate(float value, int32_t low, int32_t high)
{
    if (!(value < (float)high)) {
        return high;
    }
    return value <= (float)low ? low : (int32_t)value;
}

/* The same within 64 bits. */
static inline int64_t ai_k_truncate_64(float value)
{
    if (!(value < 9223372036854775808.0f)) {
        return INT64_MAX;
    }
    return value <= -9223372036854775808.0f ? INT64_MIN : (int64_t)value;
}

#endif
