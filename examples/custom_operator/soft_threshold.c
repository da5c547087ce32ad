/* SPDX-License-Identifier: Apache-2.0 */
/* Soft thresholding, which takes noise out of wavelet coefficients: every value moves towards zero, small ones to it.
 */
#include <stdint.h>

static float shrunk(float value, float threshold)
{
    if (value > threshold) {
        return value - threshold;
    }
    return value < -threshold ? value + threshold : 0.0f;
}

void soft_threshold_f32(const float *x, float *y, int32_t count, float threshold)
{
    for (int32_t i = 0; i < count; ++i) {
        y[i] = shrunk(x[i], threshold);
    }
}
