/* SPDX-License-Identifier: Apache-2.0 */
/* Products of two int8 tensors. */
#ifndef AI_K_MUL_H
#define AI_K_MUL_H

#include <stdint.h>

/* out[i] = saturate((constant + floor((a[i] - left) * (b[i] - right) * factor / 2^18)) >> shift), i = 0 .. count - 1,
 * with scaling = {left, right, factor, constant, shift}: left and right are int8 zero points, 0 <= shift <= 31, and no
 * sum may leave 32 bits. Goes forward, four elements at a time, each read before it is written: out may be a or b, or
 * begin before them. */
void ai_k_mul_s8(const int8_t *a, const int8_t *b, int8_t *out, int32_t count, const int32_t *scaling);

#endif
