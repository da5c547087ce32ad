/* SPDX-License-Identifier: Apache-2.0 */
#include <stdint.h>

void odd_scale_0(const uint8_t *x, float *y, const float *w);
void odd_sum_1(const uint8_t *x, const int64_t *turns, int64_t *y);
void odd_not_2(const uint8_t *x, uint8_t *y);

/* [1,2,1,2,2] uint8 times one weight, as [4,2]. */
void odd_scale_0(const uint8_t *x, float *y, const float *w)
{
    for (int32_t i = 0; i < 8; i++) {
        y[i] = (float)x[i] * w[0];
    }
}

/* Sum of 8 elements, plus the number of turns of an empty loop. */
void odd_sum_1(const uint8_t *x, const int64_t *turns, int64_t *y)
{
    volatile uint8_t scratch[1024];
    int64_t sum = 0;
    for (int32_t i = 0; i < 1024; i++) {
        scratch[i] = x[i % 8];
    }
    for (int32_t i = 0; i < 8; i++) {
        sum += scratch[1016 + i];
    }
    for (uint32_t left = (uint32_t)*turns; left != 0; left--) {
        __asm__ volatile("");
    }
    *y = sum + *turns;
}

/* [3] bool. */
void odd_not_2(const uint8_t *x, uint8_t *y)
{
    for (int32_t i = 0; i < 3; i++) {
        y[i] = (uint8_t)(x[i] == 0);
    }
}
