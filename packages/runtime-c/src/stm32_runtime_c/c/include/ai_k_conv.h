/* SPDX-License-Identifier: Apache-2.0 */
/* int8 convolution as a product of weights with patches of the input ("columns").
 *
 * Two output pixels are computed at a time. Their patches are widened to int16 and interleaved by pairs:
 *   columns[4 * (k / 2) + 2 * pixel + k % 2], k = 0 .. depth - 1 over (kernel row, kernel column, input channel)
 * depth is padded to a multiple of 4 ("depth4"). Weights are packed at compile time: groups of 4 output channels
 * interleaved word by word, then the channels that are left over one by one; in each word the two middle bytes are
 * swapped, so that SXTB16 yields neighbours.
 */
#ifndef AI_K_CONV_H
#define AI_K_CONV_H

#include <stdint.h>

/* Widens count values into the columns of one pixel, from position k on. */
void ai_k_widen_s8(int16_t *columns, int32_t k, int32_t pixel, const int8_t *values, int32_t count);

/* Sets count positions of the columns of one pixel, from position k on. */
void ai_k_fill_s8(int16_t *columns, int32_t k, int32_t pixel, int32_t value, int32_t count);

/* pixels (1 or 2) x channels results: out[pixel * out_stride + channel] =
 *   clamp(zero_point + requantize(bias[channel] + sum_k weights[channel][k] * columns[k], multiplier[channel],
 *   shift[channel]), low, high)
 * with the rounding of ai_k_requantize. bias holds the input's zero point: bias - input_zero_point * sum_k weights. */
void ai_k_conv_s8(const int16_t *columns, const int8_t *weights, const int32_t *bias, const int32_t *multiplier,
                  const int8_t *shift, int8_t *out, int32_t out_stride, int32_t pixels, int32_t depth4,
                  int32_t channels, int32_t zero_point, int32_t low, int32_t high);

#endif
