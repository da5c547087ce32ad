/* SPDX-License-Identifier: Apache-2.0 */
#include "ai_k_lstm.h"

#include "ai_k_activation_f32.h"
#include "ai_k_arith.h"
#include "ai_k_lstm_arith.h"

enum { GATES = 4 };

/* sums[gate] += weights[k][gate] * in[k], 0 <= k < count; gives the weights behind them. */
static const float *add_products_f32(float *sums, const float *in, const float *weights, int32_t count)
{
    for (int32_t k = 0; k < count; k++, weights += GATES) {
        const float value = in[k];
        sums[0] += weights[0] * value;
        sums[1] += weights[1] * value;
        sums[2] += weights[2] * value;
        sums[3] += weights[3] * value;
    }
    return weights;
}

void ai_k_lstm_f32(const float *x, const float *h, const float *weights, const float *bias, float *c, float *out,
                   int32_t depth, int32_t cells, float clip, int32_t coupled)
{
    for (int32_t n = 0; n < cells; n++, bias += GATES) {
        float gates[GATES] = {bias[0], bias[1], bias[2], bias[3]};
        weights = add_products_f32(gates, x, weights, depth);
        weights = add_products_f32(gates, h, weights, cells);
        ai_k_logistic_f32(gates, gates, 3);
        ai_k_tanh_f32(&gates[3], &gates[3], 1);
        const float taken = coupled ? 1.0f - gates[1] : gates[0];
        float cell = gates[1] * c[n] + taken * gates[3];
        if (clip > 0.0f) {
            cell = cell < -clip ? -clip : cell > clip ? clip : cell;
        }
        c[n] = cell;
        ai_k_tanh_f32(&cell, &cell, 1);
        out[n] = gates[2] * cell;
    }
}

static const int8_t *add_products_s8(int32_t *sums, const int8_t *in, const int8_t *weights, int32_t count)
{
    for (int32_t k = 0; k < count; k++, weights += GATES) {
        const int32_t value = in[k];
        sums[0] += weights[0] * value;
        sums[1] += weights[1] * value;
        sums[2] += weights[2] * value;
        sums[3] += weights[3] * value;
    }
    return weights;
}

/* Q3.12: the scaled sum over x, and to it the one over h; each limited to 16 bits. */
static int32_t gate_input(const int32_t *sums, const int32_t *scaling)
{
    const int32_t first = limited16(ai_k_requantize(sums[0], scaling[0], scaling[1]));
    const int32_t second = ai_k_requantize(sums[GATES], scaling[2 * GATES], scaling[2 * GATES + 1]);
    return limited16(first + ai_k_clamp(second, -(1 << 17), 1 << 17)); /* the sum of any two does not overflow */
}

void ai_k_lstm_s8(const int8_t *x, const int8_t *h, const int8_t *weights, const int32_t *bias, const int32_t *scaling,
                  int16_t *c, int8_t *out, int32_t depth, int32_t cells)
{
    const int32_t *const rest = &scaling[4 * GATES];
    for (int32_t n = 0; n < cells; n++, bias += 2 * GATES) {
        int32_t sums[2 * GATES], gates[GATES];
        memcpy(sums, bias, sizeof sums);
        weights = add_products_s8(sums, x, weights, depth);
        weights = add_products_s8(&sums[GATES], h, weights, cells);
        for (int32_t gate = 0; gate < GATES; gate++) {
            const int32_t value = gate_input(&sums[gate], &scaling[2 * gate]);
            gates[gate] = gate < GATES - 1 ? logistic16(value) : tanh16(value, 3);
        }
        const int32_t kept = (int16_t)ai_k_round_shift(gates[1] * c[n], 15);
        const int32_t taken = rest[6] ? INT16_MAX - gates[1] : gates[0];
        const int32_t cell = limited16(kept + (int16_t)ai_k_round_shift(taken * gates[3], rest[3]));
        c[n] = (int16_t)(rest[5] > 0 ? ai_k_clamp(cell, -rest[5], rest[5]) : cell);
        const int32_t product = gates[2] * tanh16(c[n], rest[4]);
        const int32_t moved = limited16(ai_k_requantize(product, rest[0], rest[1])) + rest[2];
        out[n] = (int8_t)ai_k_clamp(moved, INT8_MIN, INT8_MAX);
    }
}
