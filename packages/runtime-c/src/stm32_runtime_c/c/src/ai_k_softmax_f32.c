/* SPDX-License-Identifier: Apache-2.0 */
#include "ai_k_softmax_f32.h"

#include <math.h>

#include "ai_k_activation_f32.h"

static float row_maximum(const float *in, int32_t depth)
{
    float maximum = in[0];
    for (int32_t i = 1; i < depth; i++) {
        maximum = in[i] > maximum ? in[i] : maximum;
    }
    return maximum;
}

void ai_k_softmax_f32(const float *in, float *out, int32_t rows, int32_t depth, float beta)
{
    for (int32_t row = 0; row < rows; row++) {
        const float maximum = row_maximum(in, depth);
        float sum = 0.0f;
        for (int32_t i = 0; i < depth; i++) {
            out[i] = ai_k_exp((in[i] - maximum) * beta);
            sum += out[i];
        }
        const float factor = 1.0f / sum;
        for (int32_t i = 0; i < depth; i++) {
            out[i] *= factor;
        }
        in += depth;
        out += depth;
    }
}

void ai_k_log_softmax_f32(const float *in, float *out, int32_t rows, int32_t depth, float beta)
{
    for (int32_t row = 0; row < rows; row++) {
        const float maximum = row_maximum(in, depth);
        float sum = 0.0f;
        for (int32_t i = 0; i < depth; i++) {
            sum += ai_k_exp((in[i] - maximum) * beta);
        }
        const float log_sum = logf(sum);
        for (int32_t i = 0; i < depth; i++) {
            out[i] = (in[i] - maximum) * beta - log_sum;
        }
        in += depth;
        out += depth;
    }
}
