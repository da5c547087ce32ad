/* SPDX-License-Identifier: Apache-2.0 */
#include "ai_k_conv_d8.h"

#include "ai_k_d8_arith.h"

#if AI_K_DSP
/* Registers
 *   r0 r1  X01 of pixel 0 and 1: 256 * S1 + S0       r4 r5  S0 of pixel 0 and 1
 *   r2 r3  X23 of pixel 0 and 1: 256 * S3 + S2       r6 r7  S2 of pixel 0 and 1
 *   r8 r9  values of pixel 0 and 1                   r10 r11  weights of channels 0, 1 and of 2, 3
 *   r12    columns                                   lr     records
 * Stack
 *   0 end of columns   4 entry into the steps   8 columns   12 bytes from the steps to a record   16 out of pixel 0
 *   20 out_stride   24 end of records   28 epilogue   32 what holds the zero point   76 steps   80 groups
 *   84 zero_point
 * Two forms of the steps. Four single loads in a row take 5 cycles on a Cortex-M4 or M33, two double ones 6; a core
 * that issues two instructions at a time does better with fewer of them. Single loads keep r12 and lr one word before
 * what they read, so that the last step of a pass moves them on; a pass that skips steps starts as much earlier.
 */
/* clang-format off */
__asm__(
    ".syntax unified\n"
    ".equ ai_k_d8_unrolled, " AI_K_UNROLL(16, 8) "\n"

    ".macro ai_k_d8_multiply\n"
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
    ".endm\n"

    /* The start of a function, of a record, and the steps; before: bytes by which pointers stand before what they read
     * next, step: bytes of code. r9: what holds the zero point, r12: epilogue. */
    ".macro ai_k_d8_body form, before, step\n"
    ".pushsection .text.ai_k_d8_\\form, \"ax\", %progbits\n"
    ".p2align 2\n"
    ".global ai_k_d8_\\form\n"
    ".type ai_k_d8_\\form, %function\n"
    ".thumb_func\n"
    "ai_k_d8_\\form:\n"
    " ldrd r4, r5, [sp, #76]\n"
    " lsls r7, r4, #3\n"
    " add r8, r0, r7\n"
    " adds r7, r7, #36\n"
    " mla r11, r7, r5, r1\n"
    " rsbs r4, r4, #0\n" /* the first pass skips -steps mod unrolled steps */
    " and r4, r4, #(ai_k_d8_unrolled - 1)\n"
    " movs r7, #\\step\n"
    " adr.w r10, 1f + 1\n"
    " mla r10, r7, r4, r10\n"
    " mov lr, r1\n"
    " lsls r5, r4, #3\n"
    " .if \\before\n"
    "  sub r8, r8, #\\before\n"
    "  sub r11, r11, #\\before\n"
    "  sub lr, lr, #\\before\n"
    "  subs r0, r0, r5\n"
    "  subs r0, r0, #\\before\n"
    " .else\n"
    "  movs r5, #0\n"
    " .endif\n"
    " subs r5, r5, #16\n"
    " str r9, [sp, #32]\n"
    " mov r9, r3\n"
    " strd r8, r10, [sp, #0]\n"
    " strd r0, r5, [sp, #8]\n"
    " strd r2, r9, [sp, #16]\n"
    " strd r11, r12, [sp, #24]\n"
    ".global ai_k_d8_record_\\form\n"
    "ai_k_d8_record_\\form:\n" /* sums start with the bias */
    " ldr.w r0, [lr, #\\before]\n"
    " ldr.w r2, [lr, #\\before + 4]\n"
    " ldr.w r4, [lr, #\\before + 8]\n"
    " ldr.w r6, [lr, #\\before + 12]\n"
    " ldr.w r12, [sp, #8]\n"
    " ldr.w r8, [sp, #12]\n"
    " mov r1, r0\n"
    " mov r3, r2\n"
    " mov r5, r4\n"
    " mov r7, r6\n"
    " sub lr, lr, r8\n"
    " ldr pc, [sp, #4]\n"
    ".p2align 2\n"
    "1:\n"
    ".set ai_k_d8_at, \\before\n"
    ".rept ai_k_d8_unrolled - 1\n"
    " ai_k_d8_loads_\\form\n"
    " ai_k_d8_multiply\n"
    ".endr\n"
    " ai_k_d8_loads_\\form !\n"
    " ai_k_d8_multiply\n"
    " ldr r10, [sp, #0]\n"
    " cmp r12, r10\n"
    " bne.w 1b\n"
    " ldr pc, [sp, #28]\n"
    ".size ai_k_d8_\\form, . - ai_k_d8_\\form\n"
    ".popsection\n"
    ".endm\n"

    ".macro ai_k_d8_loads_double last\n"
    " ldrd r8, r9, [r12], #8\n"
    " ldrd r10, r11, [lr], #8\n"
    ".endm\n"
    ".macro ai_k_d8_loads_single last\n"
    " ldr.w r8, [r12, #ai_k_d8_at]\n"
    " ldr.w r9, [r12, #ai_k_d8_at + 4]\\last\n"
    " ldr.w r10, [lr, #ai_k_d8_at]\n"
    " ldr.w r11, [lr, #ai_k_d8_at + 4]\\last\n"
    " .set ai_k_d8_at, ai_k_d8_at + 8\n"
    ".endm\n"
    " ai_k_d8_body double, 0, 48\n"
    " ai_k_d8_body single, 4, 56\n"

    ".macro ai_k_d8_function name\n"
    ".pushsection .text.\\name, \"ax\", %progbits\n"
    ".p2align 2\n"
    ".global \\name\n"
    ".type \\name, %function\n"
    ".thumb_func\n"
    "\\name:\n"
    " push {r4-r11, lr}\n"
    " sub sp, sp, #40\n"
    " ldr r9, [sp, #84]\n"
    " adr.w r12, 2f + 1\n"
    ".endm\n"
    ".macro ai_k_d8_end name\n"
    " add sp, sp, #40\n"
    " pop {r4-r11, pc}\n"
    ".size \\name, . - \\name\n"
    ".popsection\n"
    ".endm\n"

    /* Linear records. r8 r9: multipliers of two channels, r10: offsets, r11: offset of all channels. */
    ".macro ai_k_d8_linear name, form, before\n"
    " ai_k_d8_function \\name\n"
    " lsl r9, r9, #" AI_K_D8_TEXT(AI_K_D8_SHIFT) "\n"
    " add r9, r9, #(1 << (" AI_K_D8_TEXT(AI_K_D8_SHIFT) " - 1))\n"
    " b.w ai_k_d8_\\form\n"
    ".p2align 2\n"
    "2:\n"
    " ldr.w r10, [lr, #\\before]\n"
    " ldr.w r8, [lr, #\\before + 4]\n"
    " ldr.w r9, [lr, #\\before + 8]\n"
    " ldr.w r11, [sp, #32]\n"
    " subs r0, r0, r4\n" /* 256 * S1, 256 * S3 */
    " subs r1, r1, r5\n"
    " subs r2, r2, r6\n"
    " subs r3, r3, r7\n"
    " lsls r4, r4, #8\n"
    " lsls r5, r5, #8\n"
    " lsls r6, r6, #8\n"
    " lsls r7, r7, #8\n"
    " uxtab r12, r11, r10\n"
    " smmla r4, r4, r8, r12\n"
    " smmla r5, r5, r8, r12\n"
    " uxtab r12, r11, r10, ror #8\n"
    " smmla r0, r0, r9, r12\n"
    " smmla r1, r1, r9, r12\n"
    " uxtab r12, r11, r10, ror #16\n"
    " uxtab r10, r11, r10, ror #24\n"
    " ldr.w r8, [lr, #\\before + 12]\n"
    " ldr.w r9, [lr, #\\before + 16]\n"
    " ldr.w r11, [sp, #16]\n"
    " add lr, lr, #20\n"
    " smmla r6, r6, r8, r12\n"
    " smmla r7, r7, r8, r12\n"
    " smmla r2, r2, r9, r10\n"
    " smmla r3, r3, r9, r10\n"
    " ssat r4, #8, r4, asr #" AI_K_D8_TEXT(AI_K_D8_SHIFT) "\n"
    " ssat r0, #8, r0, asr #" AI_K_D8_TEXT(AI_K_D8_SHIFT) "\n"
    " ssat r6, #8, r6, asr #" AI_K_D8_TEXT(AI_K_D8_SHIFT) "\n"
    " ssat r2, #8, r2, asr #" AI_K_D8_TEXT(AI_K_D8_SHIFT) "\n"
    " ssat r5, #8, r5, asr #" AI_K_D8_TEXT(AI_K_D8_SHIFT) "\n"
    " ssat r1, #8, r1, asr #" AI_K_D8_TEXT(AI_K_D8_SHIFT) "\n"
    " ssat r7, #8, r7, asr #" AI_K_D8_TEXT(AI_K_D8_SHIFT) "\n"
    " ssat r3, #8, r3, asr #" AI_K_D8_TEXT(AI_K_D8_SHIFT) "\n"
    " strb r4, [r11]\n"
    " strb r0, [r11, #1]\n"
    " strb r6, [r11, #2]\n"
    " strb r2, [r11, #3]\n"
    " ldr r0, [sp, #20]\n"
    " ldr r2, [sp, #24]\n"
    " add r0, r0, r11\n"
    " add r11, r11, #4\n"
    " strb r5, [r0]\n"
    " strb r1, [r0, #1]\n"
    " strb r7, [r0, #2]\n"
    " strb r3, [r0, #3]\n"
    " str r11, [sp, #16]\n"
    " cmp lr, r2\n"
    " bne.w ai_k_d8_record_\\form\n"
    " ai_k_d8_end \\name\n"
    ".endm\n"
    " ai_k_d8_linear ai_k_conv_d8_linear_s8, double, 0\n"
    " ai_k_d8_linear ai_k_conv_d8_linear_m4_s8, single, 4\n"

    /* Both pixels of one channel: t0 and t1 hold twice the sums, m the multiplier, c the rounding and the zero point;
     * for negative sums (x: scratch) one less, so that halves go away from zero. */
    ".macro ai_k_d8_scale t0, t1, m, c, x\n"
    " add \\x, \\c, \\t0, asr #31\n"
    " smmlar \\t0, \\t0, \\m, \\x\n"
    " add \\x, \\c, \\t1, asr #31\n"
    " smmlar \\t1, \\t1, \\m, \\x\n"
    " asr \\t0, \\t0, r9\n"
    " asr \\t1, \\t1, r9\n"
    " ssat \\t0, #8, \\t0, asr #1\n"
    " ssat \\t1, #8, \\t1, asr #1\n"
    ".endm\n"

    /* Any scales and zero point. r8: 2 * zero_point + 1, r9: shifts (lowest byte first), r11 r12: outputs. */
    ".macro ai_k_d8_any name, form, before\n"
    " ai_k_d8_function \\name\n"
    " lsl r9, r9, #1\n"
    " add r9, r9, #1\n"
    " b.w ai_k_d8_\\form\n"
    ".p2align 2\n"
    "2:\n"
    " ldr.w r9, [lr, #\\before]\n"
    " ldr.w r10, [lr, #\\before + 4]\n"
    " ldr.w r8, [sp, #32]\n"
    " subs r0, r0, r4\n" /* 256 * S1, 256 * S3 */
    " subs r1, r1, r5\n"
    " subs r2, r2, r6\n"
    " subs r3, r3, r7\n"
    " lsls r4, r4, #1\n" /* channel 0 */
    " lsls r5, r5, #1\n"
    " lsl r11, r8, r9\n"
    " ai_k_d8_scale r4, r5, r10, r11, r12\n"
    " ldrd r11, r12, [sp, #16]\n"
    " add r12, r12, r11\n"
    " strb r4, [r11], #1\n"
    " strb r5, [r12], #1\n"
    " ldr.w r4, [lr, #\\before + 8]\n" /* channel 1 */
    " lsr r9, r9, #8\n"
    " asrs r0, r0, #7\n"
    " asrs r1, r1, #7\n"
    " lsl r10, r8, r9\n"
    " ai_k_d8_scale r0, r1, r4, r10, r5\n"
    " strb r0, [r11], #1\n"
    " strb r1, [r12], #1\n"
    " ldr.w r4, [lr, #\\before + 12]\n" /* channel 2 */
    " lsr r9, r9, #8\n"
    " lsls r6, r6, #1\n"
    " lsls r7, r7, #1\n"
    " lsl r10, r8, r9\n"
    " ai_k_d8_scale r6, r7, r4, r10, r5\n"
    " strb r6, [r11], #1\n"
    " strb r7, [r12], #1\n"
    " ldr.w r4, [lr, #\\before + 16]\n" /* channel 3 */
    " lsr r9, r9, #8\n"
    " asrs r2, r2, #7\n"
    " asrs r3, r3, #7\n"
    " lsl r10, r8, r9\n"
    " ai_k_d8_scale r2, r3, r4, r10, r5\n"
    " strb r2, [r11], #1\n"
    " strb r3, [r12], #1\n"
    " str r11, [sp, #16]\n"
    " ldr r10, [sp, #24]\n"
    " add lr, lr, #20\n"
    " cmp lr, r10\n"
    " bne.w ai_k_d8_record_\\form\n"
    " ai_k_d8_end \\name\n"
    ".endm\n"
    " ai_k_d8_any ai_k_conv_d8_s8, double, 0\n"
    " ai_k_d8_any ai_k_conv_d8_m4_s8, single, 4\n");
/* clang-format on */
#else
/* Channels 2 * pair and 2 * pair + 1 of a record, one pixel. */
static void channel_pair(const int32_t *columns, const int32_t *record, int32_t pair, int8_t *out, int32_t steps,
                         int32_t zero_point, int is_linear)
{
    const int32_t *const scales = record + 4 + 2 * steps;
    const uint32_t bytes = (uint32_t)scales[0] >> (16 * (uint32_t)pair);
    const int32_t byte[2] = {(int32_t)(bytes & 255u), (int32_t)(bytes >> 8 & 255u)};
    int32_t sum[2];
    ai_k_d8_sums(sum, record + pair, 2, columns, 2, record + 4 + pair, 2, steps);
    for (int32_t i = 0; i < 2; i++) {
        const int32_t multiplier = scales[1 + 2 * pair + i];
        out[i] = is_linear ? ai_k_d8_linear(sum[i], multiplier, byte[i], zero_point)
                           : ai_k_d8_scale(sum[i], multiplier, byte[i], zero_point);
    }
}

static void convolve(const int32_t *columns, const int32_t *records, int8_t *out, int32_t out_stride, int32_t steps,
                     int32_t groups, int32_t zero_point, int is_linear)
{
    for (int32_t group = 0; group < groups; group++) {
        for (int32_t pixel = 0; pixel < 2; pixel++) {
            int8_t *const to = out + pixel * out_stride + 4 * group;
            channel_pair(columns + pixel, records, 0, to, steps, zero_point, is_linear);
            channel_pair(columns + pixel, records, 1, to + 2, steps, zero_point, is_linear);
        }
        records += 9 + 2 * steps;
    }
}

void ai_k_conv_d8_s8(const int32_t *columns, const int32_t *records, int8_t *out, int32_t out_stride, int32_t steps,
                     int32_t groups, int32_t zero_point)
{
    convolve(columns, records, out, out_stride, steps, groups, zero_point, 0);
}

void ai_k_conv_d8_m4_s8(const int32_t *columns, const int32_t *records, int8_t *out, int32_t out_stride, int32_t steps,
                        int32_t groups, int32_t zero_point)
{
    convolve(columns, records, out, out_stride, steps, groups, zero_point, 0);
}

void ai_k_conv_d8_linear_s8(const int32_t *columns, const int32_t *records, int8_t *out, int32_t out_stride,
                            int32_t steps, int32_t groups, int32_t zero_point)
{
    convolve(columns, records, out, out_stride, steps, groups, zero_point, 1);
}

void ai_k_conv_d8_linear_m4_s8(const int32_t *columns, const int32_t *records, int8_t *out, int32_t out_stride,
                               int32_t steps, int32_t groups, int32_t zero_point)
{
    convolve(columns, records, out, out_stride, steps, groups, zero_point, 1);
}
#endif
