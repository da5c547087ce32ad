/* SPDX-License-Identifier: Apache-2.0 */
/* Arithmetic of the C forms of ai_k_conv_d8.h. */
#ifndef AI_K_D8_ARITH_H
#define AI_K_D8_ARITH_H

#include "ai_k_arith.h"
#include "ai_k_conv_d8.h"

/* The lower or upper half of a word, as a signed number. */
static inline int32_t ai_k_d8_low_half(uint32_t word)
{
    return (int32_t)(int16_t)(uint16_t)word;
}

static inline int32_t ai_k_d8_high_half(uint32_t word)
{
    return (int32_t)(int16_t)(uint16_t)(word >> 16);
}

/* Of two channels that share halfwords: sums[0] and sums[1] from 256 * bias[1] + bias[0] and bias[0], which lie
 * bias_apart words apart as columns and weights of a step do from those of the next. */
static inline void ai_k_d8_sums(int32_t sums[2], const int32_t *bias, int32_t bias_apart, const int32_t *columns,
                                int32_t columns_apart, const int32_t *weights, int32_t weights_apart, int32_t steps)
{
    uint32_t mixed = (uint32_t)bias[0];
    int32_t even = bias[bias_apart];
    for (int32_t i = 0; i < steps; i++) {
        const uint32_t weight = (uint32_t)weights[weights_apart * i], value = (uint32_t)columns[columns_apart * i];
        const int32_t low = ai_k_d8_low_half(value), high = ai_k_d8_high_half(value);
        mixed += (uint32_t)(ai_k_d8_low_half(weight) * low) + (uint32_t)(ai_k_d8_high_half(weight) * high);
        even += (int8_t)(uint8_t)weight * low + (int8_t)(uint8_t)(weight >> 16) * high;
    }
    sums[0] = even;
    sums[1] = (int32_t)(mixed - (uint32_t)even) >> 8;
}

/* saturate8(zero_point + requantize(sum)); shift = right shift - 1. */
static inline int8_t ai_k_d8_scale(int32_t sum, int32_t multiplier, int32_t shift, int32_t zero_point)
{
    const int32_t product = ai_k_mul_high(sum, multiplier), away = sum < 0 ? 1 : 0;
    const int32_t zero = ai_k_shift_left(2 * zero_point + 1, shift);
    return (int8_t)ai_k_clamp((product + zero - away) >> (shift + 1), -128, 127);
}

/* The same from a linear record. */
static inline int8_t ai_k_d8_linear(int32_t sum, int32_t multiplier, int32_t offset, int32_t zero_point)
{
    const int32_t product = (int32_t)((int64_t)256 * sum * multiplier >> 32);
    const int32_t zero = zero_point * (1 << AI_K_D8_SHIFT) + (1 << (AI_K_D8_SHIFT - 1));
    return (int8_t)ai_k_clamp((product + zero + offset) >> AI_K_D8_SHIFT, -128, 127);
}

#endif
