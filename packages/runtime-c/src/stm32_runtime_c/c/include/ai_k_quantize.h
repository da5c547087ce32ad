/* SPDX-License-Identifier: Apache-2.0 */
/* float32 to integers of 8 and 16 bits. */
#ifndef AI_K_QUANTIZE_H
#define AI_K_QUANTIZE_H

#include <stdint.h>

/* round(real) + zero_point limited to [low, high], halves away from zero; all three within 16 bits. Not a number counts
 * as minus infinity. */
static inline int32_t ai_k_rounded(float real, int32_t zero_point, int32_t low, int32_t high)
{
    const float limit = 131072.0f; /* beyond it every result is low or high */
    if (!(real > -limit)) {
        real = -limit;
    } else if (real > limit) {
        real = limit;
    }
    int32_t rounded = (int32_t)real;
    const float rest = real - (float)rounded;
    if (rest >= 0.5f) {
        rounded++;
    } else if (rest <= -0.5f) {
        rounded--;
    }
    rounded += zero_point;
    rounded = rounded < low ? low : rounded;
    return rounded > high ? high : rounded;
}

/* The same of value / scale. */
static inline int32_t ai_k_quantize(float value, float scale, int32_t zero_point, int32_t low, int32_t high)
{
    return ai_k_rounded(value / scale, zero_point, low, high);
}

/* The same of value * factor; the product is volatile, so that no compiler fuses it with what follows. */
static inline int32_t ai_k_scaled(int32_t value, float factor, int32_t zero_point, int32_t low, int32_t high)
{
    const volatile float product = (float)value * factor;
    return ai_k_rounded(product, zero_point, low, high);
}

#endif
