/* SPDX-License-Identifier: Apache-2.0 */
#include "ai_k_dense_f32.h"

#include "ai_k_conv_block_f32.h"

void ai_k_dense_f32(const float *in, const float *weights, const float *bias, float *out, int32_t depth,
                    int32_t outputs, int32_t relu)
{
    const ai_k_f32_block block = {
        .bias = bias, .groups = outputs / 4, .rows = 1, .pieces = 1, .length = depth, .relu = relu};
    if (block.groups > 0) {
        ai_k_conv_f32_x1(in, weights, out, &block);
    }
    for (int32_t i = 4 * block.groups; i < outputs; i++) {
        const float sum = ai_k_dot_f32(in, weights + i * depth, depth, bias[i]);
        out[i] = relu && sum < 0.0f ? 0.0f : sum;
    }
}
