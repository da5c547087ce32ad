/* SPDX-License-Identifier: Apache-2.0 */
/* One step, for one element of the batch, of recurrent layers with int8 weights and float32 activations
 * (ai_k_hybrid.h). x is quantized already, with its numbers; h is quantized here.
 *
 * The arithmetic is the reference interpreter's on x86 to the last bit, tanh and logistic function included
 * (ai_k_reference_f32.h). Matrices of weights are packed as in ai_k_dense.h, one behind the other, and so are the sums
 * of their rows, which are not read without AI_K_HYBRID_OFFSET. out must not overlap x, h or scratch.
 */
#ifndef AI_K_RECURRENT_HYBRID_H
#define AI_K_RECURRENT_HYBRID_H

#include <stdint.h>

/* out = act(bias + scales[0] * W x + scales[1] * R h)
 *
 * weights  W [units][depth], R [units][units]
 * scratch  2 + (units + 3) / 4 floats
 * kind     AI_K_HYBRID_OFFSET or 0
 * low, high  limits of the results; tanh takes the place of limits if low > high */
void ai_k_rnn_hybrid_s8(const int8_t *x, const float *h, const float *numbers, const int8_t *weights,
                        const int32_t *sums, const float *scales, const float *bias, float *out, float *scratch,
                        int32_t depth, int32_t units, int32_t kind, float low, float high);

/* Where the numbers of a layer are in `layer`. */
enum {
    AI_K_LSTM_HYBRID_DEPTH,
    AI_K_LSTM_HYBRID_CELLS,
    AI_K_LSTM_HYBRID_OUTPUTS,    /* as many as cells without a projection */
    AI_K_LSTM_HYBRID_BATCH,      /* elements */
    AI_K_LSTM_HYBRID_TIME_MAJOR, /* 1: the interpreter computes a step for the whole batch at once */
    AI_K_LSTM_HYBRID_COUPLED,    /* 1: i = 1 - f; the gate input has neither weights nor bias nor norm */
    AI_K_LSTM_HYBRID_PEEPHOLES,  /* 1: there are some */
    AI_K_LSTM_HYBRID_NORMS,
    AI_K_LSTM_HYBRID_PROJECTION,
    AI_K_LSTM_HYBRID_KIND, /* AI_K_HYBRID_OFFSET or 0 */
    AI_K_LSTM_HYBRID_WORDS
};

/* As ai_k_lstm_f32 and ai_k_lstm_general_f32; gates are in the order input, forget, output, candidate.
 *
 * weights  of each gate that has some [cells][depth] and [cells][outputs], then the projection [outputs][cells]
 * values   scales of the weights over x [4] and over h [4], scale of the projection, limits of c and out (0: none);
 *          bias [4][cells]; as far as they are there, peepholes [3][cells], norms [4][cells], bias of the projection
 *          [outputs]
 * scratch  4 * cells + 2 + (max(cells, outputs) + 3) / 4 floats
 * element  of the batch */
void ai_k_lstm_hybrid_s8(const int8_t *x, const float *h, const float *numbers, const int8_t *weights,
                         const int32_t *sums, const float *values, const int32_t *layer, float *c, float *out,
                         float *scratch, int32_t element);

#endif
