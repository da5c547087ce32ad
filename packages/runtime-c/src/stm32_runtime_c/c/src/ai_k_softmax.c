/* SPDX-License-Identifier: Apache-2.0 */
#include "ai_k_softmax.h"

#include "ai_k_arith.h"

static int32_t leading_zeros(int32_t value)
{
    return value == 0 ? 32 : __builtin_clz((uint32_t)value);
}

/* value * 2^bits, saturating; 0 <= bits <= 31. (gemmlowp: SaturatingRoundingMultiplyByPOT) */
static int32_t shift_left_saturating(int32_t value, int32_t bits)
{
    const int64_t wide = (int64_t)value * (INT64_C(1) << bits);
    if (wide > INT32_MAX) {
        return INT32_MAX;
    }
    return wide < INT32_MIN ? INT32_MIN : (int32_t)wide;
}

/* a + b modulo 2^32. */
static int32_t add_wrapping(int32_t a, int32_t b)
{
    return (int32_t)((uint32_t)a + (uint32_t)b);
}

/* 1 / (1 + value), value in [0, 1), both Q0.31. (gemmlowp: one_over_one_plus_x_for_x_in_0_1) */
static int32_t reciprocal_of_one_plus(int32_t value)
{
    const int32_t half = (INT32_C(1) << 30) + (value >> 1); /* (1 + value) / 2 */
    const int32_t forty_eight_17ths = 1515870810;           /* Q2.29 */
    const int32_t minus_thirty_two_17ths = -1010580540;
    int32_t x = forty_eight_17ths + ai_k_mul_high(half, minus_thirty_two_17ths);
    for (int32_t step = 0; step < 3; step++) {
        const int32_t error = (INT32_C(1) << 29) - ai_k_mul_high(half, x);
        x = add_wrapping(x, shift_left_saturating(ai_k_mul_high(x, error), 2));
    }
    return shift_left_saturating(x, 1);
}

static int32_t row_maximum(const int8_t *in, int32_t depth)
{
    int32_t maximum = in[0];
    for (int32_t i = 1; i < depth; i++) {
        maximum = in[i] > maximum ? in[i] : maximum;
    }
    return maximum;
}

/* Sum of the exponentials in Q12.19, saturating. */
static int32_t row_sum(const int8_t *in, int32_t depth, int32_t maximum, const int32_t *exps, int32_t count)
{
    int32_t sum = 0;
    for (int32_t i = 0; i < depth; i++) {
        const int32_t below = maximum - in[i];
        if (below < count) {
            const int32_t term = ai_k_round_shift(exps[below], 12);
            if (sum > INT32_MAX - term) {
                return INT32_MAX;
            }
            sum += term;
        }
    }
    return sum;
}

static void softmax_row(const int8_t *in, int8_t *out, int32_t depth, const int32_t *exps, int32_t count)
{
    const int32_t maximum = row_maximum(in, depth);
    const int32_t sum = row_sum(in, depth, maximum, exps, count);
    const int32_t zeros = leading_zeros(sum);
    const int32_t bits =
        35 - zeros; /* above 31 from a sum of 512 on: the reference gives up, every result rounds to 0 */
    const int32_t scale = reciprocal_of_one_plus((int32_t)(((uint32_t)sum << (uint32_t)zeros) - 0x80000000u));
    for (int32_t i = 0; i < depth; i++) {
        const int32_t below = maximum - in[i];
        int32_t value = 0;
        if (below < count && bits <= 31) {
            value = ai_k_round_shift(ai_k_mul_high(scale, exps[below]), bits);
        }
        out[i] = (int8_t)ai_k_clamp(value - 128, -128, 127);
    }
}

void ai_k_softmax_s8(const int8_t *in, int8_t *out, int32_t rows, int32_t depth, const int32_t *exps, int32_t count)
{
    for (int32_t row = 0; row < rows; row++) {
        softmax_row(in + row * depth, out + row * depth, depth, exps, count);
    }
}

void ai_k_softmax_s8_s16(const int8_t *in, int16_t *out, int32_t rows, int32_t depth, const int32_t *exps,
                         int32_t count)
{
    for (int32_t row = 0; row < rows; row++, in += depth, out += depth) {
        const int32_t maximum = row_maximum(in, depth);
        const int32_t sum = row_sum(in, depth, maximum, exps, count);
        const int32_t zeros = leading_zeros(sum); /* at least 1, so that the shift below is at most 26 */
        const int32_t scale = reciprocal_of_one_plus((int32_t)(((uint32_t)sum << (uint32_t)zeros) - 0x80000000u));
        for (int32_t i = 0; i < depth; i++) {
            const int32_t below = maximum - in[i];
            const int32_t value = below < count ? ai_k_round_shift(ai_k_mul_high(scale, exps[below]), 27 - zeros) : 0;
            out[i] = (int16_t)ai_k_clamp(value + INT16_MIN, INT16_MIN, INT16_MAX);
        }
    }
}

/* log(value), value >= 1 in Q12.19, the result in Q5.26. (TFLite: log_x_for_x_greater_than_or_equal_to_1_impl) */
static int32_t logarithm(int32_t value)
{
    const int32_t log_2 = 1488522236, root_half = 1518500250, root_root_half = 1805811301; /* Q0.31 */
    const int32_t quarter = INT32_C(1) << 23;                                              /* Q6.25, of an octave */
    const int32_t zeros = leading_zeros(value);
    const int32_t first = shift_left_saturating(ai_k_mul_high(shift_left_saturating(value, zeros - 1), root_half), 1);
    const int32_t octave_first = (12 - zeros) * (INT32_C(1) << 25) + quarter;
    const int32_t room = leading_zeros(ai_k_mul_high(value, root_half)) - 1;
    const int32_t second = shift_left_saturating(value, room);
    const int32_t octave_second = (12 - room) * (INT32_C(1) << 25) - quarter;
    const int32_t reduced = first < second ? first : second;
    const int32_t octave = octave_first > octave_second ? octave_first : octave_second;

    /* A rational approximation around 2^(-1/4). */
    const int32_t middle = (int32_t)(((int64_t)reduced + root_root_half + 1) >> 1);
    const int32_t q = ai_k_shift_left(reduced - root_root_half, 1);
    const int32_t square = ai_k_mul_high(q, q);
    const int32_t numerator =
        add_wrapping(ai_k_mul_high(q, reduced), ai_k_mul_high(ai_k_mul_high(q, square), 117049297));
    const int32_t inner = add_wrapping(add_wrapping(1057819769, q), ai_k_mul_high(127690142, square));
    const int32_t denominator = add_wrapping(ai_k_mul_high(middle, inner), ai_k_mul_high(638450708, q));
    const int32_t fraction = ai_k_mul_high(ai_k_round_shift(numerator, 6), reciprocal_of_one_plus(denominator));
    return shift_left_saturating(add_wrapping(ai_k_mul_high(octave, log_2), fraction), 1);
}

void ai_k_log_softmax_s8(const int8_t *in, int8_t *out, int32_t rows, int32_t depth, const int32_t *exps, int32_t count,
                         int32_t multiplier, int32_t shift, int32_t inverse, int32_t inverse_shift, int32_t least)
{
    for (int32_t row = 0; row < rows; row++) {
        const int32_t maximum = row_maximum(in, depth);
        const int32_t log_sum = logarithm(row_sum(in, depth, maximum, exps, count));
        const int32_t representable = ai_k_requantize(add_wrapping(log_sum, INT32_MIN), inverse, inverse_shift);
        const int32_t bound = representable > least - 1 ? representable : least - 1;
        for (int32_t i = 0; i < depth; i++) {
            const int32_t difference = in[i] - maximum;
            int32_t value = -128;
            if (difference > bound) {
                const int32_t log_exp = ai_k_requantize(difference, multiplier, shift);
                value = ai_k_clamp(ai_k_round_shift(add_wrapping(log_exp, -log_sum), 22) + 127, -128, 127);
            }
            out[i] = (int8_t)value;
        }
        in += depth;
        out += depth;
    }
}
