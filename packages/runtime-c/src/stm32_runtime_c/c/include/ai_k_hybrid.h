/* SPDX-License-Identifier: Apache-2.0 */
/* Layers with int8 weights and float32 activations. The input is quantized at run time, one scale and zero point for
 * each row of it (a vector of a dense layer, an image of a convolution); sums are integers, results are float32.
 *
 * The arithmetic is the reference interpreter's to the last bit, so no product is fused with a sum.
 */
#ifndef AI_K_HYBRID_H
#define AI_K_HYBRID_H

#include <stdint.h>

/* What a layer needs beside its sizes, added up. */
enum {
    AI_K_HYBRID_OFFSET = 1,  /* the input has a zero point; else it is 0 */
    AI_K_HYBRID_SCALES = 2,  /* each output has a scale; else one serves all */
    AI_K_HYBRID_RELU = 4,    /* negative results become 0 */
    AI_K_HYBRID_STEPWISE = 8 /* a sum is multiplied by its weights' scale, then by the input's; else by the product */
};

/* Quantizes a row: out[i] = limited(round(in[i] / scale) + zero point), halves away from zero.
 *
 * numbers  gets the scale and the zero point
 * offset   0: the greatest magnitude becomes 127, the zero point is 0; 1: least (at most 0) and greatest value (at
 *          least 0) become -128 and 127
 *
 * A row of zeros has scale 1 and zero point 0. So has, of whatever values, one whose greatest magnitude is below 8e-37,
 * or whose range is not finite: its elements become 0. All of `in` is read, then numbers are written, then elements go
 * forward, each read before it is written. */
void ai_k_quantize_row_f32(const float *in, int8_t *out, float *numbers, int32_t count, int32_t offset);

/* out[r] = act(bias[r] + scale * (sum of weights[r][k] * in[k] - zero point * sums[r])), k = 0 .. depth - 1
 *
 * numbers  the input's, from ai_k_quantize_row_f32
 * weights  packed as in ai_k_dense.h
 * sums     of each row of weights; not read without AI_K_HYBRID_OFFSET
 * scales   of the weights: [outputs] or [1]
 * out      four outputs at a time, then one at a time, are written when all of `in` is read for them */
void ai_k_dense_hybrid_s8(const int8_t *in, const float *numbers, const int8_t *weights, const int32_t *sums,
                          const float *scales, const float *bias, float *out, int32_t depth, int32_t outputs,
                          int32_t kind);

/* Copies a window: patch[kernel rows][kernel columns][taken channels] from (row, column) on, the zero point where there
 * is no image. geometry: height, width and channels of the image, taken channels, rows and columns of the kernel, their
 * dilations. */
void ai_k_patch_hybrid_s8(int8_t *patch, const int8_t *image, const float *numbers, const int32_t *geometry,
                          int32_t row, int32_t column);

/* The outputs of one pixel of a depthwise convolution; taps outside of the image count as 0. Output o reads channel
 * o / multiplier.
 *
 * weights  [kernel rows][kernel columns][outputs] scales   [outputs]
 * layer    height, width and channels of the image, multiplier, rows and columns of the kernel, their dilations, kind
 * row, column  the first tap, which may be outside */
void ai_k_depthwise_hybrid_s8(const int8_t *image, const float *numbers, const int8_t *weights, const float *scales,
                              const float *bias, float *out, const int32_t *layer, int32_t row, int32_t column);

#endif
