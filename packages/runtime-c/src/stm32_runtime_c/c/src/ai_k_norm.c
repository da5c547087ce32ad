/* SPDX-License-Identifier: Apache-2.0 */
#include "ai_k_norm.h"

#include "ai_k_inverse_root.h"

void ai_k_l2_normalize_s8(const int8_t *in, int8_t *out, int32_t rows, int32_t depth, int32_t zero_point, int32_t ahead)
{
    for (int32_t row = 0; row < rows; row++) {
        const int8_t *from = in + row * depth;
        int8_t *to = out + row * depth;
        int32_t sum = 0, shift;
        for (int32_t i = 0; i < depth; i++) {
            const int32_t value = from[i] - zero_point;
            sum += value * value;
        }
        const int32_t multiplier = inverse_square_root(sum, &shift);
        for (int32_t i = 0; i < depth; i++) {
            const int32_t scaled =
                ai_k_requantize((from[i] - zero_point) * (1 << ahead), multiplier, shift + 7 - ahead);
            to[i] = (int8_t)ai_k_clamp(scaled, -128, 127);
        }
    }
}
