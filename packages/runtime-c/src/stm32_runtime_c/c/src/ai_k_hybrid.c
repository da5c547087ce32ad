/* SPDX-License-Identifier: Apache-2.0 */
#include "ai_k_hybrid.h"

#include <float.h>

#include "ai_k_alone.h"
#include "ai_k_dense_rows.h"
#include "ai_k_plain.h"

enum { HALF_RANGE = 127, RANGE = 255, LOWEST = -128 };

/* Halves away from zero. */
static inline int32_t nearest(float value)
{
    return (int32_t)(value < 0.0f ? value - 0.5f : value + 0.5f);
}

static inline float number_of(uint32_t bits)
{
    float value;
    memcpy(&value, &bits, sizeof value);
    return value;
}

static inline double magnitude(double value)
{
    return value < 0.0 ? -value : value;
}

/* The zero point of values low <= 0 <= high. */
static int32_t zero_point(float low, float high, double scale)
{
    const double below = (double)low / scale, above = (double)high / scale;
    const double from_low = LOWEST - below, from_high = HALF_RANGE - above;
    const double real = magnitude(below) + 128.0 < magnitude(above) + 127.0 ? from_low : from_high;
    if (real <= (double)LOWEST) {
        return LOWEST;
    }
    if (real >= (double)HALF_RANGE) {
        return HALF_RANGE;
    }
    return (int32_t)(real < 0.0 ? real - 0.5 : real + 0.5);
}

/* The least (at most 0) and the greatest value (at least 0); both 0 if one of all is infinite or not a number. Bits of
 * positive floats are in the order of integers, those of negative ones in the order of unsigned magnitudes. */
static void find_range(const float *in, int32_t count, float *low, float *high)
{
    uint32_t negative = UINT32_C(0x80000000);
    int32_t positive = 0;
    for (int32_t i = 0; i < count; i++) {
        uint32_t bits;
        memcpy(&bits, in + i, sizeof bits);
        negative = bits > negative ? bits : negative;
        positive = (int32_t)bits > positive ? (int32_t)bits : positive;
    }
    const int finite = positive < 0x7f800000 && negative < UINT32_C(0xff800000);
    *low = finite ? number_of(negative) : 0.0f;
    *high = finite ? number_of((uint32_t)positive) : 0.0f;
}

void ai_k_quantize_row_f32(const float *in, int8_t *out, float *numbers, int32_t count, int32_t offset)
{
    const float least_range = 8e-37f; /* the inverse of its scale is finite */
    float low, high, inverse;
    int32_t zero = 0, least = -HALF_RANGE;
    find_range(in, count, &low, &high);
    const float most = high > -low ? high : -low;
    if (!(most > least_range) || !(high - low < FLT_MAX)) {
        numbers[0] = 1.0f;
        numbers[1] = 0.0f;
        memset(out, 0, (size_t)count);
        return;
    }
    if (offset != 0) {
        const double scale = (double)ai_k_alone(high - low) / (double)RANGE;
        zero = zero_point(low, high, scale);
        least = LOWEST;
        numbers[0] = (float)scale;
        inverse = 1.0f / (float)scale;
    } else {
        numbers[0] = most / (float)HALF_RANGE;
        inverse = (float)HALF_RANGE / most;
    }
    numbers[1] = (float)zero;
    for (int32_t i = 0; i < count; i++) {
        out[i] = (int8_t)ai_k_clamp(nearest(ai_k_alone(in[i] * inverse)) + zero, least, HALF_RANGE);
    }
}

/* The result of a sum. */
static inline float finish(int32_t sum, float scale, float input_scale, float bias, int32_t kind)
{
    float value;
    if ((kind & AI_K_HYBRID_STEPWISE) != 0) {
        value = ai_k_alone((float)sum * scale) * input_scale;
    } else {
        value = (float)sum * ai_k_alone(scale * input_scale);
    }
    value = ai_k_alone(value) + bias;
    return (kind & AI_K_HYBRID_RELU) != 0 && value < 0.0f ? 0.0f : value;
}

void ai_k_dense_hybrid_s8(const int8_t *in, const float *numbers, const int8_t *weights, const int32_t *sums,
                          const float *scales, const float *bias, float *out, int32_t depth, int32_t outputs,
                          int32_t kind)
{
    const int32_t depth4 = (depth + 3) / 4 * 4, zero = (int32_t)numbers[1];
    const float input_scale = numbers[0];
    int32_t output = 0;
    while (output < outputs) {
        const int32_t count = outputs - output >= 4 ? 4 : 1;
        int32_t found[4] = {0, 0, 0, 0};
        if (count == 4) {
            ai_k_dense_rows_4(in, weights, depth, found);
        } else {
            found[0] = ai_k_dense_row(in, weights, depth, 0, 4);
        }
        weights += count * depth4;
        for (int32_t i = 0; i < count; i++, output++) {
            const int32_t shift = (kind & AI_K_HYBRID_OFFSET) != 0 ? zero * sums[output] : 0;
            const float scale = scales[(kind & AI_K_HYBRID_SCALES) != 0 ? output : 0];
            out[output] = finish(found[i] - shift, scale, input_scale, bias[output], kind);
        }
    }
}

void ai_k_patch_hybrid_s8(int8_t *patch, const int8_t *image, const float *numbers, const int32_t *geometry,
                          int32_t row, int32_t column)
{
    int32_t filled[9];
    memcpy(filled, geometry, 8 * sizeof filled[0]);
    filled[8] = (int32_t)numbers[1];
    ai_k_patch_plain_s8(patch, image, filled, row, column);
}

/* The taps of a window that lie inside the image, and steps in values. */
typedef struct {
    const int8_t *x, *weights;
    int32_t rows, columns;
    int32_t x_row, x_column, w_row, w_column;
    int32_t zero;
} window;

/* First and number of the taps start + i * dilation, i < taps, inside of 0 .. size - 1. */
static void inside(int32_t start, int32_t taps, int32_t dilation, int32_t size, int32_t *first, int32_t *count)
{
    int32_t low = 0, high = taps;
    while (low < taps && start + low * dilation < 0) {
        low++;
    }
    while (high > low && start + (high - 1) * dilation >= size) {
        high--;
    }
    *first = low;
    *count = high - low;
}

static int32_t tap_sum(const window *w, int32_t channel, int32_t output)
{
    int32_t sum = 0;
    for (int32_t row = 0; row < w->rows; row++) {
        const int8_t *x = w->x + row * w->x_row + channel, *weight = w->weights + row * w->w_row + output;
        for (int32_t column = w->columns; column > 0; column--) {
            sum += *weight * (*x - w->zero);
            x += w->x_column;
            weight += w->w_column;
        }
    }
    return sum;
}

/* Four neighbouring channels with one output each. */
static void tap_sums(const window *w, int32_t channel, int32_t sums[4])
{
    int32_t a = 0, b = 0, c = 0, d = 0;
    const int32_t zero = w->zero;
    for (int32_t row = 0; row < w->rows; row++) {
        const int8_t *x = w->x + row * w->x_row + channel, *weight = w->weights + row * w->w_row + channel;
        for (int32_t column = w->columns; column > 0; column--) {
            a += weight[0] * (x[0] - zero);
            b += weight[1] * (x[1] - zero);
            c += weight[2] * (x[2] - zero);
            d += weight[3] * (x[3] - zero);
            x += w->x_column;
            weight += w->w_column;
        }
    }
    sums[0] = a;
    sums[1] = b;
    sums[2] = c;
    sums[3] = d;
}

void ai_k_depthwise_hybrid_s8(const int8_t *image, const float *numbers, const int8_t *weights, const float *scales,
                              const float *bias, float *out, const int32_t *layer, int32_t row, int32_t column)
{
    const int32_t height = layer[0], width = layer[1], channels = layer[2], multiplier = layer[3];
    const int32_t outputs = channels * multiplier, taps = layer[5];
    int32_t top, left;
    window w;
    inside(row, layer[4], layer[6], height, &top, &w.rows);
    inside(column, taps, layer[7], width, &left, &w.columns);
    w.x = image + ((row + top * layer[6]) * width + column + left * layer[7]) * channels;
    w.weights = weights + (top * taps + left) * outputs;
    w.x_row = layer[6] * width * channels;
    w.x_column = layer[7] * channels;
    w.w_row = taps * outputs;
    w.w_column = outputs;
    w.zero = (int32_t)numbers[1];
    for (int32_t output = 0; output < outputs;) {
        int32_t sums[4];
        const int32_t count = multiplier == 1 && outputs - output >= 4 ? 4 : 1;
        if (count == 4) {
            tap_sums(&w, output, sums);
        } else {
            sums[0] = tap_sum(&w, output / multiplier, output);
        }
        for (int32_t i = 0; i < count; i++, output++) {
            out[output] = finish(sums[i], scales[output], numbers[0], bias[output], layer[8]);
        }
    }
}
