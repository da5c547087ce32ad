/* SPDX-License-Identifier: Apache-2.0 */
/* int8 matrix-vector product. Weights are packed at compile time: groups of 4 rows interleaved word by word, then the
 * rows that are left over one by one; each row is padded with zeros to depth4, a multiple of 4 bytes. */
#ifndef AI_K_DENSE_H
#define AI_K_DENSE_H

#include <stdint.h>

/* out[row] = clamp(zero_point + requantize(bias[row] + sum_k weights[row][k] * in[k], multiplier[row], shift[row]),
 * low, high), rounded once (ai_k_requantize_once); k = 0 .. depth - 1. With per_row == 0, multiplier[0] and shift[0]
 * serve every row. bias holds the input's zero point. */
void ai_k_dense_s8(const int8_t *in, const int8_t *weights, const int32_t *bias, const int32_t *multiplier,
                   const int8_t *shift, int8_t *out, int32_t depth, int32_t rows, int32_t per_row, int32_t zero_point,
                   int32_t low, int32_t high);

#endif
