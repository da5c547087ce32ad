/* SPDX-License-Identifier: Apache-2.0 */
#include <stdint.h>

void tiny_mul_0(const int8_t *x, int16_t *y, const int8_t *w);
void tiny_sum_1(const int16_t *x, const float *bias, int32_t *y);

/* [1,2,2,3] int8 times one weight per channel. */
void tiny_mul_0(const int8_t *x, int16_t *y, const int8_t *w)
{
    for (int32_t i = 0; i < 12; i++) {
        y[i] = (int16_t)(x[i] * w[i % 3]);
    }
}

/* Sum of [1,2,2,3] int16 and of three biases. */
void tiny_sum_1(const int16_t *x, const float *bias, int32_t *y)
{
    float sum = bias[0] + bias[1] + bias[2];
    for (int32_t i = 0; i < 12; i++) {
        sum += (float)x[i];
    }
    *y = (int32_t)sum;
}
