/* SPDX-License-Identifier: Apache-2.0 */
#include <stdbool.h>
#include <stdint.h>

int64_t ranks_sum_0(const int8_t *a, const uint8_t *b, const int16_t *c, const int32_t *d, const float *e,
                    const int64_t *f, const bool *g);

/* Sum of [], [2], [1,2], [1,2,1], [1,1,2,1], [1,1,1,1,2] and [1,1,1,1,1,2]. */
int64_t ranks_sum_0(const int8_t *a, const uint8_t *b, const int16_t *c, const int32_t *d, const float *e,
                    const int64_t *f, const bool *g)
{
    int64_t sum = a[0];
    for (int32_t i = 0; i < 2; i++) {
        sum += (int64_t)b[i] + c[i] + d[i] + (int64_t)e[i] + f[i] + (g[i] ? 1 : 0);
    }
    return sum;
}
