/* SPDX-License-Identifier: Apache-2.0 */
#include "ai_k_pool_f32.h"

static inline float clamped(float value, float low, float high)
{
    const float above = value < low ? low : value;
    return above > high ? high : above;
}

void ai_k_average_pool_f32(const float *in, float *out, int32_t rows, int32_t columns, int32_t pitch, int32_t channels,
                           float low, float high)
{
    const float count = (float)(rows * columns);
    for (int32_t channel = 0; channel < channels; channel++) {
        float sum = 0.0f;
        for (int32_t row = 0; row < rows; row++) {
            const float *from = in + row * pitch + channel;
            for (int32_t column = 0; column < columns; column++) {
                sum += *from;
                from += channels;
            }
        }
        out[channel] = clamped(sum / count, low, high);
    }
}

void ai_k_max_pool_f32(const float *in, float *out, int32_t rows, int32_t columns, int32_t pitch, int32_t channels,
                       float low, float high)
{
    for (int32_t channel = 0; channel < channels; channel++) {
        float largest = in[channel];
        for (int32_t row = 0; row < rows; row++) {
            const float *from = in + row * pitch + channel;
            for (int32_t column = 0; column < columns; column++) {
                largest = *from > largest ? *from : largest;
                from += channels;
            }
        }
        out[channel] = clamped(largest, low, high);
    }
}

void ai_k_clamp_f32(float *values, int32_t count, float low, float high)
{
    for (int32_t i = 0; i < count; i++) {
        values[i] = clamped(values[i], low, high);
    }
}
