/* SPDX-License-Identifier: Apache-2.0 */
/* The inner blocks of ai_k_conv_f32.c and ai_k_dense_f32.c: assembly on Cortex-M cores with an FPU, C elsewhere. */
#ifndef AI_K_CONV_BLOCK_F32_H
#define AI_K_CONV_BLOCK_F32_H

#include <stdint.h>

/* A block of pixels whose windows are clipped alike; distances in floats. The assembly reads it in this order. */
typedef struct {
    const float *bias;
    int32_t groups;          /* of 4 output channels, at least 1 */
    int32_t rows;            /* of the window inside the image, at least 1 */
    int32_t pieces;          /* contiguous pieces of a row, at least 1 */
    int32_t length;          /* of a piece, at least 1 */
    int32_t x_step;          /* from the window of a pixel to that of the next */
    int32_t y_step;          /* from an output pixel to the next */
    int32_t piece_skip;      /* from the end of a piece to the next one of the row */
    int32_t row_skip;        /* from the end of the last piece of a row to the next row */
    int32_t weights_skip;    /* between rows of weights */
    int32_t weights_advance; /* from the end of the last row of weights to the next group */
    int32_t relu;
} ai_k_f32_block;

/* Four pixels, two, or one; x: the first tap inside the image of the first pixel, weights: that tap of the first group.
 */
void ai_k_conv_f32_x4(const float *x, const float *weights, float *out, const ai_k_f32_block *block);
void ai_k_conv_f32_x2(const float *x, const float *weights, float *out, const ai_k_f32_block *block);
void ai_k_conv_f32_x1(const float *x, const float *weights, float *out, const ai_k_f32_block *block);

/* sum + the products of x and weights, both [count], count >= 1. */
float ai_k_dot_f32(const float *x, const float *weights, int32_t count, float sum);

#endif
