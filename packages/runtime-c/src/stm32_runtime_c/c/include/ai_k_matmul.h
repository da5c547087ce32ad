/* SPDX-License-Identifier: Apache-2.0 */
/* Products of two matrices that are both computed at run time: y[m][n] = sum of a[m][k] * b[k][n] over k.
 *
 * For integers, up to 4 columns of b are copied into a block first:
 *   block[16 * (k / 4) + 4 * column + place(k % 4)], k = 0 .. depth - 1, filled up with zeros to whole groups of 4
 * where place is 0, 2, 1, 3 for int8, so that SXTB16 of four values of a gives the partners, and k % 4 for int16.
 */
#ifndef AI_K_MATMUL_H
#define AI_K_MATMUL_H

#include <stdint.h>

/* Copies columns (1 to 4) of b, b[k][n] = from[k * row_step + n * column_step], minus the zero point of b, as int16.
 * bias[4] becomes -left_zero_point * the sum of each column. */
void ai_k_matmul_block_s8(int16_t *block, int32_t *bias, const int8_t *from, int32_t depth, int32_t row_step,
                          int32_t column_step, int32_t columns, int32_t left_zero_point, int32_t right_zero_point);

/* rows x columns results: y[m * y_step + n] = clamp(zero_point + requantize(bias[n] + sum of a[m * depth + k] *
 * block column n, multiplier, shift), -128, 127) with the rounding of ai_k_requantize. */
void ai_k_matmul_s8(const int8_t *a, const int16_t *block, const int32_t *bias, int8_t *y, int32_t rows, int32_t depth,
                    int32_t columns, int32_t y_step, int32_t multiplier, int32_t shift, int32_t zero_point);

/* The same for int16 with zero points of 0: sums of 64 bits, the rounding of ai_k_requantize_64. */
void ai_k_matmul_block_s16(int16_t *block, const int16_t *from, int32_t depth, int32_t row_step, int32_t column_step,
                           int32_t columns);
void ai_k_matmul_s16(const int16_t *a, const int16_t *block, int16_t *y, int32_t rows, int32_t depth, int32_t columns,
                     int32_t y_step, int32_t multiplier, int32_t shift);

/* float32, where the matrices lie: layer = {rows, columns, depth, steps in elements from a row of a to the next, from k
 * to k + 1 in a, from k to k + 1 in b, from a column of b to the next}; y is [rows][columns]. */
void ai_k_matmul_f32(const float *a, const float *b, float *y, const int32_t *layer);

#endif
