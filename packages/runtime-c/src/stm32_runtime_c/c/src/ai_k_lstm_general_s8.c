/* SPDX-License-Identifier: Apache-2.0 */
#include <stddef.h>

#include "ai_k_inverse_root.h"
#include "ai_k_lstm.h"
#include "ai_k_lstm_arith.h"

enum { GATES = 4, INPUT = 0, FORGET = 1, OUTPUT = 2, CANDIDATE = 3 };
enum { DEPTH = 0, CELLS, OUTPUTS, COUPLED, PEEPHOLES, NORMS, PROJECTION };
/* Places in scaling. */
enum { HIDDEN = 16, HIDDEN_ZERO = 18, CELL_SHIFT = 19, CELL_WHOLE = 20, CELL_CLIP = 21, PEEPHOLE = 23, NORM = 29 };
enum { VARIANCE = 37, PROJECT = 41, PROJECT_ZERO = 43, PROJECT_CLIP = 44 };

/* gate + requantized sum, limited to 16 bits; the first summand is limited so that the sum of both does not overflow.
 */
static int16_t added(int32_t gate, int32_t sum, const int32_t *scaling)
{
    const int32_t scaled = ai_k_clamp(ai_k_requantize(sum, scaling[0], scaling[1]), -(1 << 17), 1 << 17);
    return (int16_t)limited16(gate + scaled);
}

/* bias and the products of one gate's weights with in. */
static int32_t products(const int8_t *in, const int8_t *weights, int32_t bias, int32_t count)
{
    int32_t sum = bias;
    for (int32_t k = 0; k < count; k++, weights += GATES) {
        sum += *weights * in[k];
    }
    return sum;
}

static void sum_gates(const int8_t *x, const int8_t *h, const int8_t *weights, const int32_t *bias,
                      const int32_t *scaling, const int32_t *layer, int16_t *gates)
{
    const int32_t cells = layer[CELLS], depth = layer[DEPTH], outputs = layer[OUTPUTS];
    for (int32_t n = 0; n < cells; n++) {
        for (int32_t gate = 0; gate < GATES; gate++) {
            const int8_t *const row = &weights[n * (depth + outputs) * GATES + gate];
            const int32_t *const start = &bias[n * 2 * GATES + gate];
            const int16_t over_x = added(0, products(x, row, start[0], depth), &scaling[2 * gate]);
            const int32_t over_h = products(h, &row[depth * GATES], start[GATES], outputs);
            gates[gate * cells + n] = added(over_x, over_h, &scaling[2 * GATES + 2 * gate]);
        }
    }
}

/* Mean in 1/1024 and inverse of the deviation as multiplier and shift. (TFLite: ApplyLayerNorm) */
static int32_t statistics(const int16_t *values, int32_t cells, int32_t least, int32_t *multiplier, int32_t *shift)
{
    int64_t sum = 0, squares = 0;
    for (int32_t n = 0; n < cells; n++) {
        sum += values[n];
        squares += values[n] * values[n];
    }
    const int32_t mean = (int32_t)(sum * 1024 / cells);
    const int32_t variance = (int32_t)((squares * ((1 << 20) / cells) - (int64_t)mean * mean) / (1 << 20));
    *multiplier = inverse_square_root(variance < 1 ? least : variance, shift);
    return mean;
}

static void normalize(int16_t *values, const int16_t *norm, const int32_t *bias, const int32_t *scaling, int32_t least,
                      int32_t cells)
{
    int32_t multiplier, shift;
    const int32_t mean = statistics(values, cells, least, &multiplier, &shift);
    for (int32_t n = 0; n < cells; n++) {
        const int32_t even = ai_k_requantize(1024 * values[n] - mean, multiplier, shift);
        const int32_t weighted = (int32_t)((uint32_t)even * (uint32_t)(int32_t)norm[n] + (uint32_t)bias[n * GATES]);
        const int32_t rounded = (int32_t)(((int64_t)weighted + (weighted > 0 ? 512 : -512)) / 1024);
        values[n] = (int16_t)limited16(ai_k_requantize(rounded, scaling[0], scaling[1] + 12));
    }
}

/* Norm (if there is one) and function of one gate. */
static void finish_gate(int16_t *gates, int32_t gate, const int16_t *norms, const int32_t *bias, const int32_t *scaling,
                        int32_t cells)
{
    int16_t *const values = &gates[gate * cells];
    if (norms != NULL) {
        normalize(values, &norms[gate * cells], &bias[gate], &scaling[NORM + 2 * gate], scaling[VARIANCE + gate],
                  cells);
    }
    for (int32_t n = 0; n < cells; n++) {
        values[n] = (int16_t)(gate == CANDIDATE ? tanh16(values[n], 3) : logistic16(values[n]));
    }
}

/* Adds c times the peephole's weights; `place` is 0, 1, 2 for the gates input, forget, output. */
static void peep(int16_t *gates, int32_t place, const int16_t *peepholes, const int32_t *scaling, const int16_t *c,
                 int32_t cells)
{
    for (int32_t n = 0; n < cells; n++) {
        int16_t *const value = &gates[place * cells + n];
        *value = added(*value, peepholes[place * cells + n] * c[n], &scaling[PEEPHOLE + 2 * place]);
    }
}

static void update(int16_t *c, const int16_t *gates, const int32_t *scaling, const int32_t *layer)
{
    const int32_t cells = layer[CELLS], clip = scaling[CELL_CLIP];
    for (int32_t n = 0; n < cells; n++) {
        const int32_t forget = gates[FORGET * cells + n];
        const int32_t taken = layer[COUPLED] ? INT16_MAX - forget : gates[n];
        const int32_t kept = (int16_t)ai_k_round_shift(forget * c[n], 15);
        const int32_t fresh = (int16_t)ai_k_round_shift(taken * gates[CANDIDATE * cells + n], scaling[CELL_SHIFT]);
        const int32_t cell = limited16(kept + fresh);
        c[n] = (int16_t)(clip > 0 ? ai_k_clamp(cell, -clip, clip) : cell);
    }
}

static int32_t projected(const int16_t *hidden, const int8_t *weights, int32_t bias, const int32_t *scaling,
                         int32_t cells)
{
    int32_t sum = bias;
    for (int32_t n = 0; n < cells; n++) {
        sum += hidden[n] * weights[n];
    }
    const int32_t scaled = ai_k_requantize(sum, scaling[PROJECT], scaling[PROJECT + 1]) + scaling[PROJECT_ZERO];
    const int32_t out = ai_k_clamp(scaled, INT8_MIN, INT8_MAX), clip = scaling[PROJECT_CLIP];
    return clip > 0 ? ai_k_clamp(out, -clip, clip) : out;
}

void ai_k_lstm_general_s8(const int8_t *x, const int8_t *h, const int8_t *weights, const int32_t *bias,
                          const int16_t *coefficients, const int8_t *projection, const int32_t *scaling,
                          const int32_t *layer, int16_t *c, int8_t *out, int16_t *gates)
{
    const int32_t cells = layer[CELLS];
    const int16_t *const norms = layer[NORMS] ? &coefficients[layer[PEEPHOLES] ? 3 * cells : 0] : NULL;
    const int32_t *const norm_bias = &bias[2 * GATES * cells];
    const int32_t *const projection_bias = &norm_bias[layer[NORMS] ? GATES * cells : 0];
    int16_t *const hidden = &gates[GATES * cells];
    sum_gates(x, h, weights, bias, scaling, layer, gates);
    for (int32_t gate = layer[COUPLED] ? FORGET : INPUT; gate < OUTPUT; gate++) {
        if (layer[PEEPHOLES]) {
            peep(gates, gate, coefficients, scaling, c, cells);
        }
        finish_gate(gates, gate, norms, norm_bias, scaling, cells);
    }
    finish_gate(gates, CANDIDATE, norms, norm_bias, scaling, cells);
    update(c, gates, scaling, layer);
    if (layer[PEEPHOLES]) {
        peep(gates, OUTPUT, coefficients, scaling, c, cells);
    }
    finish_gate(gates, OUTPUT, norms, norm_bias, scaling, cells);
    for (int32_t n = 0; n < cells; n++) {
        const int32_t product = gates[OUTPUT * cells + n] * tanh16(c[n], scaling[CELL_WHOLE]);
        const int32_t moved = limited16(ai_k_requantize(product, scaling[HIDDEN], scaling[HIDDEN + 1]));
        hidden[n] = (int16_t)ai_k_clamp(moved + scaling[HIDDEN_ZERO], INT8_MIN, INT8_MAX);
    }
    for (int32_t i = 0; i < layer[OUTPUTS]; i++) {
        const int8_t *const row = &projection[i * cells];
        out[i] = (int8_t)(layer[PROJECTION] ? projected(hidden, row, projection_bias[i], scaling, cells) : hidden[i]);
    }
}
