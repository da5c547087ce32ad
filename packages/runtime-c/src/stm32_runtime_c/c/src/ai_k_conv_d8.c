/* SPDX-License-Identifier: Apache-2.0 */
#include "ai_k_conv_d8.h"

#include "ai_k_arith.h"

#if AI_K_DSP
/* Registers
 *   r0 r1  X01 of pixel 0 and 1: 256 * S1 + S0       r4 r5  S0 of pixel 0 and 1
 *   r2 r3  X23 of pixel 0 and 1: 256 * S3 + S2       r6 r7  S2 of pixel 0 and 1
 *   r8 r9  values of pixel 0 and 1                   r10 r11  weights of channels 0, 1 and of 2, 3
 *   r12    columns                                   lr     records
 * Stack
 *   0 end of columns   4 entry into the steps   8 columns   12 out of pixel 0   16 out of pixel 1
 *   20 2 * zero_point + 1   24 end of records   28 epilogue   68 steps   72 groups   76 zero_point
 */
/* clang-format off */
__asm__(
    ".syntax unified\n"
    ".pushsection .text.ai_k_conv_d8_s8, \"ax\", %progbits\n"
    ".p2align 2\n"
    ".global ai_k_conv_d8_s8\n"
    ".type ai_k_conv_d8_s8, %function\n"
    ".thumb_func\n"

    /* Both pixels of one channel: t0 and t1 hold twice the sums, m the multiplier, c the rounding and the zero point;
     * for negative sums of a signed layer (x: scratch) one less, so that halves go away from zero. */
    ".macro ai_k_d8_scale signed, t0, t1, m, c, x\n"
    " .if \\signed\n"
    "  add \\x, \\c, \\t0, asr #31\n"
    "  smmlar \\t0, \\t0, \\m, \\x\n"
    "  add \\x, \\c, \\t1, asr #31\n"
    "  smmlar \\t1, \\t1, \\m, \\x\n"
    " .else\n"
    "  smmlar \\t0, \\t0, \\m, \\c\n"
    "  smmlar \\t1, \\t1, \\m, \\c\n"
    " .endif\n"
    " asr \\t0, \\t0, r9\n"
    " asr \\t1, \\t1, r9\n"
    " ssat \\t0, #8, \\t0, asr #1\n"
    " ssat \\t1, #8, \\t1, asr #1\n"
    ".endm\n"

    /* The 8 results of a record. r8: 2 * zero_point + 1, r9: shifts (lowest byte first), r11 r12: outputs. */
    ".macro ai_k_d8_finish signed\n"
    " ldr r8, [sp, #20]\n"
    " ldm lr!, {r9, r10}\n"
    " sub r0, r0, r4\n" /* 256 * S1, 256 * S3 */
    " sub r1, r1, r5\n"
    " sub r2, r2, r6\n"
    " sub r3, r3, r7\n"
    " lsl r4, r4, #1\n" /* channel 0 */
    " lsl r5, r5, #1\n"
    " lsl r11, r8, r9\n"
    " ai_k_d8_scale \\signed, r4, r5, r10, r11, r12\n"
    " ldrd r11, r12, [sp, #12]\n"
    " strb r4, [r11], #1\n"
    " strb r5, [r12], #1\n"
    " ldr r4, [lr], #4\n" /* channel 1 */
    " lsr r9, r9, #8\n"
    " asr r0, r0, #7\n"
    " asr r1, r1, #7\n"
    " lsl r10, r8, r9\n"
    " ai_k_d8_scale \\signed, r0, r1, r4, r10, r5\n"
    " strb r0, [r11], #1\n"
    " strb r1, [r12], #1\n"
    " ldr r4, [lr], #4\n" /* channel 2 */
    " lsr r9, r9, #8\n"
    " lsl r6, r6, #1\n"
    " lsl r7, r7, #1\n"
    " lsl r10, r8, r9\n"
    " ai_k_d8_scale \\signed, r6, r7, r4, r10, r5\n"
    " strb r6, [r11], #1\n"
    " strb r7, [r12], #1\n"
    " ldr r4, [lr], #4\n" /* channel 3 */
    " lsr r9, r9, #8\n"
    " asr r2, r2, #7\n"
    " asr r3, r3, #7\n"
    " lsl r10, r8, r9\n"
    " ai_k_d8_scale \\signed, r2, r3, r4, r10, r5\n"
    " strb r2, [r11], #1\n"
    " strb r3, [r12], #1\n"
    " ldr r10, [sp, #24]\n"
    " strd r11, r12, [sp, #12]\n"
    " cmp lr, r10\n"
    " bne ai_k_d8_record\n"
    ".endm\n"

    ".equ ai_k_d8_unrolled, " AI_K_UNROLL(16, 4) "\n"
    ".equ ai_k_d8_step_bytes, 48\n"
    "ai_k_conv_d8_s8:\n"
    " push {r4-r11, lr}\n"
    " sub sp, sp, #32\n"
    " mov lr, r1\n"
    " add r3, r2, r3\n"
    " strd r2, r3, [sp, #12]\n"
    " ldrd r4, r5, [sp, #68]\n" /* steps, groups */
    " ldr r6, [sp, #76]\n"      /* zero_point */
    " add r7, r0, r4, lsl #3\n"
    " str r7, [sp, #0]\n"
    " str r0, [sp, #8]\n"
    " lsl r7, r4, #3\n" /* records end at records + groups * (36 + 8 * steps) */
    " add r7, r7, #36\n"
    " mla r7, r7, r5, r1\n"
    " lsl r8, r6, #1\n"
    " add r8, r8, #1\n"
    " strd r8, r7, [sp, #20]\n"
    " adr.w r7, ai_k_d8_relu + 1\n"
    " adr.w r8, ai_k_d8_signed + 1\n"
    " cmp r6, #-128\n"
    " it ne\n"
    " movne r7, r8\n"
    " str r7, [sp, #28]\n"
    " rsb r4, r4, #0\n" /* the first pass skips -steps mod unrolled steps */
    " and r4, r4, #(ai_k_d8_unrolled - 1)\n"
    " movs r5, #ai_k_d8_step_bytes\n"
    " adr.w r7, ai_k_d8_steps + 1\n"
    " mla r7, r4, r5, r7\n"
    " str r7, [sp, #4]\n"

    "ai_k_d8_record:\n" /* sums start with the bias */
    " ldr r12, [sp, #8]\n"
    " ldm lr!, {r0, r2, r4, r6}\n"
    " mov r1, r0\n"
    " mov r3, r2\n"
    " mov r5, r4\n"
    " mov r7, r6\n"
    " ldr pc, [sp, #4]\n"

    ".p2align 2\n"
    "ai_k_d8_steps:\n"
    ".rept ai_k_d8_unrolled\n"
    " ldrd r8, r9, [r12], #8\n"
    " ldrd r10, r11, [lr], #8\n"
    " smlad r0, r10, r8, r0\n"
    " smlad r1, r10, r9, r1\n"
    " sxtb16 r10, r10\n" /* w[0] of both positions */
    " smlad r2, r11, r8, r2\n"
    " smlad r3, r11, r9, r3\n"
    " sxtb16 r11, r11\n" /* w[2] */
    " smlad r4, r10, r8, r4\n"
    " smlad r5, r10, r9, r5\n"
    " smlad r6, r11, r8, r6\n"
    " smlad r7, r11, r9, r7\n"
    ".endr\n"
    " ldr r10, [sp, #0]\n"
    " cmp r12, r10\n"
    " bne.w ai_k_d8_steps\n"
    " ldr pc, [sp, #28]\n"

    ".p2align 2\n"
    "ai_k_d8_relu:\n"
    " ai_k_d8_finish 0\n"
    " add sp, sp, #32\n"
    " pop {r4-r11, pc}\n"
    ".p2align 2\n"
    "ai_k_d8_signed:\n"
    " ai_k_d8_finish 1\n"
    " add sp, sp, #32\n"
    " pop {r4-r11, pc}\n"
    ".size ai_k_conv_d8_s8, . - ai_k_conv_d8_s8\n"
    ".popsection\n");
/* clang-format on */
#else
/* The lower or upper half of a word, as a signed number. */
static inline int32_t low_half(uint32_t word)
{
    return (int32_t)(int16_t)(uint16_t)word;
}

static inline int32_t high_half(uint32_t word)
{
    return (int32_t)(int16_t)(uint16_t)(word >> 16);
}

/* Sums of two channels that share halfwords: adds the products of one step to 256 * S1 + S0 and to S0. */
static inline void multiply_step(uint32_t weights, uint32_t values, uint32_t *mixed, int32_t *even)
{
    const int32_t low = low_half(values), high = high_half(values);
    *mixed += (uint32_t)(low_half(weights) * low) + (uint32_t)(high_half(weights) * high);
    *even += (int8_t)(uint8_t)weights * low + (int8_t)(uint8_t)(weights >> 16) * high;
}

/* saturate8(zero_point + requantize(...)); zero = 2 * zero_point + 1, shift = right shift - 1. */
static inline int8_t scale(int32_t sum, int32_t multiplier, int32_t shift, int32_t zero)
{
    const int32_t product = ai_k_mul_high(sum, multiplier);
    const int32_t away = zero != -255 && sum < 0 ? 1 : 0;
    return (int8_t)ai_k_clamp((product + ai_k_shift_left(zero, shift) - away) >> (shift + 1), -128, 127);
}

/* Channels 2 * pair and 2 * pair + 1 of a record, one pixel. */
static void channel_pair(const int32_t *columns, const int32_t *record, int32_t pair, int8_t *out, int32_t steps,
                         int32_t zero_point)
{
    const int32_t *const scales = record + 4 + 2 * steps;
    const uint32_t shifts = (uint32_t)scales[0] >> (16 * (uint32_t)pair);
    uint32_t mixed = (uint32_t)record[pair];
    int32_t even = record[2 + pair];
    for (int32_t i = 0; i < steps; i++) {
        multiply_step((uint32_t)record[4 + 2 * i + pair], (uint32_t)columns[2 * i], &mixed, &even);
    }
    const int32_t odd = (int32_t)(mixed - (uint32_t)even) >> 8;
    const int32_t zero = 2 * zero_point + 1;
    out[0] = scale(even, scales[1 + 2 * pair], (int32_t)(shifts & 255u), zero);
    out[1] = scale(odd, scales[2 + 2 * pair], (int32_t)(shifts >> 8 & 255u), zero);
}

void ai_k_conv_d8_s8(const int32_t *columns, const int32_t *records, int8_t *out, int32_t out_stride, int32_t steps,
                     int32_t groups, int32_t zero_point)
{
    for (int32_t group = 0; group < groups; group++) {
        for (int32_t pixel = 0; pixel < 2; pixel++) {
            int8_t *const to = out + pixel * out_stride + 4 * group;
            channel_pair(columns + pixel, records, 0, to, steps, zero_point);
            channel_pair(columns + pixel, records, 1, to + 2, steps, zero_point);
        }
        records += 9 + 2 * steps;
    }
}
#endif
