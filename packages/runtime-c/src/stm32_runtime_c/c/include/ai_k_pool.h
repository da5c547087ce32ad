/* SPDX-License-Identifier: Apache-2.0 */
/* int8 reductions over windows of an image [rows][columns][channels], and resizing. Rows of the image are row_stride
 * bytes apart, pixels channels bytes. Sums must fit 32 bits. */
#ifndef AI_K_POOL_H
#define AI_K_POOL_H

#include <stdint.h>

/* out[c] = clamp(sum of the window's rows * columns values / (rows * columns), low, high), rounded half away from zero;
 * rows and columns >= 1. */
void ai_k_average_pool_s8(const int8_t *in, int8_t *out, int32_t rows, int32_t columns, int32_t row_stride,
                          int32_t channels, int32_t low, int32_t high);

/* out[c] = clamp(greatest of the window's values, low, high); rows and columns >= 1. */
void ai_k_max_pool_s8(const int8_t *in, int8_t *out, int32_t rows, int32_t columns, int32_t row_stride,
                      int32_t channels, int32_t low, int32_t high);

/* out[c] = clamp(zero_point + requantize(offset + sum of count values in[i * channels + c], multiplier, shift),
 * -128, 127), with the rounding of ai_k_requantize. */
void ai_k_mean_s8(const int8_t *in, int8_t *out, int32_t count, int32_t channels, int32_t offset, int32_t multiplier,
                  int32_t shift, int32_t zero_point);

/* One row of width pixels between the input rows top and bottom, of which bottom weighs fraction / 1024. columns has
 * three numbers for each pixel: left and right input column, weight of the right one in 1/1024. The result is rounded
 * half away from zero. */
void ai_k_resize_bilinear_s8(const int8_t *top, const int8_t *bottom, int8_t *out, const int16_t *columns,
                             int32_t width, int32_t channels, int32_t fraction);
void ai_k_resize_bilinear_s16(const int16_t *top, const int16_t *bottom, int16_t *out, const int16_t *columns,
                              int32_t width, int32_t channels, int32_t fraction);

/* The same as the reference computes it of uint8, in float32, with 0.5 added and cut to an integer: x - 128 stands for
 * the byte x. columns has left and right input column of each pixel, weights their weights; those of the rows are
 * first, second. */
void ai_k_resize_bilinear_u8(const int8_t *top, const int8_t *bottom, int8_t *out, const int16_t *columns,
                             const float *weights, int32_t width, int32_t channels, float first, float second);

#endif
