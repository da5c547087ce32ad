/* SPDX-License-Identifier: Apache-2.0 */
/* SOFTMAX and LOG_SOFTMAX of int8 over the rows of a matrix, in the fixed-point arithmetic of the TFLite reference
 * kernels. Qm.n has m integer bits and n fractional bits. */
#ifndef AI_K_SOFTMAX_H
#define AI_K_SOFTMAX_H

#include <stdint.h>

/* out = softmax(in) per row, scale 1/256, zero point -128; in and out [rows][depth], which may be the same array.
 * exps[d] is exp of the difference -d of two values in Q0.31, d = 0 .. count - 1; larger differences count as 0. */
void ai_k_softmax_s8(const int8_t *in, int8_t *out, int32_t rows, int32_t depth, const int32_t *exps, int32_t count);

/* The same with results of 16 bits: scale 2^-16, zero point -32768. */
void ai_k_softmax_s8_s16(const int8_t *in, int16_t *out, int32_t rows, int32_t depth, const int32_t *exps,
                         int32_t count);

/* out = log(softmax(in)) per row, scale 16/256, zero point 127; otherwise as above.
 * A difference times multiplier * 2^(shift - 31) is in Q5.26; inverse and inverse_shift lead back to whole differences.
 * least is the least difference that counts. */
void ai_k_log_softmax_s8(const int8_t *in, int8_t *out, int32_t rows, int32_t depth, const int32_t *exps, int32_t count,
                         int32_t multiplier, int32_t shift, int32_t inverse, int32_t inverse_shift, int32_t least);

#endif
