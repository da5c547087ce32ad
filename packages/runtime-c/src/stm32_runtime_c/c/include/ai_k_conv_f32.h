/* SPDX-License-Identifier: Apache-2.0 */
/* float32 convolution and matrix product: 4 output channels x 4 pixels at a time. */
#ifndef AI_K_CONV_F32_H
#define AI_K_CONV_F32_H

#include <stdint.h>

#include "ai_k_window_f32.h"

/* Neighbouring output pixels of one row: out = act(bias + sum of weights * image over the window).
 *
 * image    [height][width][channels]; the first `depth` channels of each pixel are read
 * weights  groups of 4 output channels: [rows][taps][depth][4]; then the outputs % 4 last ones: [rows][taps][depth]
 * each bias     [outputs] out      the first pixel; [pixels][out_channels], of which the first `outputs` are written
 * layer    see ai_k_window_f32.h
 * row, column  where the window of the first pixel starts in the image, which may be outside: taps there count as 0
 * pixels   at least 1
 *
 * Pixels are computed in order, 4, 2 or 1 at a time. For each group of 4 channels of such a block, its windows are
 * read, then the outputs of the group are written; the windows of later blocks are read afterwards only.
 */
void ai_k_conv_f32(const float *image, const float *weights, const float *bias, float *out, const int32_t *layer,
                   int32_t row, int32_t column, int32_t pixels);

#endif
