/* SPDX-License-Identifier: Apache-2.0 */
/* int8 depthwise convolution on pairs of input rows.
 *
 * Four channels of the input are widened once into words that hold two neighbouring rows of one channel:
 *   pairs[(pair * columns + column) * 4 + lane] = row(2 * pair) | row(2 * pair + 1) << 16, two's complement halfwords
 * Padding is part of it, filled with the input's zero point. One SMLAD then multiplies two rows of a window.
 *
 * A window of 3 x 3 with its requantization is a record of 5 words for each output channel:
 *   word i = 0, 1, 2: bytes w[0][i], w[1][i], w[2][i], right shift s (i = 0) or 0
 *   word 3: 2 * (bias - input_zero_point * sum of the weights), word 4: multiplier
 * Sums are kept doubled, so that the high word of a product is the rounding doubling high product of the reference.
 * A record is valid for 1 <= s <= 22 and sums that fit 32 bits doubled.
 */
#ifndef AI_K_DEPTHWISE_H
#define AI_K_DEPTHWISE_H

#include <stdint.h>

/* Sets count words to pairs of the zero point. The padding to the left and right stays so while channels change. */
void ai_k_depthwise_clear_s8(int32_t *pairs, int32_t count, int32_t zero_point);

/* Widens rows row .. row + 2 * count - 1 of an image [height, width, channels]; x points to its first channel of
 * interest, lanes (1 .. 4) channels are taken. Column 0 of the pairs is column -left of the image. Columns outside of
 * the image are left alone. */
void ai_k_depthwise_pairs_s8(int32_t *pairs, const int8_t *x, int32_t row, int32_t count, int32_t height, int32_t width,
                             int32_t channels, int32_t lanes, int32_t left, int32_t columns, int32_t zero_point);

/* rows x columns outputs of lanes * multiplier channels, out[(row * columns + column) * channels + channel], from pairs
 * whose next pair of rows is pitch words further on. Window 3 x 3, stride 1. Results are saturated to int8; the form
 * with relu is for results that are clamped at the zero point from below, which must be -128. */
void ai_k_depthwise_3x3_s8(const int32_t *pairs, int32_t pitch, const int32_t *records, int8_t *out, int32_t lanes,
                           int32_t multiplier, int32_t rows, int32_t columns, int32_t channels, int32_t zero_point);
void ai_k_depthwise_3x3_relu_s8(const int32_t *pairs, int32_t pitch, const int32_t *records, int8_t *out, int32_t lanes,
                                int32_t multiplier, int32_t rows, int32_t columns, int32_t channels,
                                int32_t zero_point);

/* The same with stride 2 in both directions. */
void ai_k_depthwise_3x3_s2_s8(const int32_t *pairs, int32_t pitch, const int32_t *records, int8_t *out, int32_t lanes,
                              int32_t multiplier, int32_t rows, int32_t columns, int32_t channels, int32_t zero_point);
void ai_k_depthwise_3x3_s2_relu_s8(const int32_t *pairs, int32_t pitch, const int32_t *records, int8_t *out,
                                   int32_t lanes, int32_t multiplier, int32_t rows, int32_t columns, int32_t channels,
                                   int32_t zero_point);

/* Sizes of a layer with windows of any kind. */
typedef struct {
    int32_t height, width, channels; /* of the input */
    int32_t rows, columns;           /* of the window */
    int32_t row_dilation, column_dilation;
    int32_t multiplier; /* output channels of an input channel */
    int32_t input_zero_point, zero_point;
    int32_t doubled; /* 1: all sums are below 2^29 in magnitude, shift holds a right shift minus 1, 0 .. 21 */
} ai_k_depthwise_sizes;

/* All channels of one output pixel, saturated to int8. Its window starts at (row, column) of the image x, which may lie
 * outside. weights[(window row * columns + window column) * channels * multiplier + output channel]; bias as in the
 * model; multiplier and shift as for ai_k_requantize unless doubled. sizes: 11 words as in ai_k_depthwise_sizes. */
void ai_k_depthwise_pixel_s8(const int8_t *x, const int8_t *weights, const int32_t *bias, const int32_t *multiplier,
                             const int8_t *shift, int8_t *out, const int32_t *sizes, int32_t row, int32_t column);

/* Clamps count values in place. */
void ai_k_clamp_s8(int8_t *values, int32_t count, int32_t low, int32_t high);

#endif
