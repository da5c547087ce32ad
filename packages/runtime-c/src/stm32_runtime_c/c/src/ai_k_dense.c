/* SPDX-License-Identifier: Apache-2.0 */
#include "ai_k_dense.h"

#include "ai_k_dense_rows.h"

void ai_k_dense_s8(const int8_t *in, const int8_t *weights, const int32_t *bias, const int32_t *multiplier,
                   const int8_t *shift, int8_t *out, int32_t depth, int32_t rows, int32_t per_row, int32_t zero_point,
                   int32_t low, int32_t high)
{
    const int32_t depth4 = (depth + 3) / 4 * 4;
    int32_t row = 0;
    while (row < rows) {
        const int32_t count = rows - row >= 4 ? 4 : 1;
        int32_t sums[4];
        if (count == 4 && !AI_K_IS_SMALL) {
            memcpy(sums, bias + row, sizeof sums);
            ai_k_dense_rows_4(in, weights, depth, sums);
        } else {
            for (int32_t i = 0; i < count; i++) {
                sums[i] = ai_k_dense_row(in, weights + 4 * i, depth, bias[row + i], 4 * count);
            }
        }
        weights += count * depth4;
        for (int32_t i = 0; i < count; i++, row++) {
            const int32_t entry = per_row ? row : 0;
            const int32_t scaled = ai_k_requantize_once(sums[i], multiplier[entry], shift[entry]) + zero_point;
            out[row] = (int8_t)ai_k_clamp(scaled, low, high);
        }
    }
}
