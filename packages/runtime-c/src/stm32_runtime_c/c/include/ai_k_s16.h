/* SPDX-License-Identifier: Apache-2.0 */
/* Functions of int16 as tables with interpolation. Each element is read before it is written, forward: out may be in or
 * begin before it. */
#ifndef AI_K_S16_H
#define AI_K_S16_H

#include <stdint.h>

/* Positions v = (in[i] * multiplier + half) >> shift with 24 * 512 steps in a unit of the argument; 0 <= multiplier <=
 * 65535, 0 <= shift <= 31. sigmoid[i] is about 65536 / (1 + exp(-i / 24)), i = 0 .. 255; out is Q0.15. */
void ai_k_logistic_s16(const int16_t *in, int16_t *out, int32_t count, const uint16_t *sigmoid, int32_t multiplier,
                       int32_t shift);

/* tanh(x) = 2 / (1 + exp(-2 x)) - 1 with the same table and positions. */
void ai_k_tanh_s16(const int16_t *in, int16_t *out, int32_t count, const uint16_t *sigmoid, int32_t multiplier,
                   int32_t shift);

/* out = exp(in - maximum) / sum for each of rows rows of depth elements, Q0.15; depth < 65536. exps and reciprocals
 * have 513 entries in Q0.15, 128 steps of int16 apart: exp of -10 .. 0 and 1 / (1 + x) of 0 .. 1. Differences times
 * multiplier * 2^(shift - 31) are steps of 10 / 65535. Rows go forward; out may be in. */
void ai_k_softmax_s16(const int16_t *in, int16_t *out, int32_t rows, int32_t depth, const int16_t *exps,
                      const int16_t *reciprocals, int32_t multiplier, int32_t shift);

/* out = table at in, interpolated between entries 128 steps of int16 apart; table has 513 entries, for -32768 .. 32768.
 * The difference of neighbouring entries and the result wrap at 16 bits. (TFLite: LUTLookup of int16_t) */
void ai_k_table_s16(const int16_t *in, const int16_t *table, int16_t *out, int32_t count);

/* out = min(sqrt(in * from) / to, 32767), cut to an integer, in float32; of values below 0 as of 0; from, to > 0. */
void ai_k_sqrt_s16(const int16_t *in, int16_t *out, int32_t count, float from, float to);

#endif
