/* SPDX-License-Identifier: Apache-2.0 */
#include <math.h>
#include <stddef.h>
#include <string.h>

#include "ai_k_alone.h"
#include "ai_k_hybrid.h"
#include "ai_k_recurrent_hybrid.h"
#include "ai_k_reference_f32.h"

enum { GATES = 4, INPUT = 0, FORGET = 1, OUTPUT = 2, CANDIDATE = 3 };
enum { OVER_H = GATES, OF_PROJECTION = 2 * GATES, CLIP, PROJECTION_CLIP, BEHIND_SCALES };

/* Constants of a layer that are read in order, and what they are applied to. */
typedef struct {
    const int32_t *layer;
    const int8_t *weights;
    const int32_t *sums;
    const float *scales, *bias, *peepholes, *norms, *projection_bias;
} constants;

static constants constants_of(const int8_t *weights, const int32_t *sums, const float *values, const int32_t *layer)
{
    const int32_t cells = layer[AI_K_LSTM_HYBRID_CELLS];
    constants all = {layer, weights, sums, values, &values[BEHIND_SCALES], NULL, NULL, NULL};
    const float *next = &all.bias[GATES * cells];
    if (layer[AI_K_LSTM_HYBRID_PEEPHOLES]) {
        all.peepholes = next;
        next += 3 * cells;
    }
    if (layer[AI_K_LSTM_HYBRID_NORMS]) {
        all.norms = next;
        next += GATES * cells;
    }
    all.projection_bias = next;
    return all;
}

/* out = given + scale * (the next matrix, [outputs][depth]) * in */
static void multiply(constants *next, const int8_t *in, const float *numbers, float scale, const float *given,
                     float *out, int32_t depth, int32_t outputs)
{
    ai_k_dense_hybrid_s8(in, numbers, next->weights, next->sums, &scale, given, out, depth, outputs,
                         next->layer[AI_K_LSTM_HYBRID_KIND]);
    next->weights += outputs * ((depth + 3) / 4 * 4);
    if (next->layer[AI_K_LSTM_HYBRID_KIND] & AI_K_HYBRID_OFFSET) {
        next->sums += outputs;
    }
}

/* values = (values - mean) / deviation * norm + bias */
static void normalize(float *values, const float *norm, const float *bias, int32_t cells)
{
    float mean = 0.0f, variance = 0.0f;
    for (int32_t n = 0; n < cells; n++) {
        mean += values[n];
    }
    mean /= (float)cells;
    for (int32_t n = 0; n < cells; n++) {
        const float distance = ai_k_alone(values[n] - mean);
        variance += ai_k_product(distance, distance);
    }
    const float inverse = 1.0f / sqrtf(variance / (float)cells + 1e-8f);
    for (int32_t n = 0; n < cells; n++) {
        values[n] = ai_k_product(ai_k_product(ai_k_alone(values[n] - mean), inverse), norm[n]) + bias[n];
    }
}

/* Function of a gate; the interpreter keeps the gates of the whole batch one behind the other, in the order input,
 * candidate, forget, output. */
static void activate(const int32_t *layer, int32_t gate, float *values, int32_t element)
{
    const int32_t cells = layer[AI_K_LSTM_HYBRID_CELLS], all = layer[AI_K_LSTM_HYBRID_BATCH] * cells;
    const int32_t place = (gate == INPUT ? 0 : gate + 1) - (layer[AI_K_LSTM_HYBRID_COUPLED] ? 1 : 0);
    if (gate == CANDIDATE) {
        ai_k_tanh_reference_f32(values, values, cells);
    } else if (layer[AI_K_LSTM_HYBRID_TIME_MAJOR]) {
        ai_k_logistic_reference_f32(values, cells, element * cells, place * all, all);
    } else {
        ai_k_logistic_reference_f32(values, cells, 0, place * all + element * cells, cells);
    }
}

/* Peephole, norm and function of one gate. */
static void finish_gate(const constants *all, int32_t gate, float *values, const float *c, int32_t element)
{
    const int32_t cells = all->layer[AI_K_LSTM_HYBRID_CELLS];
    if (all->peepholes != NULL && gate != CANDIDATE) {
        for (int32_t n = 0; n < cells; n++) {
            values[n] += ai_k_product(all->peepholes[gate * cells + n], c[n]);
        }
    }
    if (all->norms != NULL) {
        normalize(values, &all->norms[gate * cells], &all->bias[gate * cells], cells);
    }
    activate(all->layer, gate, values, element);
}

static void limit(float *values, int32_t count, float clip)
{
    for (int32_t i = 0; clip > 0.0f && i < count; i++) {
        values[i] = values[i] < -clip ? -clip : values[i] > clip ? clip : values[i];
    }
}

/* gates[gate][cells] = the sums of each gate that has weights. */
static void sum_gates(constants *next, const int8_t *x, const float *numbers, const int8_t *h, const float *h_numbers,
                      float *gates)
{
    const int32_t *const layer = next->layer;
    const int32_t cells = layer[AI_K_LSTM_HYBRID_CELLS];
    for (int32_t gate = layer[AI_K_LSTM_HYBRID_COUPLED] ? FORGET : INPUT; gate < GATES; gate++) {
        float *const sums = &gates[gate * cells];
        const float *given = &next->bias[gate * cells];
        for (int32_t n = 0; next->norms != NULL && n < cells; n++) {
            sums[n] = 0.0f;
        }
        given = next->norms != NULL ? sums : given;
        multiply(next, x, numbers, next->scales[gate], given, sums, layer[AI_K_LSTM_HYBRID_DEPTH], cells);
        multiply(next, h, h_numbers, next->scales[OVER_H + gate], sums, sums, layer[AI_K_LSTM_HYBRID_OUTPUTS], cells);
    }
}

/* c = limited(f * c + i * g) */
static void move_cells(const constants *all, float *gates, float *c)
{
    const int32_t cells = all->layer[AI_K_LSTM_HYBRID_CELLS], coupled = all->layer[AI_K_LSTM_HYBRID_COUPLED];
    const float *const taken = gates, *const kept = &gates[FORGET * cells], *const given = &gates[CANDIDATE * cells];
    for (int32_t n = 0; n < cells; n++) {
        const float share = coupled ? ai_k_alone(1.0f - kept[n]) : taken[n];
        c[n] = ai_k_product(kept[n], c[n]) + ai_k_product(given[n], share);
    }
    limit(c, cells, all->scales[CLIP]);
}

void ai_k_lstm_hybrid_s8(const int8_t *x, const float *h, const float *numbers, const int8_t *weights,
                         const int32_t *sums, const float *values, const int32_t *layer, float *c, float *out,
                         float *scratch, int32_t element)
{
    const int32_t cells = layer[AI_K_LSTM_HYBRID_CELLS], outputs = layer[AI_K_LSTM_HYBRID_OUTPUTS];
    const int32_t kind = layer[AI_K_LSTM_HYBRID_KIND];
    float *const gates = scratch, *const own = &scratch[GATES * cells], *const hidden = &gates[CANDIDATE * cells];
    int8_t *const quantized = (int8_t *)&own[2];
    constants all = constants_of(weights, sums, values, layer);
    ai_k_quantize_row_f32(h, quantized, own, outputs, kind);
    sum_gates(&all, x, numbers, quantized, own, gates);
    if (!layer[AI_K_LSTM_HYBRID_COUPLED]) {
        finish_gate(&all, INPUT, gates, c, element);
    }
    finish_gate(&all, FORGET, &gates[FORGET * cells], c, element);
    finish_gate(&all, CANDIDATE, &gates[CANDIDATE * cells], c, element);
    move_cells(&all, gates, c);
    finish_gate(&all, OUTPUT, &gates[OUTPUT * cells], c, element);
    ai_k_tanh_reference_f32(c, hidden, cells);
    for (int32_t n = 0; n < cells; n++) {
        hidden[n] = gates[OUTPUT * cells + n] * hidden[n];
    }
    if (layer[AI_K_LSTM_HYBRID_PROJECTION]) {
        ai_k_quantize_row_f32(hidden, quantized, own, cells, kind);
        multiply(&all, quantized, own, all.scales[OF_PROJECTION], all.projection_bias, out, cells, outputs);
        limit(out, outputs, all.scales[PROJECTION_CLIP]);
    } else {
        memcpy(out, hidden, (size_t)cells * sizeof *out);
    }
}
