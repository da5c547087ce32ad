/* SPDX-License-Identifier: Apache-2.0 */
/* SVDF: each filter keeps its last results, and a unit is a weighted sum of what its filters keep.
 *
 * All sums are taken modulo 2^32.
 */
#ifndef AI_K_SVDF_H
#define AI_K_SVDF_H

#include <stdint.h>

/* The results of all filters for one input: out[r * step] = bias[r] + sum of weights[r][i] * in[i], 0 <= i < depth,
 * 0 <= r < rows; integers are scaled by multiplier and shift (ai_k_requantize) and limited to the type of out. */
void ai_k_svdf_filter_s16(const int8_t *in, const int8_t *weights, const int32_t *bias, int16_t *out, int32_t depth,
                          int32_t rows, int32_t step, int32_t multiplier, int32_t shift);
void ai_k_svdf_filter_s8(const int8_t *in, const int8_t *weights, const int32_t *bias, int8_t *out, int32_t depth,
                         int32_t rows, int32_t step, int32_t multiplier, int32_t shift, int32_t zero_point);
void ai_k_svdf_filter_f32(const float *in, const float *weights, float *out, int32_t depth, int32_t rows, int32_t step);

/* The units of one state: out[r] = bias[r] + sum of weights[r][i] * state[r][i], 0 <= i < depth, 0 <= r < rows;
 * integers are scaled, moved by the zero point and limited to int8, floats to [low, high]. */
void ai_k_svdf_unit_s16(const int16_t *state, const int16_t *weights, const int32_t *bias, int8_t *out, int32_t depth,
                        int32_t rows, int32_t multiplier, int32_t shift, int32_t zero_point);
void ai_k_svdf_unit_s8(const int8_t *state, const int8_t *weights, const int32_t *bias, int8_t *out, int32_t depth,
                       int32_t rows, int32_t multiplier, int32_t shift, int32_t zero_point);
void ai_k_svdf_unit_f32(const float *state, const float *weights, const float *bias, float *out, int32_t depth,
                        int32_t rows, float low, float high);

#endif
