/* SPDX-License-Identifier: Apache-2.0 */
#include "ai_k_activation_f32.h"

void ai_k_logistic_f32(const float *in, float *out, int32_t count)
{
    for (int32_t i = 0; i < count; i++) {
        const float x = in[i], e = ai_k_exp(x > 0.0f ? -x : x);
        out[i] = (x > 0.0f ? 1.0f : e) / (1.0f + e);
    }
}

/* tanh(x) = x + x^3 * (a polynomial of x^2) near 0, where 1 - exp(-2x) would lose its last digits. */
static inline float tanh_near_0(float x)
{
    const float square = x * x;
    float p = 1.72569715e-2f;
    p = p * square - 5.30529395e-2f;
    p = p * square + 1.33259878e-1f;
    p = p * square - 3.33331496e-1f;
    return x + x * square * p;
}

void ai_k_tanh_f32(const float *in, float *out, int32_t count)
{
    for (int32_t i = 0; i < count; i++) {
        const float x = in[i], magnitude = x < 0.0f ? -x : x;
        if (magnitude < 0.5f) {
            out[i] = tanh_near_0(x);
        } else {
            const float e = ai_k_exp(-2.0f * magnitude), value = (1.0f - e) / (1.0f + e);
            out[i] = x < 0.0f ? -value : value;
        }
    }
}

void ai_k_hard_swish_f32(const float *in, float *out, int32_t count)
{
    for (int32_t i = 0; i < count; i++) {
        const float x = in[i], sum = x + 3.0f, above = sum < 0.0f ? 0.0f : sum;
        out[i] = x * (above > 6.0f ? 6.0f : above) * (1.0f / 6.0f);
    }
}
