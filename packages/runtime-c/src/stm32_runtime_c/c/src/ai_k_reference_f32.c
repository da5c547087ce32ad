/* SPDX-License-Identifier: Apache-2.0 */
/* Formulas and coefficients: Eigen's tanh and logistic function of float32 as of 2024, without fused products. */
#include "ai_k_reference_f32.h"

#include <string.h>

#include "ai_k_alone.h"

static float polynomial(float x, const float *coefficients, int32_t degree)
{
    float sum = coefficients[0];
    for (int32_t i = 1; i <= degree; i++) {
        sum = ai_k_product(sum, x) + coefficients[i];
    }
    return sum;
}

void ai_k_tanh_reference_f32(const float *in, float *out, int32_t count)
{
    static const float above[] = {1.394553628e-8f, 2.102733560e-5f, 3.520756727e-3f, 1.340216100e-1f};
    static const float below[] = {8.015776984e-7f, 3.326951409e-4f, 2.597254514e-2f, 4.673548340e-1f, 1.0f};
    const float limit = 7.90738964080810547f; /* the quotient is 1 from here on */
    for (int32_t i = 0; i < count; i++) {
        const float x = in[i] > limit ? limit : in[i] < -limit ? -limit : in[i];
        const float square = ai_k_product(x, x);
        const float numerator = ai_k_product(ai_k_product(square, x), polynomial(square, above, 3)) + x;
        out[i] = numerator / polynomial(square, below, 4);
    }
}

static const float one_from = 16.6355324f; /* the logistic function is 1 from here on */

static float power_of_two(int32_t exponent)
{
    const uint32_t bits = (uint32_t)(exponent + 127) << 23;
    float value;
    memcpy(&value, &bits, sizeof value);
    return value;
}

/* exp(x) = exp(x / 2)^2, and exp(x / 2) = 2^m * exp(r), of a polynomial of degree 5. */
static float logistic_inside(float x)
{
    if (x < -104.0f) {
        return 0.0f;
    }
    const float half = (x < one_from ? x : one_from) * 0.5f, real = ai_k_product(half, 1.44269504088896341f) + 0.5f;
    const int32_t toward_zero = (int32_t)real, power = (float)toward_zero > real ? toward_zero - 1 : toward_zero;
    const float m = (float)power,
                r = ai_k_product(m, 2.12194440e-4f) + ai_k_alone(ai_k_product(m, -0.693359375f) + half);
    const float square = ai_k_product(r, r);
    const float even = ai_k_product(square, 4.1898667812347412109375e-2f) + 0.49999141693115234375f;
    const float odd = ai_k_product(square, 8.33471305668354034423828125e-3f) + 0.16666877269744873046875f;
    const float sum = ai_k_product(square, ai_k_alone(ai_k_product(r, odd) + even)) + ai_k_alone(r + 1.0f);
    const float root = ai_k_product(sum, power_of_two(power)), e = ai_k_product(root, root);
    return e / (1.0f + e);
}

/* exp(x) = 2^(k / 32) * 2^(r / 32), -1/2 <= r <= 1/2, as glibc's expf, which the interpreter calls and which is not
 * always the nearest number; the second factor is a polynomial of degree 3. */
static float exp_library(float x)
{
    static const double eighths[] = {1.0,
                                     1.0218971486541166,
                                     1.0442737824274138,
                                     1.0671404006768237,
                                     1.0905077326652577,
                                     1.1143867425958924,
                                     1.1387886347566916,
                                     1.1637248587775775};
    static const double quarters[] = {1.0, 1.189207115002721, 1.4142135623730951, 1.681792830507429};
    const double real = (double)x * 46.16624130844683; /* 32 / ln 2 */
    const int32_t k = (int32_t)(real < 0.0 ? real - 0.5 : real + 0.5), part = k & 31;
    const double r = real - (double)k, square = r * r;
    const double odd = 1.6938359250920212e-06 * r + 0.00023459809789509004;
    const double even = 0.021660849396613134 * r + 1.0;
    const uint64_t bits = (uint64_t)((k - part) / 32 + 1023) << 52;
    double scale;
    memcpy(&scale, &bits, sizeof scale);
    return (float)((odd * square + even) * (quarters[part >> 3] * eighths[part & 7]) * scale);
}

static float logistic_outside(float x)
{
    if (x < -104.0f) {
        return 0.0f;
    }
    const float e = exp_library(x < one_from ? x : one_from);
    return e / (1.0f + e);
}

void ai_k_logistic_reference_f32(float *values, int32_t count, int32_t index, int32_t start, int32_t size)
{
    const int32_t gap = (4 - start % 4) % 4, first = gap < size ? gap : size, end = first + (size - first) / 4 * 4;
    for (int32_t i = 0; i < count; i++) {
        const int32_t place = index + i;
        values[i] = place >= first && place < end ? logistic_inside(values[i]) : logistic_outside(values[i]);
    }
}
