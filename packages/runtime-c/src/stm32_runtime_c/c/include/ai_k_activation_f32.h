/* SPDX-License-Identifier: Apache-2.0 */
/* float32 functions of single values, without the C library. */
#ifndef AI_K_ACTIVATION_F32_H
#define AI_K_ACTIVATION_F32_H

#include <stdint.h>
#include <string.h>

/* exp(x) for x <= 0, with an error of about one unit in the last place; 0 for x <= -87, NaN for NaN.
 * exp(x) = 2^n * exp(r) with n the nearest integer to x / ln 2, and r + r^2 * (a polynomial of degree 4) = exp(r) - 1.
 */
static inline float ai_k_exp(float x)
{
    if (!(x > -87.0f)) {
        return x < 0.0f ? 0.0f : x;
    }
    const int32_t n = (int32_t)(x * 1.44269504f - 0.5f);
    const float whole = (float)n;
    const float r = (x - whole * 0.693359375f) + whole * 2.12194440e-4f; /* ln 2 in two parts; the first is exact */
    float p = 1.38144649e-3f;
    p = p * r + 8.36878084e-3f;
    p = p * r + 4.16683927e-2f;
    p = p * r + 1.66665196e-1f;
    p = p * r + 4.99999940e-1f;
    const float value = 1.0f + (r + r * r * p);
    int32_t bits;
    memcpy(&bits, &value, sizeof bits);
    bits += n * (1 << 23);
    float result;
    memcpy(&result, &bits, sizeof result);
    return result;
}

/* out[i] = f(in[i]), 0 <= i < count; in and out may be the same array. */
void ai_k_logistic_f32(const float *in, float *out, int32_t count);
void ai_k_tanh_f32(const float *in, float *out, int32_t count);
void ai_k_hard_swish_f32(const float *in, float *out, int32_t count); /* x * relu6(x + 3) / 6 */

#endif
