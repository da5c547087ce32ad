/* SPDX-License-Identifier: Apache-2.0 */
/* float32 product of a matrix and a vector: 4 outputs at a time. */
#ifndef AI_K_DENSE_F32_H
#define AI_K_DENSE_F32_H

#include <stdint.h>

/* out = act(bias + weights * in)
 *
 * in       [depth]
 * weights  groups of 4 outputs: [depth][4]; then the outputs % 4 last ones: [depth] each
 * bias     [outputs]
 * out      [outputs]; each group of 4 and each other output is written after all of `in` is read for it
 * relu     1: negative results become 0; else 0
 */
void ai_k_dense_f32(const float *in, const float *weights, const float *bias, float *out, int32_t depth,
                    int32_t outputs, int32_t relu);

#endif
