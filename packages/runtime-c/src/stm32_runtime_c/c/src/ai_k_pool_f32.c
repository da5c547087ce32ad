/* SPDX-License-Identifier: Apache-2.0 */
#include "ai_k_pool_f32.h"

#include <float.h>

static inline float clamped(float value, float low, float high)
{
    const float above = value < low ? low : value;
    return above > high ? high : above;
}

/* Four channels, as far as there are so many; returns the channels that are done. */
static int32_t average_lanes(const float *in, float *out, int32_t rows, int32_t columns, int32_t pitch,
                             int32_t channels, float factor)
{
    int32_t channel = 0;
    for (; channel + 4 <= channels; channel += 4) {
        float a = 0.0f, b = 0.0f, c = 0.0f, d = 0.0f;
        for (int32_t row = 0; row < rows; row++) {
            const float *from = in + row * pitch + channel;
            for (int32_t column = 0; column < columns; column++) {
                a += from[0];
                b += from[1];
                c += from[2];
                d += from[3];
                from += channels;
            }
        }
        out[channel] = a * factor;
        out[channel + 1] = b * factor;
        out[channel + 2] = c * factor;
        out[channel + 3] = d * factor;
    }
    return channel;
}

void ai_k_average_pool_f32(const float *in, float *out, int32_t rows, int32_t columns, int32_t pitch, int32_t channels,
                           float low, float high)
{
    const float factor = 1.0f / (float)(rows * columns);
    int32_t channel = average_lanes(in, out, rows, columns, pitch, channels, factor);
    for (; channel < channels; channel++) {
        float sum = 0.0f;
        for (int32_t row = 0; row < rows; row++) {
            const float *from = in + row * pitch + channel;
            for (int32_t column = 0; column < columns; column++) {
                sum += *from;
                from += channels;
            }
        }
        out[channel] = sum * factor;
    }
    if (low > -FLT_MAX || high < FLT_MAX) {
        ai_k_clamp_f32(out, channels, low, high);
    }
}

static inline float larger(float value, float than)
{
    return value > than ? value : than;
}

/* Four channels, as far as there are so many; returns the channels that are done. */
static int32_t max_lanes(const float *in, float *out, int32_t rows, int32_t columns, int32_t pitch, int32_t channels)
{
    int32_t channel = 0;
    for (; channel + 4 <= channels; channel += 4) {
        float a = in[channel], b = in[channel + 1], c = in[channel + 2], d = in[channel + 3];
        for (int32_t row = 0; row < rows; row++) {
            const float *from = in + row * pitch + channel;
            for (int32_t column = 0; column < columns; column++) {
                a = larger(from[0], a);
                b = larger(from[1], b);
                c = larger(from[2], c);
                d = larger(from[3], d);
                from += channels;
            }
        }
        out[channel] = a;
        out[channel + 1] = b;
        out[channel + 2] = c;
        out[channel + 3] = d;
    }
    return channel;
}

void ai_k_max_pool_f32(const float *in, float *out, int32_t rows, int32_t columns, int32_t pitch, int32_t channels,
                       float low, float high)
{
    int32_t channel = max_lanes(in, out, rows, columns, pitch, channels);
    for (; channel < channels; channel++) {
        float largest = in[channel];
        for (int32_t row = 0; row < rows; row++) {
            const float *from = in + row * pitch + channel;
            for (int32_t column = 0; column < columns; column++) {
                largest = larger(*from, largest);
                from += channels;
            }
        }
        out[channel] = largest;
    }
    if (low > -FLT_MAX || high < FLT_MAX) {
        ai_k_clamp_f32(out, channels, low, high);
    }
}

void ai_k_clamp_f32(float *values, int32_t count, float low, float high)
{
    for (int32_t i = 0; i < count; i++) {
        values[i] = clamped(values[i], low, high);
    }
}
