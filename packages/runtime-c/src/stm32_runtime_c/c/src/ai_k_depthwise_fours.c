/* SPDX-License-Identifier: Apache-2.0 */
#include "ai_k_arith.h"
#include "ai_k_depthwise.h"

/* What stands in the list for a tap outside of the image. The assembly adds list and image, so there it is what leads
 * to the values outside. */
static inline int32_t place_outside(const int8_t *outside, const int8_t *x)
{
#if AI_K_DSP
    return (int32_t)((uintptr_t)outside - (uintptr_t)x);
#else
    (void)outside;
    (void)x;
    return INT32_MIN;
#endif
}

/* Where a tap of the list is. */
static inline const int8_t *tap(const int8_t *x, int32_t place, const int8_t *outside)
{
#if AI_K_DSP
    (void)outside;
    return (const int8_t *)((uintptr_t)x + (uintptr_t)place);
#else
    return place == INT32_MIN ? outside : x + place;
#endif
}

void ai_k_depthwise_taps_s8(int32_t *taps, const int8_t *outside, const int8_t *x, int32_t height, int32_t width,
                            int32_t channels, int32_t rows, int32_t columns, int32_t row_dilation,
                            int32_t column_dilation, int32_t row, int32_t column)
{
    const int32_t absent = place_outside(outside, x);
    int32_t *at = taps;
    for (int32_t i = 0; i < rows; i++, row += row_dilation) {
        const int inside = row >= 0 && row < height;
        for (int32_t j = 0, from = column; j < columns; j++, from += column_dilation) {
            *at++ = inside && from >= 0 && from < width ? (row * width + from) * channels : absent;
        }
    }
    if (rows * columns % 2 != 0) { /* the last one is alone: the other weight of its pair is 0 */
        at[0] = at[-1];
    }
}

#if AI_K_DSP
/* Registers
 *   r0 x, at the first channel   r1 list of taps   r2 records   r3 end of the list
 *   r4 .. r7 sums of the 4 channels   r8 r9 values of two taps   r10 r11 weights   r12 lr scratch
 * Stack
 *   0 list of taps   4 out   8 2 * zero_point + 1   12 pairs << 31   16 channels left
 *   60 outside   64 pairs   68 channels   72 multiplier   76 zero_point
 */
/* clang-format off */
__asm__(
    ".syntax unified\n"
    /* Two taps of 4 channels: a, b values; w: bytes (channel 0, 1) of both taps, then of channels 2, 3. */
    ".macro ai_k_dw_pair\n"
    " ldr r8, [r1], #4\n"
    " ldr r9, [r1], #4\n"
    " ldr r8, [r0, r8]\n"
    " ldr r9, [r0, r9]\n"
    " ldr r10, [r2], #4\n"
    " ldr r11, [r2], #4\n"
    " pkhbt lr, r8, r9, lsl #16\n" /* a0 a1 b0 b1 */
    " pkhtb r9, r9, r8, asr #16\n" /* a2 a3 b2 b3 */
    " sxtb16 r8, lr\n"
    " sxtb16 r12, r10\n"
    " smlad r4, r8, r12, r4\n"
    " sxtb16 lr, lr, ror #8\n"
    " sxtb16 r10, r10, ror #8\n"
    " smlad r5, lr, r10, r5\n"
    " sxtb16 r8, r9\n"
    " sxtb16 r12, r11\n"
    " smlad r6, r8, r12, r6\n"
    " sxtb16 r9, r9, ror #8\n"
    " sxtb16 r11, r11, ror #8\n"
    " smlad r7, r9, r11, r7\n"
    ".endm\n"
    /* One channel to int8. r8: shift in the lowest byte, lr: 2 * zero_point + 1; halves go away from zero. */
    ".macro ai_k_dw_finish sum, m\n"
    " lsl \\sum, \\sum, #1\n"
    " lsl r1, lr, r8\n"
    " add r1, r1, \\sum, asr #31\n"
    " smmlar \\sum, \\sum, \\m, r1\n"
    " asr \\sum, \\sum, r8\n"
    " ssat \\sum, #8, \\sum, asr #1\n"
    ".endm\n"

    ".pushsection .text.ai_k_depthwise_fours_s8, \"ax\", %progbits\n"
    ".thumb\n"
    ".balign 4\n"
    ".global ai_k_depthwise_fours_s8\n"
    ".type ai_k_depthwise_fours_s8, %function\n"
    ".thumb_func\n"
    "ai_k_depthwise_fours_s8:\n"
    " push {r4-r11, lr}\n"
    " sub sp, #24\n"
    " ldrd r4, r5, [sp, #64]\n" /* pairs, channels */
    " ldr r6, [sp, #76]\n"      /* zero_point */
    " str r0, [sp, #0]\n"
    " str r3, [sp, #4]\n"
    " add r3, r0, r4, lsl #3\n"
    " mov r0, r1\n"
    " lsl r6, r6, #1\n"
    " add r6, r6, #1\n"
    " str r6, [sp, #8]\n"
    " lsl r4, r4, #31\n"
    " strd r4, r5, [sp, #12]\n"
    "1: ldr r1, [sp, #0]\n" /* 4 channels */
    " ldr r12, [sp, #12]\n"
    " ldm r2!, {r4-r7}\n" /* sums start with the bias */
    " cmp r12, #0\n"      /* an odd count of pairs enters in the middle */
    " bne 3f\n"
    "2: ai_k_dw_pair\n"
    "3: ai_k_dw_pair\n"
    " cmp r1, r3\n"
    " bne 2b\n"
    " ldm r2!, {r8-r12}\n" /* shifts, multipliers */
    " ldr lr, [sp, #8]\n"
    " ai_k_dw_finish r4, r9\n"
    " lsr r8, r8, #8\n"
    " ai_k_dw_finish r5, r10\n"
    " lsr r8, r8, #8\n"
    " ai_k_dw_finish r6, r11\n"
    " lsr r8, r8, #8\n"
    " ai_k_dw_finish r7, r12\n"
    " ldr r9, [sp, #72]\n" /* multiplier */
    " ldr r10, [sp, #16]\n"
    " ldr r1, [sp, #4]\n"
    " strb r4, [r1]\n"
    " strb r5, [r1, r9]\n"
    " add r1, r1, r9, lsl #1\n"
    " strb r6, [r1]\n"
    " strb r7, [r1, r9]\n"
    " add r1, r1, r9, lsl #1\n"
    " add r0, r0, #4\n"
    " subs r10, r10, #4\n"
    " beq 5f\n"
    " cmp r10, #4\n"
    " bge 4f\n"
    " rsb r11, r10, #4\n" /* the last 4 channels overlap the ones before */
    " sub r0, r0, r11\n"
    " mls r1, r11, r9, r1\n"
    " mov r10, #4\n"
    "4: str r1, [sp, #4]\n"
    " str r10, [sp, #16]\n"
    " b 1b\n"
    "5: add sp, #24\n"
    " pop {r4-r11, pc}\n"
    ".size ai_k_depthwise_fours_s8, . - ai_k_depthwise_fours_s8\n"
    ".popsection\n");
/* clang-format on */
#else
/* Adds the products of two taps; weights as in a record. */
static inline void add_pair(int32_t sums[4], const int8_t *a, const int8_t *b, const int8_t *weights)
{
    sums[0] += a[0] * weights[0] + b[0] * weights[2];
    sums[1] += a[1] * weights[1] + b[1] * weights[3];
    sums[2] += a[2] * weights[4] + b[2] * weights[6];
    sums[3] += a[3] * weights[5] + b[3] * weights[7];
}

static void four(const int32_t *taps, const int8_t *x, const int8_t *outside, int32_t channel, const int32_t *record,
                 int32_t pairs, int8_t *out, int32_t multiplier, int32_t zero_point)
{
    const int8_t *weights = (const int8_t *)(record + 4);
    const int32_t *scales = record + 4 + 2 * pairs;
    int32_t sums[4] = {record[0], record[1], record[2], record[3]};
    for (int32_t i = 0; i < pairs; i++) {
        add_pair(sums, tap(x, taps[2 * i], outside) + channel, tap(x, taps[2 * i + 1], outside) + channel, weights);
        weights += 8;
    }
    int8_t shifts[4];
    memcpy(shifts, scales, sizeof shifts);
    for (int32_t i = 0; i < 4; i++) {
        const int32_t value = ai_k_requantize(sums[i], scales[1 + i], -1 - shifts[i]) + zero_point;
        out[i * multiplier] = (int8_t)ai_k_clamp(value, -128, 127);
    }
}

void ai_k_depthwise_fours_s8(const int32_t *taps, const int8_t *x, const int32_t *records, int8_t *out,
                             const int8_t *outside, int32_t pairs, int32_t channels, int32_t multiplier,
                             int32_t zero_point)
{
    const int32_t words = 9 + 2 * pairs;
    for (int32_t channel = 0; channel < channels; channel += 4) {
        const int32_t first = channel + 4 <= channels ? channel : channels - 4;
        four(taps, x, outside, first, records, pairs, out + first * multiplier, multiplier, zero_point);
        records += words;
    }
}
#endif

#if AI_K_DSP
/* Adds the products of all taps of 4 channels; a word of weights holds two taps of a channel. */
static inline void add_halves(int32_t sums[4], const int32_t *taps, const int8_t *x, const int8_t *outside,
                              const int32_t *weights, int32_t pairs)
{
    int32_t s0 = sums[0], s1 = sums[1], s2 = sums[2], s3 = sums[3];
    for (const int32_t *const end = taps + 2 * pairs; taps != end; taps += 2, weights += 4) {
        const uint32_t a = ai_k_load_word(tap(x, taps[0], outside)), b = ai_k_load_word(tap(x, taps[1], outside));
        const uint32_t low = (a & 0xffffu) | b << 16, high = (b & 0xffff0000u) | a >> 16;
        s0 = ai_k_dual_mac(ai_k_even_bytes(low), (uint32_t)weights[0], s0);
        s1 = ai_k_dual_mac(ai_k_odd_bytes(low), (uint32_t)weights[1], s1);
        s2 = ai_k_dual_mac(ai_k_even_bytes(high), (uint32_t)weights[2], s2);
        s3 = ai_k_dual_mac(ai_k_odd_bytes(high), (uint32_t)weights[3], s3);
    }
    sums[0] = s0;
    sums[1] = s1;
    sums[2] = s2;
    sums[3] = s3;
}
#else
static inline void add_halves(int32_t sums[4], const int32_t *taps, const int8_t *x, const int8_t *outside,
                              const int32_t *weights, int32_t pairs)
{
    for (int32_t i = 0; i < pairs; i++, taps += 2) {
        const int8_t *const a = tap(x, taps[0], outside), *const b = tap(x, taps[1], outside);
        for (int32_t channel = 0; channel < 4; channel++) {
            int16_t both[2];
            memcpy(both, weights++, sizeof both);
            sums[channel] += a[channel] * both[0] + b[channel] * both[1];
        }
    }
}
#endif

/* ai_k_requantize with a right shift of 1 or more. */
static inline int32_t scaled(int32_t sum, int32_t multiplier, int32_t right)
{
    const int32_t value = ai_k_mul_high(sum, multiplier);
    return (value + (value >> 31) + (INT32_C(1) << (right - 1))) >> right;
}

void ai_k_depthwise_halves_s8(const int32_t *taps, const int8_t *x, const int32_t *records, int8_t *out,
                              const int8_t *outside, int32_t pairs, int32_t channels, int32_t multiplier,
                              int32_t zero_point)
{
    for (int32_t channel = 0; channel < channels; channel += 4) {
        const int32_t first = channel + 4 <= channels ? channel : channels - 4;
        int32_t sums[4] = {records[0], records[1], records[2], records[3]};
        add_halves(sums, taps, x + first, outside + first, records + 4, pairs);
        records += 4 + 4 * pairs;
        const uint32_t shifts = (uint32_t)records[0];
        int8_t *to = out + first * multiplier;
        for (int32_t i = 0; i < 4; i++) {
            const int32_t right = (int32_t)(shifts >> (8 * i) & 31u) + 1;
            *to = (int8_t)ai_k_clamp(scaled(sums[i], records[1 + i], right) + zero_point, -128, 127);
            to += multiplier;
        }
        records += 5;
    }
}
