/* SPDX-License-Identifier: Apache-2.0 */
/* float32 depthwise convolution: 4 channels x 4 pixels at a time. */
#ifndef AI_K_DEPTHWISE_F32_H
#define AI_K_DEPTHWISE_F32_H

#include <stdint.h>

#include "ai_k_window_f32.h"

/* Neighbouring output pixels of one row; output channel c * M + m reads channel c of the image, M = outputs / depth.
 *
 * image    [height][width][channels]
 * weights  [rows][taps][outputs]
 * bias     [outputs]
 * out      the first pixel; [pixels][out_channels], of which the first `outputs` are written
 * layer, row, column, pixels: as ai_k_conv_f32 takes them
 *
 * Pixels are computed in order, 4 or 1 at a time. For each group of 4 channels of such
 * a block, then for each other channel of each pixel, its windows are read before its outputs are written.
 */
void ai_k_depthwise_f32(const float *image, const float *weights, const float *bias, float *out, const int32_t *layer,
                        int32_t row, int32_t column, int32_t pixels);

#endif
