/* SPDX-License-Identifier: Apache-2.0 */
/* One step of an LSTM for one element of the batch.
 *
 * Gates are in the order input, forget, output, candidate: i, f, o = logistic(sum), g = tanh(sum), then
 * c = limited(f * c + i * g) and out = o * tanh(c). weights[n][k][gate] belong to cell n and to element k of x,
 * followed by h. x has `depth` elements; h, c and out have `cells`. out must not overlap x or h.
 */
#ifndef AI_K_LSTM_H
#define AI_K_LSTM_H

#include <stdint.h>

/* bias[n][gate]; the limit of c is +-clip, none if clip is 0. `coupled`: i = 1 - f, whatever its weights are. */
void ai_k_lstm_f32(const float *x, const float *h, const float *weights, const float *bias, float *c, float *out,
                   int32_t depth, int32_t cells, float clip, int32_t coupled);

/* bias[n][8]: of the sums over x of the four gates, then of those over h.
 * scaling: 8 times multiplier and shift, in the order of bias; then of out multiplier, shift and zero point; the bits
 * by which i * g is shifted right, the integer bits of c (0 to 6), its clip; whether i = 1 - f. Gates have 12
 * fractional bits before their function and 15 after it. */
void ai_k_lstm_s8(const int8_t *x, const int8_t *h, const int8_t *weights, const int32_t *bias, const int32_t *scaling,
                  int16_t *c, int8_t *out, int32_t depth, int32_t cells);

/* The same with peepholes, layer normalisation and a projection, each of which may be absent. h and out have `outputs`
 * elements, as many as cells without a projection; weights over h are [cells][outputs]. layer: depth, cells, outputs,
 * whether i = 1 - f, whether there are peepholes, norms, a projection. extras: peepholes [3][cells] (input, forget,
 * output; in that order c before the step, c before it, c behind it), norms [4][cells], projection [outputs][cells] and
 * its bias [outputs], as far as they are there. With norms, sums less their mean over the cells are divided by their
 * deviation and multiplied by the norm before the bias is added. Limits of c and of out are +-clip, none if 0.
 * gates: scratch of 5 * cells. */
void ai_k_lstm_general_f32(const float *x, const float *h, const float *weights, const float *bias, const float *extras,
                           const int32_t *layer, float *c, float *out, float *gates, float clip, float projection_clip);

/* bias: [cells][8] as above, then with norms their bias [cells][4], then the projection's [outputs], with the zero
 * point of what it projects. coefficients: peepholes [3][cells], norms [4][cells], as far as they are there. scaling:
 * as above up to whether i = 1 - f (23 numbers), then multiplier and shift of peepholes (3) and norms (4), the least
 * variances (4), multiplier, shift, zero point and clip (0: none) of the projection. layer and gates as above. */
void ai_k_lstm_general_s8(const int8_t *x, const int8_t *h, const int8_t *weights, const int32_t *bias,
                          const int16_t *coefficients, const int8_t *projection, const int32_t *scaling,
                          const int32_t *layer, int16_t *c, int8_t *out, int16_t *gates);

#endif
