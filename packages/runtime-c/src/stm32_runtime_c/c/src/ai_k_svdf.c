/* SPDX-License-Identifier: Apache-2.0 */
#include "ai_k_svdf.h"

#include "ai_k_arith.h"

/* start + sum of a[i] * b[i]; unsigned, because sums of 16-bit products wrap. */
static int32_t dot_s16(const int16_t *a, const int16_t *b, int32_t count, int32_t start)
{
    uint32_t sum = (uint32_t)start;
    for (int32_t i = 0; i < count; i++) {
        sum += (uint32_t)((int32_t)a[i] * b[i]);
    }
    return (int32_t)sum;
}

static int32_t dot_s8(const int8_t *a, const int8_t *b, int32_t count, int32_t start)
{
    uint32_t sum = (uint32_t)start;
    for (int32_t i = 0; i < count; i++) {
        sum += (uint32_t)((int32_t)a[i] * b[i]);
    }
    return (int32_t)sum;
}

static float dot_f32(const float *a, const float *b, int32_t count, float start)
{
    float sum = start;
    for (int32_t i = 0; i < count; i++) {
        sum += a[i] * b[i];
    }
    return sum;
}

/* Scaled and moved by the zero point, which may wrap as in the reference. */
static int32_t scaled(int32_t sum, int32_t multiplier, int32_t shift, int32_t zero_point)
{
    return (int32_t)((uint32_t)ai_k_requantize(sum, multiplier, shift) + (uint32_t)zero_point);
}

void ai_k_svdf_filter_s16(const int8_t *in, const int8_t *weights, const int32_t *bias, int16_t *out, int32_t depth,
                          int32_t rows, int32_t step, int32_t multiplier, int32_t shift)
{
    for (int32_t r = 0; r < rows; r++) {
        const int32_t sum = dot_s8(&weights[r * depth], in, depth, bias[r]);
        out[r * step] = (int16_t)ai_k_clamp(ai_k_requantize(sum, multiplier, shift), INT16_MIN, INT16_MAX);
    }
}

void ai_k_svdf_filter_s8(const int8_t *in, const int8_t *weights, const int32_t *bias, int8_t *out, int32_t depth,
                         int32_t rows, int32_t step, int32_t multiplier, int32_t shift, int32_t zero_point)
{
    for (int32_t r = 0; r < rows; r++) {
        const int32_t sum = dot_s8(&weights[r * depth], in, depth, bias[r]);
        out[r * step] = (int8_t)ai_k_clamp(scaled(sum, multiplier, shift, zero_point), INT8_MIN, INT8_MAX);
    }
}

void ai_k_svdf_filter_f32(const float *in, const float *weights, float *out, int32_t depth, int32_t rows, int32_t step)
{
    for (int32_t r = 0; r < rows; r++) {
        out[r * step] = dot_f32(&weights[r * depth], in, depth, 0.0f);
    }
}

void ai_k_svdf_unit_s16(const int16_t *state, const int16_t *weights, const int32_t *bias, int8_t *out, int32_t depth,
                        int32_t rows, int32_t multiplier, int32_t shift, int32_t zero_point)
{
    for (int32_t r = 0; r < rows; r++) {
        const int32_t sum = dot_s16(&state[r * depth], &weights[r * depth], depth, bias[r]);
        out[r] = (int8_t)ai_k_clamp(scaled(sum, multiplier, shift, zero_point), INT8_MIN, INT8_MAX);
    }
}

void ai_k_svdf_unit_s8(const int8_t *state, const int8_t *weights, const int32_t *bias, int8_t *out, int32_t depth,
                       int32_t rows, int32_t multiplier, int32_t shift, int32_t zero_point)
{
    for (int32_t r = 0; r < rows; r++) {
        const int32_t sum = dot_s8(&state[r * depth], &weights[r * depth], depth, bias[r]);
        out[r] = (int8_t)ai_k_clamp(scaled(sum, multiplier, shift, zero_point), INT8_MIN, INT8_MAX);
    }
}

void ai_k_svdf_unit_f32(const float *state, const float *weights, const float *bias, float *out, int32_t depth,
                        int32_t rows, float low, float high)
{
    for (int32_t r = 0; r < rows; r++) {
        const float sum = dot_f32(&state[r * depth], &weights[r * depth], depth, bias[r]);
        out[r] = sum < low ? low : sum > high ? high : sum;
    }
}
