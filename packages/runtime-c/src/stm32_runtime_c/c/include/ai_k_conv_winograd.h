/* SPDX-License-Identifier: Apache-2.0 */
/* int8 convolution of stride 1 with kernels of 3 columns by the minimal algorithm F(4, 3) of Winograd: 6 products give
 * 4 neighbouring outputs of a row, where the plain sum takes 12. All of it is integer arithmetic and exact.
 *
 * A tile is 4 outputs; x0 .. x5 are the inputs, w0 .. w2 the weights of one kernel row and one input channel:
 *   u0 = w0                v0 = 4 x0 - 5 x2 + x4
 *   u1 = w0 + w1 + w2      v1 = x4 - 4 x2 + (x3 - 4 x1)
 *   u2 = w0 - w1 + w2      v2 = x4 - 4 x2 - (x3 - 4 x1)
 *   u3 = w0 + 2 w1 + 4 w2  v3 = x4 - x2 + 2 (x3 - x1)
 *   u4 = w0 - 2 w1 + 4 w2  v4 = x4 - x2 - 2 (x3 - x1)
 *   u5 = w2                v5 = 4 x1 - 5 x3 + x5
 * With m = sum of u * v over kernel rows and channels, s = m1 + m2, d = m2 - m1, S = m3 + m4, D = m3 - m4, the outputs
 * y0 .. y3 are
 *   24 y0 = 6 m0 - 4 s + S    12 y1 = 2 d + D    6 y2 = S - s    6 y3 = d + 2 D + 6 m5
 * All sums are taken modulo 2^32; |24 y| < 2^31 makes them exact. Halves of a word hold two input channels, in the
 * order of SXTB16: each four channels a b c d make the words (a, c) and (b, d).
 *
 * The input's zero point is taken away first, which changes v1 only; rows outside the image are left out.
 * Two tiles that are neighbours and 4 output channels are computed at a time:
 *   weights [6][kernel row][depth / 2][4 output channels]
 *   values  [6][kept rows][depth / 2][2 tiles]; row r of the image lies in place r % kept; depth is a multiple of 16
 */
#ifndef AI_K_CONV_WINOGRAD_H
#define AI_K_CONV_WINOGRAD_H

#include <stdint.h>

/* The layer: an array of these numbers. */
enum {
    AI_K_WINOGRAD_HEIGHT, /* of the input, in pixels */
    AI_K_WINOGRAD_WIDTH,
    AI_K_WINOGRAD_DEPTH,     /* input channels */
    AI_K_WINOGRAD_ROWS,      /* of the kernel */
    AI_K_WINOGRAD_ZERO_POINT /* of the input, its value outside the image */
};

/* Transforms 4 output channels; from: int8 [4][rows][3][depth]. */
void ai_k_winograd_weights_s8(int32_t *weights, const int8_t *from, const int32_t *layer);

/* Transforms the values of two tiles, whose first input is column `column` of row `row` >= 0 of the image, a column at
 * any place, even outside; nothing is done for a row below the image. columns: working memory, int8 [10][depth]. */
void ai_k_winograd_values_s8(int32_t *values, const int8_t *image, const int32_t *layer, int8_t *columns, int32_t kept,
                             int32_t row, int32_t column);

/* products [6][4 output channels][2 tiles] = the sums of products of `rows` rows, at least 1; weights: those of the
 * first row, weight_rows to a position; values: the first row is in place `first`. */
void ai_k_winograd_multiply(int32_t *products, const int32_t *weights, const int32_t *values, int32_t kept,
                            int32_t first, int32_t rows, int32_t depth, int32_t weight_rows);

/* The first `count` of 8 outputs of 4 channels: out[i * out_stride + channel], requantized as ai_k_conv_d8_s8 does.
 * record: bias[0 .. 3], shift bytes of the 4 channels (right shift - 1),
 * multiplier[0 .. 3]. */
void ai_k_winograd_output_s8(int8_t *out, const int32_t *products, const int32_t *record, int32_t out_stride,
                             int32_t count, int32_t zero_point);

#endif
