/* SPDX-License-Identifier: Apache-2.0 */
/* The float assembly and its C twin give the same bytes: random layers whose sums are exact in float32, whatever their
 * order. The twins are the same sources compiled with AI_K_PORTABLE and other names (see test_runtime_f32.py). */
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include "ai_k_conv_f32.h"
#include "ai_k_dense_f32.h"
#include "ai_k_depthwise_f32.h"
#include "check.h"

enum { LAYERS = 3000, IMAGE = 4096, WEIGHTS = 8192, OUTPUTS = 64, OUT = 2048 };

void twin_conv_f32(const float *image, const float *weights, const float *bias, float *out, const int32_t *layer,
                   int32_t row, int32_t column, int32_t pixels);
void twin_depthwise_f32(const float *image, const float *weights, const float *bias, float *out, const int32_t *layer,
                        int32_t row, int32_t column, int32_t pixels);
void twin_dense_f32(const float *in, const float *weights, const float *bias, float *out, int32_t depth,
                    int32_t outputs, int32_t relu);

unsigned check_failures;
static uint32_t state = 20260103u;
static float image[IMAGE], weights[WEIGHTS], bias[OUTPUTS], out[2][OUT];

/* 0 .. bound - 1 */
static int32_t draw(int32_t bound)
{
    state = state * 1664525u + 1013904223u;
    return (int32_t)((state >> 8) % (uint32_t)bound);
}

/* Multiples of 1/8 below 4 in magnitude: up to 2^14 products of them have an exact sum. */
static void fill(float *values, int32_t count)
{
    for (int32_t i = 0; i < count; i++) {
        values[i] = (float)(draw(63) - 31) / 8.0f;
    }
}

/* A layer whose image and weights fit the arrays; returns the pixels of a row. */
static int32_t draw_layer(int32_t *layer)
{
    layer[AI_K_F32_HEIGHT] = 1 + draw(6);
    layer[AI_K_F32_WIDTH] = 1 + draw(14);
    layer[AI_K_F32_DEPTH] = 1 + draw(11);
    layer[AI_K_F32_CHANNELS] = layer[AI_K_F32_DEPTH] + (draw(3) == 0 ? draw(5) : 0);
    layer[AI_K_F32_ROWS] = 1 + draw(4);
    layer[AI_K_F32_TAPS] = 1 + draw(4);
    layer[AI_K_F32_ROW_DILATION] = 1 + draw(3) / 2;
    layer[AI_K_F32_TAP_DILATION] = 1 + draw(3) / 2;
    layer[AI_K_F32_STRIDE] = 1 + draw(3);
    layer[AI_K_F32_OUTPUTS] = 1 + draw(14);
    layer[AI_K_F32_OUT_CHANNELS] = layer[AI_K_F32_OUTPUTS] + draw(3);
    layer[AI_K_F32_RELU] = draw(2);
    return 1 + draw(14);
}

static void test_layer(void)
{
    int32_t layer[AI_K_F32_LAYER_WORDS];
    const int32_t pixels = draw_layer(layer);
    const int32_t row = draw(layer[AI_K_F32_HEIGHT] + 4) - 3, column = -draw(4);
    memset(out, 0x55, sizeof out);
    ai_k_conv_f32(image, weights, bias, out[0], layer, row, column, pixels);
    twin_conv_f32(image, weights, bias, out[1], layer, row, column, pixels);
    CHECK(memcmp(out[0], out[1], sizeof out[0]) == 0);
    layer[AI_K_F32_DEPTH] = layer[AI_K_F32_CHANNELS];
    layer[AI_K_F32_OUTPUTS] = layer[AI_K_F32_CHANNELS] * (1 + draw(4) / 3);
    layer[AI_K_F32_OUT_CHANNELS] = layer[AI_K_F32_OUTPUTS] + draw(3);
    memset(out, 0x55, sizeof out);
    ai_k_depthwise_f32(image, weights, bias, out[0], layer, row, column, pixels);
    twin_depthwise_f32(image, weights, bias, out[1], layer, row, column, pixels);
    CHECK(memcmp(out[0], out[1], sizeof out[0]) == 0);
}

/* Blocks of every size and every length of a piece around the unrolled loops. */
static void test_lengths(void)
{
    for (int32_t pixels = 1; pixels <= 7; pixels++) {
        for (int32_t depth = 1; depth <= 20; depth++) {
            const int32_t layer[AI_K_F32_LAYER_WORDS] = {1, 7, depth, depth, 1, 1, 1, 1, 1, 9, 8, depth % 2};
            memset(out, 0x55, sizeof out);
            ai_k_conv_f32(image, weights, bias, out[0], layer, 0, 0, pixels);
            twin_conv_f32(image, weights, bias, out[1], layer, 0, 0, pixels);
            CHECK(memcmp(out[0], out[1], sizeof out[0]) == 0);
        }
    }
}

static void test_dense(void)
{
    const int32_t depth = 1 + draw(40), outputs = 1 + draw(20), relu = draw(2);
    memset(out, 0x55, sizeof out);
    ai_k_dense_f32(image, weights, bias, out[0], depth, outputs, relu);
    twin_dense_f32(image, weights, bias, out[1], depth, outputs, relu);
    CHECK(memcmp(out[0], out[1], sizeof out[0]) == 0);
}

int main(void)
{
    fill(image, IMAGE);
    fill(weights, WEIGHTS);
    fill(bias, OUTPUTS);
    test_lengths();
    for (int i = 0; i < LAYERS; i++) {
        test_layer();
        test_dense();
    }
    (void)printf("%u failures\n", check_failures);
    return check_failures == 0 ? 0 : 1;
}
