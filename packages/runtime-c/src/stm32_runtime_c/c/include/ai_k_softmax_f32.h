/* SPDX-License-Identifier: Apache-2.0 */
/* float32 SOFTMAX and LOG_SOFTMAX over the rows of a matrix. */
#ifndef AI_K_SOFTMAX_F32_H
#define AI_K_SOFTMAX_F32_H

#include <stdint.h>

/* out = exp(beta * in) / sum of exp(beta * in) per row; in and out [rows][depth], which may be the same array. */
void ai_k_softmax_f32(const float *in, float *out, int32_t rows, int32_t depth, float beta);

/* out = beta * in - log(sum of exp(beta * in)) per row, likewise. */
void ai_k_log_softmax_f32(const float *in, float *out, int32_t rows, int32_t depth, float beta);

#endif
