/* SPDX-License-Identifier: Apache-2.0 */
/* int8 convolution, 4 output channels x 2 output pixels at a time, two weights in each halfword.
 *
 * Columns: the patches of two pixels, widened to 16 bits. Step i holds two positions of the patch of either pixel:
 *   word 2 * i of the first pixel, word 2 * i + 1 of the second; one position in each half.
 * A patch is made of kernel rows (or of one row where the patch is contiguous). A row of n values takes
 * AI_K_STEPS(n) steps: each four values a b c d take the steps (a, c) and (b, d); at the end, one value takes the step
 * (a, any), two take (a, b), three take (a, c) and (b, any). The weights are ordered alike, with 0 for "any".
 *
 * Record of 4 channels, 9 + 2 * steps words, all of them made at compile time:
 *   256 * bias[1] + bias[0], 256 * bias[3] + bias[2], bias[0], bias[2]     bias holds the input's zero point
 *   steps times: {256 * w[1] + w[0]} of both positions, {256 * w[3] + w[2]} of both positions
 *   shift bytes of the 4 channels, multiplier[0 .. 3]
 * Linear records have a byte instead of a shift, and a multiplier m >= 0 such that
 *   out = saturate8((floor(256 * sum * m / 2^32) + (zero_point << AI_K_D8_SHIFT) + (1 << (AI_K_D8_SHIFT - 1)) + byte)
 *                   >> AI_K_D8_SHIFT)
 * The compiler takes them where it finds m and byte that give the same as the two roundings for every sum.
 * With X = sum of (256 * w[1] + w[0]) * x, modulo 2^32, and S0 = sum of w[0] * x, (X - S0) >> 8 is S1 = sum of
 * w[1] * x as long as |S1| < 2^23, bias included; the compiler chooses this kernel only where that is certain.
 */
#ifndef AI_K_CONV_D8_H
#define AI_K_CONV_D8_H

#include <stdint.h>

/* Steps that n values of a kernel row take. */
#define AI_K_STEPS(n) (2 * ((n) / 4) + ((n) % 4 + 1) / 2)

/* What a patch looks like: an array of these numbers, counted in elements. */
enum {
    AI_K_HEIGHT, /* of the input */
    AI_K_WIDTH,
    AI_K_CHANNELS, /* from one input pixel to the next */
    AI_K_DEPTH,    /* channels of one tap */
    AI_K_ROWS,     /* kernel height */
    AI_K_TAPS,     /* kernel width */
    AI_K_ROW_DILATION,
    AI_K_TAP_DILATION,
    AI_K_ZERO_POINT /* value outside the input */
};

/* Columns of two pixels whose patches lie wholly inside the input: `rows` rows of `count` contiguous values,
 * `pitch` values from one row to the next. */
void ai_k_columns_s8(int32_t *columns, const int8_t *first, const int8_t *second, int32_t count, int32_t rows,
                     int32_t pitch);

/* The same of four pixels: step i of them are words 4 * i .. 4 * i + 3. */
void ai_k_columns_quad_s8(int32_t *columns, const int8_t *first, const int8_t *second, const int8_t *third,
                          const int8_t *fourth, int32_t count, int32_t rows, int32_t pitch);

/* Values of a kernel row that ai_k_columns_clipped_s8 takes, unless each tap's are a multiple of 4. */
#define AI_K_CLIPPED_BYTES 48

/* Columns of one of 2 or 4 pixels whose patch starts at (row, column) of the image, at any place, even outside;
 * columns: where the pixel's first word is. Taps touch: AI_K_DEPTH is AI_K_CHANNELS, AI_K_TAP_DILATION 1. Depths that
 * are no multiple of 4 have kernel rows of at most AI_K_CLIPPED_BYTES values, or all taps of the patch are inside the
 * width of the image. */
void ai_k_columns_clipped_s8(int32_t *columns, int32_t pixels, const int8_t *image, const int32_t *patch, int32_t row,
                             int32_t column);

/* The same of patches of any kind, slower. */
void ai_k_columns_scattered_s8(int32_t *columns, int32_t pixels, const int8_t *image, const int32_t *patch, int32_t row,
                               int32_t column);

/* Steps whose sum of int8 fits 16 bits. */
enum { AI_K_TOTAL_STEPS = 128 };

/* Behind the columns of two pixels `totals` steps more: step j holds, in both halves, the sum of the values of the
 * steps AI_K_TOTAL_STEPS * j and following, of at most so many. ones: 1 in the halves of a step that count, else 0.
 * For weights that are int8 but for one number c: its part of all sums is c times the sum of the patch. */
void ai_k_columns_total_s8(int32_t *columns, const int32_t *ones, int32_t steps, int32_t totals);

/* Right shift of the scaled sums of linear records. */
#define AI_K_D8_SHIFT 13
#define AI_K_D8_STRING(value) #value
#define AI_K_D8_TEXT(value) AI_K_D8_STRING(value)

/* For both pixels and 4 * groups channels:
 *   out[pixel * out_stride + channel] = saturate8(zero_point + requantize(sum, multiplier, -1 - shift))
 * with the rounding of ai_k_requantize. */
void ai_k_conv_d8_s8(const int32_t *columns, const int32_t *records, int8_t *out, int32_t out_stride, int32_t steps,
                     int32_t groups, int32_t zero_point);

/* The same from linear records. */
void ai_k_conv_d8_linear_s8(const int32_t *columns, const int32_t *records, int8_t *out, int32_t out_stride,
                            int32_t steps, int32_t groups, int32_t zero_point);

/* Both in the form for cores that issue one instruction at a time (Cortex-M4, M33). */
void ai_k_conv_d8_m4_s8(const int32_t *columns, const int32_t *records, int8_t *out, int32_t out_stride, int32_t steps,
                        int32_t groups, int32_t zero_point);
void ai_k_conv_d8_linear_m4_s8(const int32_t *columns, const int32_t *records, int8_t *out, int32_t out_stride,
                               int32_t steps, int32_t groups, int32_t zero_point);

enum { AI_K_QUAD_STEPS = 32 };

/* The same for 4 * quads pixels, four at a time, and 2 * groups channels; 1 <= steps <= AI_K_QUAD_STEPS, which are kept
 * in floating-point registers where there are any. Record of 2 channels, 5 + steps words:
 *   256 * bias[1] + bias[0], bias[0], multiplier[0], multiplier[1], shift bytes of both channels
 *   steps times: {256 * w[1] + w[0]} of both positions
 * and the linear form of it. */
void ai_k_conv_d8_quad_s8(const int32_t *columns, const int32_t *records, int8_t *out, int32_t out_stride,
                          int32_t steps, int32_t groups, int32_t quads, int32_t zero_point);

void ai_k_conv_d8_quad_linear_s8(const int32_t *columns, const int32_t *records, int8_t *out, int32_t out_stride,
                                 int32_t steps, int32_t groups, int32_t quads, int32_t zero_point);

/* The same for more steps than AI_K_QUAD_STEPS; 8 * quads words of working memory lie behind the columns. */
void ai_k_conv_d8_quad_deep_s8(int32_t *columns, const int32_t *records, int8_t *out, int32_t out_stride, int32_t steps,
                               int32_t groups, int32_t quads, int32_t zero_point);
void ai_k_conv_d8_quad_deep_linear_s8(int32_t *columns, const int32_t *records, int8_t *out, int32_t out_stride,
                                      int32_t steps, int32_t groups, int32_t quads, int32_t zero_point);

#endif
