/* SPDX-License-Identifier: Apache-2.0 */
#include <math.h>
#include <stddef.h>

#include "ai_k_activation_f32.h"
#include "ai_k_lstm.h"

enum { GATES = 4, INPUT = 0, FORGET = 1, OUTPUT = 2, CANDIDATE = 3 };
enum { DEPTH = 0, CELLS, OUTPUTS, COUPLED, PEEPHOLES, NORMS, PROJECTION };

/* gates[gate][cell] = bias (without norms) and the products with x and h. */
static void sum_gates(const float *x, const float *h, const float *weights, const float *bias, const int32_t *layer,
                      float *gates)
{
    const int32_t cells = layer[CELLS];
    for (int32_t n = 0; n < cells; n++) {
        for (int32_t gate = 0; gate < GATES; gate++) {
            const float *row = &weights[(n * (layer[DEPTH] + layer[OUTPUTS])) * GATES + gate];
            float sum = layer[NORMS] ? 0.0f : bias[n * GATES + gate];
            for (int32_t k = 0; k < layer[DEPTH]; k++, row += GATES) {
                sum += *row * x[k];
            }
            for (int32_t k = 0; k < layer[OUTPUTS]; k++, row += GATES) {
                sum += *row * h[k];
            }
            gates[gate * cells + n] = sum;
        }
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
        variance += (values[n] - mean) * (values[n] - mean);
    }
    const float inverse = 1.0f / sqrtf(variance / (float)cells + 1e-8f);
    for (int32_t n = 0; n < cells; n++) {
        values[n] = (values[n] - mean) * inverse * norm[n] + bias[n * GATES];
    }
}

/* Peephole (or NULL), norm (or NULL) and function of one gate. */
static void finish_gate(float *values, int32_t gate, const float *peephole, const float *norms, const float *bias,
                        const float *c, int32_t cells)
{
    for (int32_t n = 0; peephole != NULL && n < cells; n++) {
        values[n] += peephole[n] * c[n];
    }
    if (norms != NULL) {
        normalize(values, &norms[gate * cells], &bias[gate], cells);
    }
    if (gate == CANDIDATE) {
        ai_k_tanh_f32(values, values, cells);
    } else {
        ai_k_logistic_f32(values, values, cells);
    }
}

static float limited(float value, float clip)
{
    if (clip > 0.0f) {
        return value < -clip ? -clip : value > clip ? clip : value;
    }
    return value;
}

static void project(const float *hidden, const float *weights, float *out, int32_t outputs, int32_t cells, float clip)
{
    const float *const bias = &weights[outputs * cells];
    for (int32_t i = 0; i < outputs; i++) {
        float sum = bias[i];
        for (int32_t n = 0; n < cells; n++) {
            sum += weights[i * cells + n] * hidden[n];
        }
        out[i] = limited(sum, clip);
    }
}

void ai_k_lstm_general_f32(const float *x, const float *h, const float *weights, const float *bias, const float *extras,
                           const int32_t *layer, float *c, float *out, float *gates, float clip, float projection_clip)
{
    const int32_t cells = layer[CELLS];
    const float *const peepholes = layer[PEEPHOLES] ? extras : NULL;
    const float *const behind = &extras[layer[PEEPHOLES] ? 3 * cells : 0];
    const float *const norms = layer[NORMS] ? behind : NULL;
    const float *const projection = &behind[layer[NORMS] ? GATES * cells : 0];
    float *const taken = gates, *const kept = &gates[FORGET * cells], *const given = &gates[OUTPUT * cells];
    float *const candidate = &gates[CANDIDATE * cells];
    float *const hidden = layer[PROJECTION] ? &gates[GATES * cells] : out;
    sum_gates(x, h, weights, bias, layer, gates);
    if (!layer[COUPLED]) {
        finish_gate(taken, INPUT, peepholes, norms, bias, c, cells);
    }
    finish_gate(kept, FORGET, peepholes != NULL ? &peepholes[cells] : NULL, norms, bias, c, cells);
    finish_gate(candidate, CANDIDATE, NULL, norms, bias, c, cells);
    for (int32_t n = 0; n < cells; n++) {
        c[n] = limited(kept[n] * c[n] + (layer[COUPLED] ? 1.0f - kept[n] : taken[n]) * candidate[n], clip);
    }
    finish_gate(given, OUTPUT, peepholes != NULL ? &peepholes[2 * cells] : NULL, norms, bias, c, cells);
    ai_k_tanh_f32(c, candidate, cells);
    for (int32_t n = 0; n < cells; n++) {
        hidden[n] = given[n] * candidate[n];
    }
    if (layer[PROJECTION]) {
        project(hidden, projection, out, layer[OUTPUTS], cells, projection_clip);
    }
}
