/* SPDX-License-Identifier: Apache-2.0 */
/* Fixed-point arithmetic of the TFLite reference kernels, as inline functions.
 *
 * A real multiplier is multiplier * 2^(shift - 31), 2^30 <= multiplier < 2^31, -31 <= shift <= 30. All functions assume
 * an arithmetic right shift of negative numbers, which every compiler for Arm and x86 does.
 */
#ifndef AI_K_ARITH_H
#define AI_K_ARITH_H

#include <math.h>
#include <stdint.h>
#include <string.h>

#if defined(AI_K_PORTABLE) && AI_K_PORTABLE /* the C forms on any core */
#define AI_K_DSP 0
#elif defined(__ARM_FEATURE_DSP) && __ARM_FEATURE_DSP
#define AI_K_DSP 1
#else
#define AI_K_DSP 0
#endif

/* Whether the build is for small code (AI_K_SMALL), and how often assembly repeats the body of a loop, as text: such a
 * build takes the second number. */
#if defined(AI_K_SMALL) && AI_K_SMALL
#define AI_K_IS_SMALL 1
#define AI_K_UNROLL(often, seldom) #seldom
#else
#define AI_K_IS_SMALL 0
#define AI_K_UNROLL(often, seldom) #often
#endif

/* A function for the border of an image, compiled for size. */
#if defined(__GNUC__)
#define AI_K_SELDOM __attribute__((cold))
#else
#define AI_K_SELDOM
#endif

/* value limited to [low, high]. */
static inline int32_t ai_k_clamp(int32_t value, int32_t low, int32_t high)
{
    const int32_t above = value < low ? low : value;
    return above > high ? high : above;
}

/* value * 2^bits modulo 2^32, 0 <= bits <= 31. */
static inline int32_t ai_k_shift_left(int32_t value, int32_t bits)
{
    return (int32_t)((uint32_t)value << (uint32_t)bits);
}

/* round(a * b / 2^31), halves towards +infinity; b > 0. (gemmlowp: SaturatingRoundingDoublingHighMul) */
static inline int32_t ai_k_mul_high(int32_t a, int32_t b)
{
    return (int32_t)(((int64_t)a * b + (INT64_C(1) << 30)) >> 31);
}

/* round(value / 2^bits), halves away from zero, 0 <= bits <= 31. (gemmlowp: RoundingDivideByPOT) */
static inline int32_t ai_k_round_shift(int32_t value, int32_t bits)
{
    const int32_t mask = (int32_t)((UINT32_C(1) << (uint32_t)bits) - 1u);
    const int32_t threshold = (mask >> 1) + (value < 0 ? 1 : 0);
    return (value >> bits) + ((value & mask) > threshold ? 1 : 0);
}

/* value * multiplier * 2^(shift - 31), rounded twice: after the product and after the shift.
 * (TFLite: MultiplyByQuantizedMultiplier) */
static inline int32_t ai_k_requantize(int32_t value, int32_t multiplier, int32_t shift)
{
    const int32_t left = shift > 0 ? shift : 0;
    const int32_t right = shift > 0 ? 0 : -shift;
    return ai_k_round_shift(ai_k_mul_high(ai_k_shift_left(value, left), multiplier), right);
}

/* The same, rounded once, halves away from zero; the result must fit 32 bits. */
static inline int32_t ai_k_requantize_once(int32_t value, int32_t multiplier, int32_t shift)
{
    const int32_t total = 31 - shift;
    const int64_t half = (INT64_C(1) << (total - 1)) - (value < 0 ? 1 : 0);
    return (int32_t)(((int64_t)value * multiplier + half) >> total);
}

/* value * real in double precision, rounded half away from zero, limited to 32 bits; |value| < 2^53, real >= 0. The
 * product is volatile so that no compiler fuses it with the subtraction behind it. */
static inline int32_t ai_k_requantize_double(int64_t value, double real)
{
    const volatile double rounded = (double)value * real;
    const double product = rounded;
    if (product >= (double)INT32_MAX || product <= (double)INT32_MIN) {
        return product > 0.0 ? INT32_MAX : INT32_MIN;
    }
    const int32_t whole = (int32_t)product;
    const double rest = product - (double)whole;
    return whole + (rest >= 0.5 ? 1 : 0) - (rest <= -0.5 ? 1 : 0);
}

/* value rounded to nearest, ties to even, limited to +-2^22. */
static inline int32_t ai_k_nearest(float value)
{
    if (value >= 4194304.0f || value <= -4194304.0f) {
        return value > 0.0f ? 1 << 22 : -(1 << 22);
    }
    const int32_t whole = (int32_t)value;
    const float rest = value - (float)whole;
    if (rest == 0.5f || rest == -0.5f) {
        return whole + (rest > 0.0f ? whole & 1 : -(whole & 1));
    }
    return whole + (rest > 0.5f ? 1 : 0) - (rest < -0.5f ? 1 : 0);
}

/* value * scale in float32, rounded to nearest. (onnxruntime: QLinearConv) The product is volatile here and below so
 * that no compiler fuses it with what follows. */
static inline int32_t ai_k_scale_nearest(int32_t value, float scale)
{
    const volatile float product = (float)value * scale;
    return ai_k_nearest(product);
}

/* value * scale + zero_point in float32, rounded to nearest. (onnxruntime: QLinearMul) */
static inline int32_t ai_k_shifted_nearest(int32_t value, float scale, int32_t zero_point)
{
    const volatile float product = (float)value * scale;
    const volatile float sum = product + (float)zero_point;
    return ai_k_nearest(sum);
}

/* left * a + (right * b + constant) in float32 with fused products, rounded to nearest. (onnxruntime: QLinearAdd) */
static inline int32_t ai_k_sum_nearest(int32_t a, int32_t b, float left, float right, float constant)
{
    const volatile float sum = fmaf((float)a, left, fmaf((float)b, right, constant));
    return ai_k_nearest(sum);
}

/* value * multiplier * 2^(shift - 31) for sums of up to 48 bits: the multiplier is cut to 16 bits, rounded once, halves
 * upwards. (TFLite: MultiplyByQuantizedMultiplier of int64_t) */
static inline int32_t ai_k_requantize_64(int64_t value, int32_t multiplier, int32_t shift)
{
    const int32_t reduced = multiplier < 0x7fff0000 ? (multiplier + (1 << 15)) >> 16 : 0x7fff;
    const int32_t total = 15 - shift;
    return (int32_t)((value * reduced + (INT64_C(1) << (total - 1))) >> total);
}

#if AI_K_DSP
/* The even bytes (0 and 2) of a word, sign-extended to two halfwords. */
static inline uint32_t ai_k_even_bytes(uint32_t word)
{
    uint32_t halves;
    __asm__("sxtb16 %0, %1" : "=r"(halves) : "r"(word));
    return halves;
}

/* The odd bytes (1 and 3). */
static inline uint32_t ai_k_odd_bytes(uint32_t word)
{
    uint32_t halves;
    __asm__("sxtb16 %0, %1, ror #8" : "=r"(halves) : "r"(word));
    return halves;
}

/* sum + a.low * b.low + a.high * b.high */
static inline int32_t ai_k_dual_mac(uint32_t a, uint32_t b, int32_t sum)
{
    int32_t result;
    __asm__("smlad %0, %1, %2, %3" : "=r"(result) : "r"(a), "r"(b), "r"(sum));
    return result;
}
#endif

/* Four bytes as a word, at any address. */
static inline uint32_t ai_k_load_word(const int8_t *from)
{
    uint32_t word;
    memcpy(&word, from, sizeof word);
    return word;
}

#endif
