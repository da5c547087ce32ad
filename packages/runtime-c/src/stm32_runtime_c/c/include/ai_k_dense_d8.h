/* SPDX-License-Identifier: Apache-2.0 */
/* int8 matrix-vector product, 8 rows at a time, two weights in each halfword (see ai_k_conv_d8.h for the arithmetic).
 *
 * Columns: the input, widened to 16 bits; each four values a b c d take two words, (a, c) and (b, d), the last ones
 * padded with 0. pairs = ceil(depth / 4) pairs of words.
 *
 * Record of 8 rows, 8 + 8 * pairs words, made at compile time:
 *   256 * bias[r + 1] + bias[r] for r = 0, 2, 4, 6; bias[r] for r = 0, 2, 4, 6     bias holds the input's zero point
 *   for each column word: {256 * w[r + 1] + w[r]} of both values for r = 0, 2, 4, 6
 */
#ifndef AI_K_DENSE_D8_H
#define AI_K_DENSE_D8_H

#include <stdint.h>

/* Columns of depth values. */
void ai_k_dense_columns_s8(int32_t *columns, const int8_t *in, int32_t depth);

/* out[row] = saturate8(zero_point + round(sum * multiplier / 2^(33 + shift))) for 8 * groups rows, where
 * scales = {shift, multiplier} of all rows (per_row = 0) or of each (per_row = 1). One rounding, halves upwards. */
void ai_k_dense_d8_s8(const int32_t *columns, const int32_t *records, const int32_t *scales, int8_t *out, int32_t pairs,
                      int32_t groups, int32_t per_row, int32_t zero_point);

#endif
