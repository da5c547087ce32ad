/* SPDX-License-Identifier: Apache-2.0 */
/* float32 pooling and bounds. */
#ifndef AI_K_POOL_F32_H
#define AI_K_POOL_F32_H

#include <stdint.h>

/* One pixel: the average, or the maximum, of a window [rows][columns][channels] whose rows are `pitch` floats apart,
 * limited to [low, high] (-FLT_MAX, FLT_MAX: not). out [channels]; groups of 4 or single channels in order, each
 * written after its part of the window is read, and limited at the end. */
void ai_k_average_pool_f32(const float *in, float *out, int32_t rows, int32_t columns, int32_t pitch, int32_t channels,
                           float low, float high);
void ai_k_max_pool_f32(const float *in, float *out, int32_t rows, int32_t columns, int32_t pitch, int32_t channels,
                       float low, float high);

/* values[0 .. count - 1] limited to [low, high]. */
void ai_k_clamp_f32(float *values, int32_t count, float low, float high);

#endif
