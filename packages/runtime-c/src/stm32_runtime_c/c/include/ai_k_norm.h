/* SPDX-License-Identifier: Apache-2.0 */
/* Norms of rows of int8. */
#ifndef AI_K_NORM_H
#define AI_K_NORM_H

#include <stdint.h>

/* Each of rows rows of depth elements is divided by its Euclidean norm; out has the scale 1/128 and zero point 0.
 * depth * 255^2 < 2^31. in and out may be the same array. Elements are shifted left by `ahead` (0 .. 7) of the 7 bits
 * of the scale before the first rounding: by 0 as the reference does with int8, by 7 as with uint8. */
void ai_k_l2_normalize_s8(const int8_t *in, int8_t *out, int32_t rows, int32_t depth, int32_t zero_point,
                          int32_t ahead);

#endif
