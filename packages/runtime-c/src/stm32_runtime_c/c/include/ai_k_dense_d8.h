/* SPDX-License-Identifier: Apache-2.0 */
/* int8 matrix-vector product, 8 rows at a time, two weights in each halfword (see ai_k_conv_d8.h for the arithmetic).
 *
 * The input is taken in chunks of AI_K_DENSE_CHUNK values, which a core with floating-point registers keeps there; the
 * first chunk has what the others leave. depth is a multiple of 4. Each four values a b c d make two words, (a, c) and
 * (b, d). Record of some groups of 8 rows, made at compile time:
 *   for each group: 256 * bias[r + 1] + bias[r] for r = 0, 2, 4, 6; bias[r] for r = 0, 2, 4, 6
 *   for each chunk, group and word: {256 * w[r + 1] + w[r]} of both values for r = 0, 2, 4, 6
 * bias holds the input's zero point.
 */
#ifndef AI_K_DENSE_D8_H
#define AI_K_DENSE_D8_H

#include <stdint.h>

enum { AI_K_DENSE_CHUNK = 64 };

/* padded = in and zeros up to a multiple of 4 values. */
void ai_k_dense_pad_s8(int8_t *padded, const int8_t *in, int32_t depth);

/* out[row] = saturate8(zero_point + round(sum * multiplier / 2^(33 + shift))) for 8 * groups rows, where
 * scales = {shift, multiplier} of all rows (per_row = 0) or of each (per_row = 1). One rounding, halves upwards.
 * sums: working memory, int32 [8 * groups], not used by a single chunk. */
void ai_k_dense_d8_s8(int32_t *sums, const int32_t *records, const int8_t *in, const int32_t *scales, int8_t *out,
                      int32_t depth, int32_t groups, int32_t per_row, int32_t zero_point);

#endif
