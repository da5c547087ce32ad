/* SPDX-License-Identifier: Apache-2.0 */
/* int8 convolutions and matrix product for cores without the DSP extension: weights as they are, one 32-bit product for
 * each multiply-accumulate, sums in registers.
 *
 * Output channels have three numbers each: the bias with the input's zero point folded in, the multiplier and the shift
 * of ai_k_requantize (or, for ai_k_dense_plain_s8, of ai_k_requantize_once). */
#ifndef AI_K_PLAIN_H
#define AI_K_PLAIN_H

#include <stdint.h>

/* Constants of a convolution. A window is `rows` runs of `row` neighbouring values that begin `pitch` apart. */
typedef struct {
    int32_t row, rows, pitch;
    int32_t channels;
    int32_t zero_point, low, high;
} ai_k_plain_window;

/* out[channel], out[out_step + channel]: the results of the windows at first and second, channels int8 values each; one
 * pixel alone has first == second and out_step 0. window is an ai_k_plain_window; weights are [channels][rows][row]. */
void ai_k_conv_plain_s8(const int8_t *first, const int8_t *second, const int32_t *window, const int8_t *weights,
                        const int32_t *channels, int8_t *out, int32_t out_step);

/* Copies a window that reaches outside of the image: patch[kernel rows][kernel columns][taken channels] from (row,
 * column) on, zero where there is no image. geometry: height, width and channels of the image, taken channels, rows and
 * columns of the kernel, their dilations, zero. */
void ai_k_patch_plain_s8(int8_t *patch, const int8_t *image, const int32_t *geometry, int32_t row, int32_t column);

/* Constants of a depthwise convolution: the window's rows and columns, and the steps between them in values. */
typedef struct {
    int32_t rows, columns, row_step, column_step;
    int32_t channels;
    int32_t zero_point, low, high;
} ai_k_plain_depthwise;

/* out[channel]: the results of one pixel whose window begins at x. window is an ai_k_plain_depthwise; weights are
 * [rows][columns][channels]. */
void ai_k_depthwise_plain_s8(const int8_t *x, const int32_t *window, const int8_t *weights, const int32_t *channels,
                             int8_t *out);

/* out[row] = clamp(zero_point + requantize(sum_k weights[row][k] * in[k] + bias), low, high), rounded once. */
void ai_k_dense_plain_s8(const int8_t *in, const int8_t *weights, const int32_t *channels, int8_t *out, int32_t depth,
                         int32_t rows, int32_t zero_point, int32_t low, int32_t high);

/* The same, scaled by ai_k_scale_nearest: the three numbers of a channel are the bias, the bits of a float32, 0. */
void ai_k_conv_nearest_s8(const int8_t *first, const int8_t *second, const int32_t *window, const int8_t *weights,
                          const int32_t *channels, int8_t *out, int32_t out_step);
void ai_k_depthwise_nearest_s8(const int8_t *x, const int32_t *window, const int8_t *weights, const int32_t *channels,
                               int8_t *out);
void ai_k_dense_nearest_s8(const int8_t *in, const int8_t *weights, const int32_t *channels, int8_t *out, int32_t depth,
                           int32_t rows, int32_t zero_point, int32_t low, int32_t high);

#endif
