/* SPDX-License-Identifier: Apache-2.0 */
#include "ai_k_hybrid.h"
#include "ai_k_recurrent_hybrid.h"
#include "ai_k_reference_f32.h"

void ai_k_rnn_hybrid_s8(const int8_t *x, const float *h, const float *numbers, const int8_t *weights,
                        const int32_t *sums, const float *scales, const float *bias, float *out, float *scratch,
                        int32_t depth, int32_t units, int32_t kind, float low, float high)
{
    int8_t *const quantized = (int8_t *)&scratch[2];
    const int8_t *const recurrent = &weights[units * ((depth + 3) / 4 * 4)];
    ai_k_dense_hybrid_s8(x, numbers, weights, sums, &scales[0], bias, out, depth, units, kind);
    ai_k_quantize_row_f32(h, quantized, scratch, units, kind);
    ai_k_dense_hybrid_s8(quantized, scratch, recurrent, &sums[units], &scales[1], out, out, units, units, kind);
    if (low > high) {
        ai_k_tanh_reference_f32(out, out, units);
        return;
    }
    for (int32_t i = 0; i < units; i++) {
        out[i] = out[i] < low ? low : out[i] > high ? high : out[i];
    }
}
