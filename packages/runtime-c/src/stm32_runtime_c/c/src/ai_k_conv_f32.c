/* SPDX-License-Identifier: Apache-2.0 */
#include "ai_k_conv_f32.h"

#include "ai_k_conv_block_f32.h"

enum { GROUP = 4 };

/* Pieces of the window rows: whole rows where the taps touch, else single taps. */
static void set_pieces(ai_k_f32_block *block, const int32_t *layer, int32_t taps)
{
    const int32_t depth = layer[AI_K_F32_DEPTH], channels = layer[AI_K_F32_CHANNELS];
    const int contiguous = depth == channels && layer[AI_K_F32_TAP_DILATION] == 1;
    const int32_t window_row = layer[AI_K_F32_TAPS] * depth;
    block->pieces = contiguous ? 1 : taps;
    block->length = contiguous ? taps * depth : depth;
    block->piece_skip = layer[AI_K_F32_TAP_DILATION] * channels - depth;
    block->row_skip = layer[AI_K_F32_ROW_DILATION] * layer[AI_K_F32_WIDTH] * channels - block->pieces * block->length -
                      (block->pieces - 1) * block->piece_skip;
    block->weights_skip = window_row - taps * depth;
    block->weights_advance = (layer[AI_K_F32_ROWS] - block->rows) * window_row;
}

/* One output channel of one pixel. */
static __attribute__((noinline)) float single(const float *x, const float *weights, float sum,
                                              const ai_k_f32_block *block)
{
    for (int32_t row = 0; row < block->rows; row++) {
        for (int32_t piece = 0; piece < block->pieces; piece++) {
            sum = ai_k_dot_f32(x, weights, block->length, sum);
            x += block->length + (piece + 1 < block->pieces ? block->piece_skip : block->row_skip);
            weights += block->length;
        }
        weights += block->weights_skip;
    }
    return block->relu && sum < 0.0f ? 0.0f : sum;
}

/* The output channels that make no group of 4; weights: the first tap inside the image of the first of them. */
static __attribute__((noinline)) void rest(const float *x, const float *weights, float *out,
                                           const ai_k_f32_block *block, int32_t pixels, const int32_t *layer)
{
    const int32_t first = GROUP * block->groups, outputs = layer[AI_K_F32_OUTPUTS];
    const int32_t window = layer[AI_K_F32_ROWS] * layer[AI_K_F32_TAPS] * layer[AI_K_F32_DEPTH];
    for (int32_t pixel = 0; pixel < pixels; pixel++) {
        for (int32_t channel = first; channel < outputs; channel++) {
            const float *const from = weights + (channel - first) * window;
            out[channel] = single(x, from, block->bias[channel], block);
        }
        x += block->x_step;
        out += block->y_step;
    }
}

/* Pixels whose windows lie outside the image. */
static __attribute__((noinline)) void outside(float *out, const float *bias, const int32_t *layer, int32_t pixels)
{
    for (int32_t pixel = 0; pixel < pixels; pixel++, out += layer[AI_K_F32_OUT_CHANNELS]) {
        for (int32_t channel = 0; channel < layer[AI_K_F32_OUTPUTS]; channel++) {
            out[channel] = layer[AI_K_F32_RELU] && bias[channel] < 0.0f ? 0.0f : bias[channel];
        }
    }
}

/* Pixels that are clipped alike; skipped: floats of a channel's weights in front of the first tap inside. */
static void run(const float *x, const float *weights, float *out, const ai_k_f32_block *block, int32_t skipped,
                int32_t pixels, const int32_t *layer)
{
    const int32_t window = layer[AI_K_F32_ROWS] * layer[AI_K_F32_TAPS] * layer[AI_K_F32_DEPTH];
    const float *const others = weights + GROUP * block->groups * window + skipped;
    weights += GROUP * skipped;
    while (pixels > 0) {
        const int32_t count = pixels >= 4 ? 4 : pixels >= 2 ? 2 : 1;
        if (block->groups > 0) {
            (count == 4 ? ai_k_conv_f32_x4 : count == 2 ? ai_k_conv_f32_x2 : ai_k_conv_f32_x1)(x, weights, out, block);
        }
        if (GROUP * block->groups < layer[AI_K_F32_OUTPUTS]) {
            rest(x, others, out, block, count, layer);
        }
        x += count * block->x_step;
        out += count * block->y_step;
        pixels -= count;
    }
}

void ai_k_conv_f32(const float *image, const float *weights, const float *bias, float *out, const int32_t *layer,
                   int32_t row, int32_t column, int32_t pixels)
{
    const int32_t taps = layer[AI_K_F32_TAPS], channels = layer[AI_K_F32_CHANNELS], stride = layer[AI_K_F32_STRIDE];
    const ai_k_range rows =
        ai_k_f32_inside(row, layer[AI_K_F32_HEIGHT], layer[AI_K_F32_ROWS], layer[AI_K_F32_ROW_DILATION]);
    ai_k_f32_block block;
    block.bias = bias;
    block.groups = layer[AI_K_F32_OUTPUTS] / GROUP;
    block.rows = rows.last - rows.first;
    block.x_step = stride * channels;
    block.y_step = layer[AI_K_F32_OUT_CHANNELS];
    block.relu = layer[AI_K_F32_RELU];
    row += rows.first * layer[AI_K_F32_ROW_DILATION];
    while (pixels > 0) {
        const int32_t count = ai_k_f32_alike(layer, column, pixels);
        const ai_k_range inside = ai_k_f32_inside(column, layer[AI_K_F32_WIDTH], taps, layer[AI_K_F32_TAP_DILATION]);
        if (block.rows <= 0 || inside.last <= inside.first) {
            outside(out, bias, layer, count);
        } else {
            const int32_t first = column + inside.first * layer[AI_K_F32_TAP_DILATION];
            const int32_t skipped = (rows.first * taps + inside.first) * layer[AI_K_F32_DEPTH];
            set_pieces(&block, layer, inside.last - inside.first);
            run(image + (row * layer[AI_K_F32_WIDTH] + first) * channels, weights, out, &block, skipped, count, layer);
        }
        out += count * block.y_step;
        column += count * stride;
        pixels -= count;
    }
}
