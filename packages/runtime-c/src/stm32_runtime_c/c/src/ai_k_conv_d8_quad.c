/* SPDX-License-Identifier: Apache-2.0 */
#include "ai_k_arith.h"
#include "ai_k_conv_d8.h"

#if AI_K_DSP && defined(__ARM_FP)
/* Registers
 *   r0 - r3  256 * S1 + S0 of the four pixels     r4 - r7  S0      r8 - r11  values of the four pixels
 *   r12      columns     lr  weights of a step    s0 - s31 weights of all steps, the last one in s31
 * Stack
 *   0 - 20 scales of both channels   24 out   28 out_stride   32 end of columns   36 256 * bias[1] + bias[0]   40
 * bias[0] 44 entry into the steps   48 results   52 columns   56 out of the channels   60 record   64 groups left 68
 * entry into the loads   72 what holds the zero point   76 record's start   80 bytes before the weights 188 steps   192
 * groups   196 quads   200 zero_point Scales: multiplier, shift, rounding and zero point of each channel; of linear
 * records multiplier and offset.
 */
/* clang-format off */
__asm__(
    ".syntax unified\n"

    ".macro ai_k_quad_step s\n"
    " ldm r12!, {r8-r11}\n"
    " vmov lr, s\\s\n"
    " smlad r0, lr, r8, r0\n"
    " smlad r1, lr, r9, r1\n"
    " smlad r2, lr, r10, r2\n"
    " smlad r3, lr, r11, r3\n"
    " sxtb16 lr, lr\n" /* channel 0 */
    " smlad r4, lr, r8, r4\n"
    " smlad r5, lr, r9, r5\n"
    " smlad r6, lr, r10, r6\n"
    " smlad r7, lr, r11, r7\n"
    ".endm\n"

    /* saturate8 of a result, r9: shift. */
    ".macro ai_k_quad_round a, b, c, d\n"
    " asr \\a, \\a, r9\n"
    " asr \\b, \\b, r9\n"
    " asr \\c, \\c, r9\n"
    " asr \\d, \\d, r9\n"
    " ssat \\a, #8, \\a, asr #1\n"
    " ssat \\b, #8, \\b, asr #1\n"
    " ssat \\c, #8, \\c, asr #1\n"
    " ssat \\d, #8, \\d, asr #1\n"
    ".endm\n"

    /* High words of doubled sums times r8, where halves of negative ones go away from zero; r10: rounding. */
    ".macro ai_k_quad_signed a, b, c, d\n"
    " add r11, r10, \\a, asr #31\n"
    " smmlar \\a, \\a, r8, r11\n"
    " add r11, r10, \\b, asr #31\n"
    " smmlar \\b, \\b, r8, r11\n"
    " add r11, r10, \\c, asr #31\n"
    " smmlar \\c, \\c, r8, r11\n"
    " add r11, r10, \\d, asr #31\n"
    " smmlar \\d, \\d, r8, r11\n"
    ".endm\n"

    /* Stores of the 8 results. */
    ".macro ai_k_quad_store\n"
    " ldr r8, [sp, #24]\n"
    " ldr r9, [sp, #28]\n"
    " ldr r10, [sp, #32]\n"
    " bfi r4, r0, #8, #8\n"
    " bfi r5, r1, #8, #8\n"
    " bfi r6, r2, #8, #8\n"
    " bfi r7, r3, #8, #8\n"
    " add r11, r9, r9, lsl #1\n"
    " strh r4, [r8]\n"
    " strh r5, [r8, r9]\n"
    " strh r6, [r8, r9, lsl #1]\n"
    " strh r7, [r8, r11]\n"
    " add r8, r8, r9, lsl #2\n"
    " str r8, [sp, #24]\n"
    " cmp r12, r10\n"
    " bne.w ai_k_quad_next\n"
    " ldr r8, [sp, #64]\n"
    " subs r8, r8, #1\n"
    " str r8, [sp, #64]\n"
    " bne.w 1b\n"
    " add sp, sp, #88\n"
    " vpop {s16-s31}\n"
    " pop {r4-r11, pc}\n"
    ".endm\n"

    /* The start of a function; r4: what holds the zero point. */
    ".macro ai_k_quad_function name\n"
    ".pushsection .text.\\name, \"ax\", %progbits\n"
    ".p2align 2\n"
    ".global \\name\n"
    ".type \\name, %function\n"
    ".thumb_func\n"
    "\\name:\n"
    " push {r4-r11, lr}\n"
    " vpush {s16-s31}\n"
    " sub sp, sp, #88\n"
    " ldr r4, [sp, #200]\n"
    " adr.w r12, 1f + 1\n"
    " adr.w lr, 2f + 1\n"
    ".endm\n"

    " ai_k_quad_function ai_k_conv_d8_quad_linear_s8\n"
    " lsls r4, r4, #" AI_K_D8_TEXT(AI_K_D8_SHIFT) "\n"
    " add r4, r4, #(1 << (" AI_K_D8_TEXT(AI_K_D8_SHIFT) " - 1))\n"
    " b.w ai_k_quad\n"
    ".p2align 2\n"
    "1:\n" /* a record */
    " ldr r0, [sp, #60]\n"
    " ldm r0!, {r1-r5}\n" /* biases, multipliers, offsets */
    " ldr r6, [sp, #72]\n"
    " uxtab r7, r6, r5\n"
    " uxtab r6, r6, r5, ror #8\n"
    " strd r3, r7, [sp, #0]\n"
    " strd r4, r6, [sp, #8]\n"
    " b.w ai_k_quad_record\n"
    ".p2align 2\n"
    "2:\n" /* results */
    " ldm sp, {r8-r11}\n"
    " subs r0, r0, r4\n" /* channel 1: 256 * S1 */
    " subs r1, r1, r5\n"
    " subs r2, r2, r6\n"
    " subs r3, r3, r7\n"
    " lsls r4, r4, #8\n"
    " lsls r5, r5, #8\n"
    " lsls r6, r6, #8\n"
    " lsls r7, r7, #8\n"
    " smmla r4, r4, r8, r9\n"
    " smmla r5, r5, r8, r9\n"
    " smmla r6, r6, r8, r9\n"
    " smmla r7, r7, r8, r9\n"
    " smmla r0, r0, r10, r11\n"
    " smmla r1, r1, r10, r11\n"
    " smmla r2, r2, r10, r11\n"
    " smmla r3, r3, r10, r11\n"
    " ssat r4, #8, r4, asr #" AI_K_D8_TEXT(AI_K_D8_SHIFT) "\n"
    " ssat r5, #8, r5, asr #" AI_K_D8_TEXT(AI_K_D8_SHIFT) "\n"
    " ssat r6, #8, r6, asr #" AI_K_D8_TEXT(AI_K_D8_SHIFT) "\n"
    " ssat r7, #8, r7, asr #" AI_K_D8_TEXT(AI_K_D8_SHIFT) "\n"
    " ssat r0, #8, r0, asr #" AI_K_D8_TEXT(AI_K_D8_SHIFT) "\n"
    " ssat r1, #8, r1, asr #" AI_K_D8_TEXT(AI_K_D8_SHIFT) "\n"
    " ssat r2, #8, r2, asr #" AI_K_D8_TEXT(AI_K_D8_SHIFT) "\n"
    " ssat r3, #8, r3, asr #" AI_K_D8_TEXT(AI_K_D8_SHIFT) "\n"
    " ai_k_quad_store\n"
    ".size ai_k_conv_d8_quad_linear_s8, . - ai_k_conv_d8_quad_linear_s8\n"
    ".popsection\n"

    " ai_k_quad_function ai_k_conv_d8_quad_s8\n"
    " lsls r4, r4, #1\n"
    " adds r4, r4, #1\n"
    " b.w ai_k_quad\n"
    ".p2align 2\n"
    "1:\n" /* a record */
    " ldr r0, [sp, #60]\n"
    " ldm r0!, {r1-r5}\n" /* biases, multipliers, shifts */
    " ldr r6, [sp, #72]\n"
    " lsl r10, r6, r5\n" /* shifts are taken from the lowest byte */
    " str r3, [sp, #0]\n"
    " strd r5, r10, [sp, #4]\n"
    " lsrs r5, r5, #8\n"
    " lsl r10, r6, r5\n"
    " str r4, [sp, #12]\n"
    " strd r5, r10, [sp, #16]\n"
    " b.w ai_k_quad_record\n"
    ".p2align 2\n"
    "2:\n" /* results */
    " mov lr, sp\n"
    " ldm lr!, {r8-r10}\n"
    " subs r0, r0, r4\n"
    " subs r1, r1, r5\n"
    " subs r2, r2, r6\n"
    " subs r3, r3, r7\n"
    " lsls r4, r4, #1\n"
    " lsls r5, r5, #1\n"
    " lsls r6, r6, #1\n"
    " lsls r7, r7, #1\n"
    " ai_k_quad_signed r4, r5, r6, r7\n"
    " ai_k_quad_round r4, r5, r6, r7\n"
    " ldm lr, {r8-r10}\n"
    " asrs r0, r0, #7\n"
    " asrs r1, r1, #7\n"
    " asrs r2, r2, #7\n"
    " asrs r3, r3, #7\n"
    " ai_k_quad_signed r0, r1, r2, r3\n"
    " ai_k_quad_round r0, r1, r2, r3\n"
    " ai_k_quad_store\n"
    ".size ai_k_conv_d8_quad_s8, . - ai_k_conv_d8_quad_s8\n"
    ".popsection\n"

    /* What both have in common. r0 - r3: columns, records, out, out_stride; r12: records, lr: results. */
    ".pushsection .text.ai_k_quad, \"ax\", %progbits\n"
    ".p2align 2\n"
    ".global ai_k_quad\n"
    ".type ai_k_quad, %function\n"
    ".thumb_func\n"
    "ai_k_quad:\n"
    " str r4, [sp, #72]\n"
    " str r0, [sp, #52]\n"
    " strd r2, r1, [sp, #56]\n"
    " str r3, [sp, #28]\n"
    " str r12, [sp, #76]\n"
    " str lr, [sp, #48]\n"
    " ldr r4, [sp, #188]\n"
    " ldr r5, [sp, #192]\n"
    " ldr r6, [sp, #196]\n"
    " str r5, [sp, #64]\n"
    " muls r6, r4, r6\n"
    " add r6, r0, r6, lsl #4\n"
    " str r6, [sp, #32]\n"
    " rsb r5, r4, #32\n" /* steps to skip */
    " movs r6, #44\n"
    " adr.w r7, ai_k_quad_steps + 1\n"
    " mla r7, r5, r6, r7\n"
    " str r7, [sp, #44]\n"
    " lsrs r6, r5, #2\n" /* loads of four to skip */
    " adr.w r7, ai_k_quad_loads + 1\n"
    " add r7, r7, r6, lsl #2\n"
    " str r7, [sp, #68]\n"
    " ands r5, r5, #3\n" /* words that the first load takes before the weights */
    " lsls r5, r5, #2\n"
    " str r5, [sp, #80]\n"
    " bx r12\n"

    ".global ai_k_quad_record\n"
    "ai_k_quad_record:\n" /* r0: weights, r1 r2: biases */
    " ldr r9, [sp, #80]\n"
    " ldr r11, [sp, #56]\n"
    " subs r0, r0, r9\n"
    " str r11, [sp, #24]\n"
    " add r11, r11, #2\n"
    " str r11, [sp, #56]\n"
    " strd r1, r2, [sp, #36]\n"
    " ldr pc, [sp, #68]\n"
    ".p2align 2\n"
    "ai_k_quad_loads:\n"
    " vldm r0!, {s0-s3}\n"
    " vldm r0!, {s4-s7}\n"
    " vldm r0!, {s8-s11}\n"
    " vldm r0!, {s12-s15}\n"
    " vldm r0!, {s16-s19}\n"
    " vldm r0!, {s20-s23}\n"
    " vldm r0!, {s24-s27}\n"
    " vldm r0!, {s28-s31}\n"
    " str r0, [sp, #60]\n"
    " ldr r12, [sp, #52]\n"

    ".global ai_k_quad_next\n"
    "ai_k_quad_next:\n" /* sums start with the bias */
    " ldrd r0, r4, [sp, #36]\n"
    " mov r1, r0\n"
    " mov r2, r0\n"
    " mov r3, r0\n"
    " mov r5, r4\n"
    " mov r6, r4\n"
    " mov r7, r4\n"
    " ldr pc, [sp, #44]\n"
    ".p2align 2\n"
    "ai_k_quad_steps:\n"
    " ai_k_quad_step 0\n"
    " ai_k_quad_step 1\n"
    " ai_k_quad_step 2\n"
    " ai_k_quad_step 3\n"
    " ai_k_quad_step 4\n"
    " ai_k_quad_step 5\n"
    " ai_k_quad_step 6\n"
    " ai_k_quad_step 7\n"
    " ai_k_quad_step 8\n"
    " ai_k_quad_step 9\n"
    " ai_k_quad_step 10\n"
    " ai_k_quad_step 11\n"
    " ai_k_quad_step 12\n"
    " ai_k_quad_step 13\n"
    " ai_k_quad_step 14\n"
    " ai_k_quad_step 15\n"
    " ai_k_quad_step 16\n"
    " ai_k_quad_step 17\n"
    " ai_k_quad_step 18\n"
    " ai_k_quad_step 19\n"
    " ai_k_quad_step 20\n"
    " ai_k_quad_step 21\n"
    " ai_k_quad_step 22\n"
    " ai_k_quad_step 23\n"
    " ai_k_quad_step 24\n"
    " ai_k_quad_step 25\n"
    " ai_k_quad_step 26\n"
    " ai_k_quad_step 27\n"
    " ai_k_quad_step 28\n"
    " ai_k_quad_step 29\n"
    " ai_k_quad_step 30\n"
    " ai_k_quad_step 31\n"
    " ldr pc, [sp, #48]\n"

    ".size ai_k_quad, . - ai_k_quad\n"
    ".popsection\n");
/* clang-format on */
#else
static inline int32_t low_half(uint32_t word)
{
    return (int32_t)(int16_t)(uint16_t)word;
}

static inline int32_t high_half(uint32_t word)
{
    return (int32_t)(int16_t)(uint16_t)(word >> 16);
}

/* saturate8(zero_point + requantize(...)); shift = right shift - 1. */
static inline int8_t scale(int32_t sum, int32_t multiplier, int32_t shift, int32_t zero_point)
{
    const int32_t product = ai_k_mul_high(sum, multiplier), away = sum < 0 ? 1 : 0;
    const int32_t zero = ai_k_shift_left(2 * zero_point + 1, shift);
    return (int8_t)ai_k_clamp((product + zero - away) >> (shift + 1), -128, 127);
}

/* The same from a linear record. */
static inline int8_t linear(int32_t sum, int32_t multiplier, int32_t offset, int32_t zero_point)
{
    const int32_t product = (int32_t)((int64_t)256 * sum * multiplier >> 32);
    const int32_t zero = zero_point * (1 << AI_K_D8_SHIFT) + (1 << (AI_K_D8_SHIFT - 1));
    return (int8_t)ai_k_clamp((product + zero + offset) >> AI_K_D8_SHIFT, -128, 127);
}

/* Both sums of one pixel. */
static void sum_pair(int32_t sums[2], const int32_t *columns, const int32_t *record, int32_t steps)
{
    uint32_t mixed = (uint32_t)record[0];
    int32_t even = record[1];
    for (int32_t i = 0; i < steps; i++) {
        const uint32_t weights = (uint32_t)record[5 + i], values = (uint32_t)columns[4 * i];
        const int32_t low = low_half(values), high = high_half(values);
        mixed += (uint32_t)(low_half(weights) * low) + (uint32_t)(high_half(weights) * high);
        even += (int8_t)(uint8_t)weights * low + (int8_t)(uint8_t)(weights >> 16) * high;
    }
    sums[0] = even;
    sums[1] = (int32_t)(mixed - (uint32_t)even) >> 8;
}

void ai_k_conv_d8_quad_s8(const int32_t *columns, const int32_t *records, int8_t *out, int32_t out_stride,
                          int32_t steps, int32_t groups, int32_t quads, int32_t zero_point)
{
    for (int32_t group = 0; group < groups; group++, records += 5 + steps) {
        for (int32_t pixel = 0; pixel < 4 * quads; pixel++) {
            int8_t *const to = out + pixel * out_stride + 2 * group;
            int32_t sums[2];
            sum_pair(sums, columns + pixel / 4 * 4 * steps + pixel % 4, records, steps);
            to[0] = scale(sums[0], records[2], records[4] & 255, zero_point);
            to[1] = scale(sums[1], records[3], records[4] >> 8 & 255, zero_point);
        }
    }
}

void ai_k_conv_d8_quad_linear_s8(const int32_t *columns, const int32_t *records, int8_t *out, int32_t out_stride,
                                 int32_t steps, int32_t groups, int32_t quads, int32_t zero_point)
{
    for (int32_t group = 0; group < groups; group++, records += 5 + steps) {
        for (int32_t pixel = 0; pixel < 4 * quads; pixel++) {
            int8_t *const to = out + pixel * out_stride + 2 * group;
            int32_t sums[2];
            sum_pair(sums, columns + pixel / 4 * 4 * steps + pixel % 4, records, steps);
            to[0] = linear(sums[0], records[2], records[4] & 255, zero_point);
            to[1] = linear(sums[1], records[3], records[4] >> 8 & 255, zero_point);
        }
    }
}
#endif
