/* SPDX-License-Identifier: Apache-2.0 */
#include "ai_k_plain_sums.h"

void ai_k_dense_plain_s8(const int8_t *in, const int8_t *weights, const int32_t *channels, int8_t *out, int32_t depth,
                         int32_t rows, int32_t zero_point, int32_t low, int32_t high)
{
    while (rows > 0) {
        const int32_t taken = rows >= 4 ? 4 : 1;
        int32_t sums[4] = {channels[0]};
        if (taken == 4) {
            sums[1] = channels[3];
            sums[2] = channels[6];
            sums[3] = channels[9];
            ai_k_plain_rows_4(in, weights, depth, sums);
        } else {
            sums[0] = ai_k_plain_row_1(in, weights, depth, sums[0]);
        }
        for (int32_t i = 0; i < taken; i++) {
            const int32_t scaled = ai_k_requantize_once(sums[i], channels[1], channels[2]) + zero_point;
            *out++ = (int8_t)ai_k_clamp(scaled, low, high);
            channels += 3;
        }
        weights += taken * depth;
        rows -= taken;
    }
}
