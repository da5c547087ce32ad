/* SPDX-License-Identifier: Apache-2.0 */
/* tanh and the logistic function with the reference interpreter's own bits on x86, for values that are quantized again:
 * there, a difference in the last place becomes one of a whole step now and then.
 *
 * The interpreter evaluates tanh as a quotient of two polynomials everywhere. The logistic function has two formulas:
 * one for groups of four neighbours that begin at a multiple of 16 bytes, and another one for the values in front of
 * the first group and behind the last.
 */
#ifndef AI_K_REFERENCE_F32_H
#define AI_K_REFERENCE_F32_H

#include <stdint.h>

void ai_k_tanh_reference_f32(const float *in, float *out, int32_t count);

/* values[i] = 1 / (1 + exp(-values[i])), which the interpreter has at index + i of a vector.
 *
 * start  place of that vector, in values behind a multiple of 16 bytes
 * size   of that vector, at least index + count */
void ai_k_logistic_reference_f32(float *values, int32_t count, int32_t index, int32_t start, int32_t size);

#endif
