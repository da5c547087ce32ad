/* SPDX-License-Identifier: Apache-2.0 */
/* int8 depthwise convolution.
 *
 * Windows of 3 x 3 work on pairs of input rows. A few channels (lanes) of the input are widened once into words that
 * hold two neighbouring rows of one channel, one plane for each lane:
 *   pairs[lane * plane + pair * columns + column] = row(2 * pair) | row(2 * pair + 1) << 16, two's complement halfwords
 * Padding is part of it, filled with the input's zero point. One SMLAD then multiplies two rows of a window.
 *
 * A window of 3 x 3 with its requantization is a record of 5 words for each output channel:
 *   word i = 0, 1, 2: bytes w[0][i], w[1][i], w[2][i] and: right shift k (i = 0), scale of the weights e (i = 1),
 *   rounding r (i = 2); word 3: 2^e * (bias - input_zero_point * sum of the weights); word 4: multiplier
 * With the sum scaled by 2^e, all of it below 2^31 in magnitude, a result is
 *   saturate8((high + zero_point * 2^k + 2^k / 2 + 2^r / 2) >> k)
 * where 2^r / 2 is 0 for r = 0 and high the high word of sum * multiplier: floor in the forms with relu; in the others
 * (e = 1, r = 0) rounded to nearest, and 1 less for a negative sum. 0 <= k <= 23, every weight * 2^e fits a halfword.
 * The forms with relu are for results that are clamped at the zero point from below, which must be -128; channels with
 * k = AI_K_DEPTHWISE_SHIFT take a shorter way.
 *
 * In place: a call of ai_k_depthwise_pairs_s8 uses rows row .. row + 2 * count - 1 of its lanes only, and the windows
 * read nothing but pairs and records; with multiplier 1, what is written are bytes of the same lanes. So the output may
 * be the input if each row is widened before it is written.
 */
#ifndef AI_K_DEPTHWISE_H
#define AI_K_DEPTHWISE_H

#include <stdint.h>

/* The right shift of most channels (see above). */
#define AI_K_DEPTHWISE_SHIFT 10

/* Sets count words, a multiple of 4 and not 0, to pairs of the zero point. The padding around the image stays so while
 * channels change. */
void ai_k_depthwise_clear_s8(int32_t *pairs, int32_t count, int32_t zero_point);

/* Sizes of a layer with windows of 3 x 3, all of them 16 bits wide; functions take them as an array. */
typedef struct {
    int16_t height, width, channels; /* of the input */
    int16_t left;                    /* columns of padding before the image */
    int16_t columns;                 /* of a pair of rows, padding included */
    int16_t plane;                   /* words from a lane to the next */
    int16_t input_zero_point;
    int16_t out_width, out_channels;
    int16_t multiplier; /* output channels of an input channel */
    int16_t zero_point; /* of the output */
} ai_k_depthwise_rows;

static inline const ai_k_depthwise_rows *ai_k_depthwise_rows_of(const int16_t *sizes)
{
    return (const ai_k_depthwise_rows *)(const void *)sizes; /* nothing but int16_t, without gaps */
}

/* Widens rows row .. row + 2 * count - 1 of an image; x points to the image's first channel of interest, lanes (1 .. 4)
 * channels are taken. If they are odd in number, the channel before x comes along: its plane is the first one, and what
 * it holds is of no use. Column 0 of the pairs is column -left of the image. Columns outside of the image are left
 * alone. The next pair of rows is pitch words further on, which may be negative. sizes: as ai_k_depthwise_rows. */
void ai_k_depthwise_pairs_s8(int32_t *pairs, const int8_t *x, int32_t row, int32_t count, int32_t pitch, int32_t lanes,
                             const int16_t *sizes);

/* rows x out_width outputs of lanes channels, out[(row * out_width + column) * out_channels + lane * multiplier], with
 * records [lane * multiplier], from pairs of rows that are pitch words apart (may be negative). Window 3 x 3, stride 1.
 * sizes: as ai_k_depthwise_rows. */
void ai_k_depthwise_3x3_s8(const int32_t *pairs, int32_t pitch, const int32_t *records, int8_t *out, int32_t lanes,
                           int32_t rows, const int16_t *sizes);
void ai_k_depthwise_3x3_relu_s8(const int32_t *pairs, int32_t pitch, const int32_t *records, int8_t *out, int32_t lanes,
                                int32_t rows, const int16_t *sizes);

/* The same with stride 2 in both directions. */
void ai_k_depthwise_3x3_s2_s8(const int32_t *pairs, int32_t pitch, const int32_t *records, int8_t *out, int32_t lanes,
                              int32_t rows, const int16_t *sizes);
void ai_k_depthwise_3x3_s2_relu_s8(const int32_t *pairs, int32_t pitch, const int32_t *records, int8_t *out,
                                   int32_t lanes, int32_t rows, const int16_t *sizes);

/* All channels (at least 4) of an image of 3 or 4 rows, or of 2 x 2 pixels. Window 3 x 3, stride 1, one row and column
 * of padding all around, multiplier 1. pairs: 4 planes of at least 2 * (width + 2) words, 0 in the first two words and
 * in the last two of these; what else they hold comes from the call. Records as above with word 3: 2^e * bias, as
 * values are taken less the zero point; with relu k is AI_K_DEPTHWISE_SHIFT for all channels. In place: the whole plane
 * of a channel is read before it is written, and no other one is changed. sizes: as ai_k_depthwise_rows. */
void ai_k_depthwise_planes_s8(int32_t *pairs, const int8_t *x, const int32_t *records, int8_t *out,
                              const int16_t *sizes);
void ai_k_depthwise_planes_relu_s8(int32_t *pairs, const int8_t *x, const int32_t *records, int8_t *out,
                                   const int16_t *sizes);

/* Windows along a row of pixels, stride 1, nothing outside of the row.
 *
 * A few channels (lanes) of `width` pixels are widened to pairs of neighbours, one plane for each lane:
 *   pairs[lane * plane + i] = x(2 * i) | x(2 * i + 1) << 16
 * Record of a channel with `taps` weights, steps = taps / 2 + 1: 2 * (bias - input_zero_point * sum of the weights),
 * multiplier, right shift (1 .. 22), then bytes: the weights, padded with 0 to a multiple of 4 of at least 2 * steps.
 * All sums are below 2^29 in magnitude. In place: all of a lane is read before its first output is written.
 */
void ai_k_depthwise_row_pairs_s8(int32_t *pairs, const int8_t *x, int32_t width, int32_t channels, int32_t lanes,
                                 int32_t plane);

/* outputs of lanes channels, out[output * channels + lane], saturated to int8. weights: working memory of
 * 4 * ((2 * steps + 3) / 4) words. plane >= 2 * ((outputs - 1) / 4) + steps + 1; what is not widened is not used. */
void ai_k_depthwise_row_s8(const int32_t *pairs, const int32_t *records, int8_t *out, int32_t *weights, int32_t steps,
                           int32_t outputs, int32_t channels, int32_t zero_point, int32_t lanes, int32_t plane);

/* The same for windows of up to 2 * words weights, which stay in registers; words is 3 or 5. A record has its weights
 * padded with 0 to 4 * ((words + 1) / 2) bytes. plane >= 2 * ((outputs - 1) / 4) + words + 2; what is not widened meets
 * a weight of 0 or is not stored. */
void ai_k_depthwise_short_s8(const int32_t *pairs, const int32_t *records, int8_t *out, int32_t words, int32_t outputs,
                             int32_t channels, int32_t zero_point, int32_t lanes, int32_t plane);

/* Windows of any kind, 4 channels at a time, tap by tap.
 *
 * The list of taps (a tap is a place of the window, row by row) says where each one's pixel is; its form is the
 * runtime's. An odd count of taps is made even. x is the image [height, width, channels]; the window starts at (row,
 * column), which may lie outside of it; outside holds `channels` times the input's zero point.
 */
void ai_k_depthwise_taps_s8(int32_t *taps, const int8_t *outside, const int8_t *x, int32_t height, int32_t width,
                            int32_t channels, int32_t rows, int32_t columns, int32_t row_dilation,
                            int32_t column_dilation, int32_t row, int32_t column);

/* All channels (at least 4) of one output pixel, out[channel * multiplier], from 2 * pairs taps; the last 4 channels
 * may overlap the ones before. A list of taps that are all inside also serves other windows, with x moved alike.
 * Record of 4 channels, 9 + 2 * pairs words:
 *   bias - input_zero_point * sum of the weights (4 words)
 *   for each pair of taps a, b: bytes a0 a1 b0 b1, a2 a3 b2 b3 (weights of the 4 channels)
 *   4 bytes: right shift - 1, 0 .. 21; 4 multipliers. All sums are below 2^29 in magnitude. */
void ai_k_depthwise_fours_s8(const int32_t *taps, const int8_t *x, const int32_t *records, int8_t *out,
                             const int8_t *outside, int32_t pairs, int32_t channels, int32_t multiplier,
                             int32_t zero_point);

/* The same with weights of 16 bits. Record: 9 + 4 * pairs words, for each pair of taps a, b four words with the weights
 * of a channel: a in the low half, b in the high one. */
void ai_k_depthwise_halves_s8(const int32_t *taps, const int8_t *x, const int32_t *records, int8_t *out,
                              const int8_t *outside, int32_t pairs, int32_t channels, int32_t multiplier,
                              int32_t zero_point);

/* Does nothing: tells the memory planner which window of x the call before has read by means of its list of taps. */
static inline void ai_k_reads_window(const int8_t *x, int32_t height, int32_t width, int32_t channels, int32_t rows,
                                     int32_t columns, int32_t row_dilation, int32_t column_dilation, int32_t row,
                                     int32_t column)
{
    (void)x, (void)height, (void)width, (void)channels, (void)rows, (void)columns;
    (void)row_dilation, (void)column_dilation, (void)row, (void)column;
}

/* Sizes of a layer for ai_k_depthwise_pixel_s8. */
typedef struct {
    int32_t height, width, channels; /* of the input */
    int32_t rows, columns;           /* of the window */
    int32_t row_dilation, column_dilation;
    int32_t multiplier; /* output channels of an input channel */
    int32_t input_zero_point, zero_point;
} ai_k_depthwise_sizes;

/* All channels of one output pixel, saturated to int8, for every layer. Its window starts at (row, column) of the image
 * x, which may lie outside. weights[(window row * columns + window column) * channels * multiplier + output channel];
 * bias as in the model; multiplier and shift as for ai_k_requantize. sizes: 10 words as in ai_k_depthwise_sizes. */
void ai_k_depthwise_pixel_s8(const int8_t *x, const int8_t *weights, const int32_t *bias, const int32_t *multiplier,
                             const int8_t *shift, int8_t *out, const int32_t *sizes, int32_t row, int32_t column);

/* Clamps count values in place. */
void ai_k_clamp_s8(int8_t *values, int32_t count, int32_t low, int32_t high);

#endif
