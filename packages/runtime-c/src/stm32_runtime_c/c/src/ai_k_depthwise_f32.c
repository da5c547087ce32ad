/* SPDX-License-Identifier: Apache-2.0 */
#include "ai_k_depthwise_f32.h"

enum { LANES = 4 };

/* The part of the windows that lies inside the image; distances in floats. */
typedef struct {
    int32_t rows, taps;
    int32_t x_row, x_tap; /* from a row of the window, or a tap, to the next */
    int32_t w_row, w_tap;
    int32_t relu;
} window;

static inline float activated(float value, const window *inside)
{
    return inside->relu && value < 0.0f ? 0.0f : value;
}

/* Four channels of two pixels. */
static void lanes(const float *x0, const float *x1, const float *weights, const float *bias, float *out0, float *out1,
                  const window *inside)
{
    float a0 = bias[0], a1 = bias[1], a2 = bias[2], a3 = bias[3];
    float b0 = a0, b1 = a1, b2 = a2, b3 = a3;
    for (int32_t row = 0; row < inside->rows; row++) {
        const float *from0 = x0 + row * inside->x_row, *from1 = x1 + row * inside->x_row;
        const float *weight = weights + row * inside->w_row;
        for (int32_t tap = 0; tap < inside->taps; tap++) {
            const float w0 = weight[0], w1 = weight[1], w2 = weight[2], w3 = weight[3];
            a0 += w0 * from0[0];
            a1 += w1 * from0[1];
            a2 += w2 * from0[2];
            a3 += w3 * from0[3];
            b0 += w0 * from1[0];
            b1 += w1 * from1[1];
            b2 += w2 * from1[2];
            b3 += w3 * from1[3];
            from0 += inside->x_tap;
            from1 += inside->x_tap;
            weight += inside->w_tap;
        }
    }
    out0[0] = activated(a0, inside);
    out0[1] = activated(a1, inside);
    out0[2] = activated(a2, inside);
    out0[3] = activated(a3, inside);
    out1[0] = activated(b0, inside);
    out1[1] = activated(b1, inside);
    out1[2] = activated(b2, inside);
    out1[3] = activated(b3, inside);
}

/* One output channel of one pixel. */
static float single(const float *x, const float *weights, float sum, const window *inside)
{
    for (int32_t row = 0; row < inside->rows; row++) {
        for (int32_t tap = 0; tap < inside->taps; tap++) {
            sum += weights[row * inside->w_row + tap * inside->w_tap] * x[row * inside->x_row + tap * inside->x_tap];
        }
    }
    return activated(sum, inside);
}

/* All channels of one pixel or of two (second: floats from one to the other in the image, out_second in the output). */
static void pixel(const float *x, int32_t second, const float *weights, const float *bias, float *out,
                  int32_t out_second, const window *inside, const int32_t *layer)
{
    const int32_t outputs = layer[AI_K_F32_OUTPUTS], multiplier = outputs / layer[AI_K_F32_DEPTH];
    int32_t channel = 0;
    for (; multiplier == 1 && channel + LANES <= outputs; channel += LANES) {
        const float *const from = x + channel;
        float *const to = out + channel;
        lanes(from, from + second, weights + channel, bias + channel, to, to + out_second, inside);
    }
    for (; channel < outputs; channel++) {
        const float *const from = x + channel / multiplier;
        const float first = single(from, weights + channel, bias[channel], inside);
        out[channel + out_second] =
            second == 0 ? first : single(from + second, weights + channel, bias[channel], inside);
        out[channel] = first;
    }
}

void ai_k_depthwise_f32(const float *image, const float *weights, const float *bias, float *out, const int32_t *layer,
                        int32_t row, int32_t column, int32_t pixels)
{
    const int32_t width = layer[AI_K_F32_WIDTH], channels = layer[AI_K_F32_CHANNELS], stride = layer[AI_K_F32_STRIDE];
    const int32_t row_dilation = layer[AI_K_F32_ROW_DILATION], tap_dilation = layer[AI_K_F32_TAP_DILATION];
    const ai_k_range rows = ai_k_f32_inside(row, layer[AI_K_F32_HEIGHT], layer[AI_K_F32_ROWS], row_dilation);
    window inside = {.rows = rows.last - rows.first, .relu = layer[AI_K_F32_RELU]};
    inside.x_row = row_dilation * width * channels;
    inside.x_tap = tap_dilation * channels;
    inside.w_tap = layer[AI_K_F32_OUTPUTS];
    inside.w_row = layer[AI_K_F32_TAPS] * inside.w_tap;
    image += (row + rows.first * row_dilation) * width * channels;
    weights += rows.first * inside.w_row;
    while (pixels > 0) {
        const int32_t alike = ai_k_f32_alike(layer, column, pixels), count = alike > 1 ? 2 : 1;
        const ai_k_range taps = ai_k_f32_inside(column, width, layer[AI_K_F32_TAPS], tap_dilation);
        const float *const x = image + (column + taps.first * tap_dilation) * channels;
        const int32_t step = (count - 1) * stride * channels, out_step = (count - 1) * layer[AI_K_F32_OUT_CHANNELS];
        inside.taps = taps.last - taps.first;
        pixel(x, step, weights + taps.first * inside.w_tap, bias, out, out_step, &inside, layer);
        out += count * layer[AI_K_F32_OUT_CHANNELS];
        column += count * stride;
        pixels -= count;
    }
}
