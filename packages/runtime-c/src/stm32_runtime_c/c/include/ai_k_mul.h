/* SPDX-License-Identifier: Apache-2.0 */
/* Products of two int8 tensors. */
#ifndef AI_K_MUL_H
#define AI_K_MUL_H

#include <stdint.h>

/* out[i] = saturate(zero_point + requantize((a[i] + left) * (b[i] + right), multiplier, -shift)), i = 0 .. count - 1,
 * with scaling = {left, right, multiplier, shift, zero_point}, the rounding of ai_k_requantize and 1 <= shift <= 22;
 * left and right are negative zero points. Goes forward, four elements at a time, each read before it is written: out
 * may be a or b, or begin before them. */
void ai_k_mul_s8(const int8_t *a, const int8_t *b, int8_t *out, int32_t count, const int32_t *scaling);

#endif
