/* SPDX-License-Identifier: Apache-2.0 */
#include "ai_k_conv_d8.h"

#include "ai_k_d8_arith.h"

#if AI_K_DSP && defined(__ARM_FP)
/* Registers
 *   r0 - r3  256 * S1 + S0 of the four pixels     r4 - r7  S0      r8 - r11  values of the four pixels
 *   r12      columns     lr  weights of a step    s0  weights of the first step; the others end with s31
 *   carry    clear: linear results follow the steps, set: the results at 48 do
 * Stack
 *   0 - 20 scales of both channels: of linear ones multiplier and offset, else multiplier, shift, rounding and zero
 *   point   24 256 * bias[1] + bias[0]   28 bias[0]   32 out   36 out_stride   40 columns at which a group ends   44
 * entry into the steps 48 results, 0: linear   52 what follows a group   56 columns   60 record   64 groups left   68
 * out of the channels 72 entry into the loads   76 bytes before the weights   84 start of a group Patches of more than
 * 32 steps are taken in chunks: what is left over first, then 32 at a time. 88 sums of the next quad   92 results of
 * the last chunk   96 bytes from the chunk of a quad to that of the next 100 columns at which the chunk ends   104
 * start of a quad   108 columns of the next chunk   112 start of a group 116 chunks left   220 steps   224 groups   228
 * quads   232 zero_point
 */
/* clang-format off */
__asm__(
    ".syntax unified\n"

    ".macro ai_k_quad_function name\n"
    ".pushsection .text.\\name, \"ax\", %progbits\n"
    ".p2align 2\n"
    ".global \\name\n"
    ".type \\name, %function\n"
    ".thumb_func\n"
    "\\name:\n"
    ".endm\n"
    ".macro ai_k_quad_end name\n"
    ".size \\name, . - \\name\n"
    ".popsection\n"
    ".endm\n"
    ".macro ai_k_quad_label name\n" /* reached by its address */
    ".global \\name\n"
    ".type \\name, %function\n"
    ".thumb_func\n"
    "\\name:\n"
    ".endm\n"
    ".macro ai_k_quad_address register, name\n"
    " movw \\register, #:lower16:\\name\n"
    " movt \\register, #:upper16:\\name\n"
    ".endm\n"
    ".macro ai_k_quad_save\n"
    " push {r4-r11, lr}\n"
    " vpush {s16-s31}\n"
    " sub sp, sp, #120\n"
    ".endm\n"

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

    /* Stores of the 8 results, then the next quad; comparing `low` with `high` gives the carry. */
    ".macro ai_k_quad_store low, high\n"
    " bfi r4, r0, #8, #8\n"
    " bfi r5, r1, #8, #8\n"
    " bfi r6, r2, #8, #8\n"
    " bfi r7, r3, #8, #8\n"
    " ldr r8, [sp, #32]\n"
    " ldr r9, [sp, #36]\n"
    " ldr r10, [sp, #40]\n"
    " add r11, r9, r9, lsl #1\n"
    " strh r4, [r8]\n"
    " strh r5, [r8, r9]\n"
    " strh r6, [r8, r9, lsl #1]\n"
    " strh r7, [r8, r11]\n"
    " add r8, r8, r9, lsl #2\n"
    " str r8, [sp, #32]\n"
    " cmp \\low, \\high\n"
    " bne.w ai_k_quad_next\n"
    " ldr pc, [sp, #52]\n"
    ".endm\n"

    " ai_k_quad_function ai_k_conv_d8_quad_linear_s8\n"
    " ai_k_quad_save\n"
    " ai_k_quad_address r12, ai_k_quad_linear_group\n"
    " movs r7, #0\n"
    " b.w ai_k_quad\n"
    " ai_k_quad_end ai_k_conv_d8_quad_linear_s8\n"

    " ai_k_quad_function ai_k_conv_d8_quad_s8\n"
    " ai_k_quad_save\n"
    " ai_k_quad_address r12, ai_k_quad_any_group\n"
    " ai_k_quad_address r7, ai_k_quad_any\n"
    " b.w ai_k_quad\n"
    " ai_k_quad_end ai_k_conv_d8_quad_s8\n"

    " ai_k_quad_function ai_k_conv_d8_quad_deep_linear_s8\n"
    " ai_k_quad_save\n"
    " ai_k_quad_address r10, ai_k_quad_linear_group\n"
    " ai_k_quad_address r11, ai_k_quad_linear\n"
    " ai_k_quad_address r12, ai_k_quad_deep\n"
    " b.w ai_k_quad\n"
    " ai_k_quad_end ai_k_conv_d8_quad_deep_linear_s8\n"

    " ai_k_quad_function ai_k_conv_d8_quad_deep_s8\n"
    " ai_k_quad_save\n"
    " ai_k_quad_address r10, ai_k_quad_any_group\n"
    " ai_k_quad_address r11, ai_k_quad_any\n"
    " ai_k_quad_address r12, ai_k_quad_deep\n"
    " b.w ai_k_quad\n"
    " ai_k_quad_end ai_k_conv_d8_quad_deep_s8\n"

    /* What all have in common. r0 - r3: columns, records, out, out_stride; r7: results, r12: start of a group. */
    " ai_k_quad_function ai_k_quad\n"
    " strd r0, r1, [sp, #56]\n"
    " str r2, [sp, #68]\n"
    " str r3, [sp, #36]\n"
    " str r7, [sp, #48]\n"
    " str r12, [sp, #84]\n"
    " ldr r4, [sp, #220]\n"
    " ldr r5, [sp, #224]\n"
    " ldr r6, [sp, #228]\n"
    " str r5, [sp, #64]\n"
    " muls r6, r4, r6\n"
    " add r6, r0, r6, lsl #4\n"
    " adr.w r7, ai_k_quad_steps + 1\n"
    " rsbs r5, r4, #0\n" /* steps to skip */
    " and r5, r5, #31\n"
    " movs r4, #44\n"
    " mla r7, r5, r4, r7\n"
    " strd r6, r7, [sp, #40]\n"
    " lsrs r6, r5, #2\n" /* loads of four to skip */
    " adr.w r7, ai_k_quad_loads + 1\n"
    " add r6, r7, r6, lsl #2\n"
    " ands r5, r5, #3\n" /* words that the first load takes before the weights */
    " lsls r7, r5, #2\n"
    " strd r6, r7, [sp, #72]\n"
    " adr.w r7, ai_k_quad_after + 1\n"
    " str r7, [sp, #52]\n"
    " bx r12\n"

    " ai_k_quad_label ai_k_quad_linear_group\n"
    " ldr r0, [sp, #60]\n"
    " ldm r0!, {r1-r5}\n" /* biases, multipliers, offsets */
    " ldr r6, [sp, #232]\n"
    " strd r1, r2, [sp, #24]\n"
    " lsls r6, r6, #" AI_K_D8_TEXT(AI_K_D8_SHIFT) "\n"
    " add r6, r6, #(1 << (" AI_K_D8_TEXT(AI_K_D8_SHIFT) " - 1))\n"
    " uxtab r7, r6, r5\n"
    " uxtab r6, r6, r5, ror #8\n"
    " strd r3, r7, [sp, #0]\n"
    " strd r4, r6, [sp, #8]\n"

    ".global ai_k_quad_record\n"
    "ai_k_quad_record:\n" /* r0: weights */
    " ldr r9, [sp, #76]\n"
    " ldr r11, [sp, #68]\n"
    " mov r1, r0\n"
    " subs r0, r0, r9\n"
    " str r11, [sp, #32]\n"
    " add r11, r11, #2\n"
    " str r11, [sp, #68]\n"
    " ldr pc, [sp, #72]\n"
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
    " vldr s0, [r1]\n"
    " str r0, [sp, #60]\n"
    " ldr r12, [sp, #56]\n"
    " ldr r5, [sp, #48]\n"
    " cmp r5, #1\n"

    ".global ai_k_quad_next\n"
    "ai_k_quad_next:\n" /* the first step starts with the bias */
    " ldr r3, [sp, #24]\n"
    " ldr r7, [sp, #28]\n"
    " ldm r12!, {r8-r11}\n"
    " vmov lr, s0\n"
    " smlad r0, lr, r8, r3\n"
    " smlad r1, lr, r9, r3\n"
    " smlad r2, lr, r10, r3\n"
    " smlad r3, lr, r11, r3\n"
    " sxtb16 lr, lr\n"
    " smlad r4, lr, r8, r7\n"
    " smlad r5, lr, r9, r7\n"
    " smlad r6, lr, r10, r7\n"
    " smlad r7, lr, r11, r7\n"
    " ldr pc, [sp, #44]\n"
    ".p2align 2\n"
    ".global ai_k_quad_steps\n"
    "ai_k_quad_steps:\n"
    ".irp s, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15, 16, 17, 18, 19, 20, 21, 22, 23, 24, 25, 26, 27, 28, 29, 30, 31\n"
    " ai_k_quad_step \\s\n"
    ".endr\n"
    " bcs.w ai_k_quad_other\n"

    " ai_k_quad_label ai_k_quad_linear\n"
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
    " ai_k_quad_store r12, r10\n"

    "ai_k_quad_other:\n"
    " ldr pc, [sp, #48]\n"
    " ai_k_quad_label ai_k_quad_after\n"
    " ldr r8, [sp, #64]\n"
    " subs r8, r8, #1\n"
    " str r8, [sp, #64]\n"
    " beq.n 1f\n"
    " ldr pc, [sp, #84]\n"
    "1:\n"
    " add sp, sp, #120\n"
    " vpop {s16-s31}\n"
    " pop {r4-r11, pc}\n"
    " ai_k_quad_end ai_k_quad\n"

    /* Any scales and zero point. */
    " ai_k_quad_function ai_k_quad_any_group\n"
    " ldr r0, [sp, #60]\n"
    " ldm r0!, {r1-r5}\n" /* biases, multipliers, shifts */
    " ldr r6, [sp, #232]\n"
    " strd r1, r2, [sp, #24]\n"
    " lsls r6, r6, #1\n"
    " adds r6, r6, #1\n"
    " lsl r7, r6, r5\n" /* shifts are taken from the lowest byte */
    " strd r3, r5, [sp, #0]\n"
    " strd r7, r4, [sp, #8]\n"
    " lsrs r5, r5, #8\n"
    " lsl r7, r6, r5\n"
    " strd r5, r7, [sp, #16]\n"
    " b.w ai_k_quad_record\n"
    " ai_k_quad_label ai_k_quad_any\n"
    " mov lr, sp\n"
    " ldm lr!, {r8-r10}\n"
    " subs r0, r0, r4\n" /* channel 1: 256 * S1 */
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
    " ai_k_quad_store r10, r12\n"
    " ai_k_quad_end ai_k_quad_any_group\n"

    /* Chunks. r10: start of a group, r11: results of the last chunk. */
    " ai_k_quad_function ai_k_quad_deep\n"
    " str r10, [sp, #112]\n"
    " str r11, [sp, #92]\n"
    " adr.w r7, 7f + 1\n"
    " str r7, [sp, #52]\n"
    " adr.w r7, 1f + 1\n"
    " str r7, [sp, #84]\n"
    "1:\n" /* a group: the first chunk */
    " ldr r0, [sp, #56]\n"
    " ldr r4, [sp, #220]\n"
    " ldr r6, [sp, #228]\n"
    " muls r6, r4, r6\n"
    " add r6, r0, r6, lsl #4\n" /* sums lie behind the columns */
    " str r6, [sp, #88]\n"
    " subs r5, r4, #1\n"
    " lsrs r7, r5, #5\n"
    " str r7, [sp, #116]\n"
    " and r5, r5, #31\n"
    " adds r5, r5, #1\n" /* steps of the chunk */
    " add r7, r0, r5, lsl #4\n"
    " str r7, [sp, #108]\n"
    " subs r4, r4, r5\n"
    " lsls r4, r4, #4\n"
    " str r4, [sp, #96]\n"
    " subs r6, r6, r4\n"
    " adr.w r7, 3f + 1\n"
    " strd r6, r7, [sp, #100]\n"
    " adr.w r7, 2f + 1\n"
    " str r7, [sp, #48]\n"
    " ldr pc, [sp, #112]\n"
    ".p2align 2\n"
    "2:\n" /* sums of a chunk that is not the last one */
    " ldr r8, [sp, #88]\n"
    " ldr r9, [sp, #96]\n"
    " ldr r10, [sp, #100]\n"
    " stm r8!, {r0-r7}\n"
    " str r8, [sp, #88]\n"
    " cmp r10, r12\n"
    " beq.w 4f\n"
    " add r12, r12, r9\n"
    " ldr pc, [sp, #104]\n"
    ".p2align 2\n"
    "3:\n" /* a quad in the first chunk */
    " b.w ai_k_quad_next\n"
    "4:\n" /* the next chunk */
    " ldr r0, [sp, #60]\n"
    " ldr r12, [sp, #108]\n"
    " vldm r0!, {s0-s31}\n"
    " str r0, [sp, #60]\n"
    " ldr r4, [sp, #220]\n"
    " ldr r6, [sp, #228]\n"
    " sub r8, r8, r6, lsl #5\n"
    " str r8, [sp, #88]\n"
    " subs r5, r4, #32\n"
    " lsls r5, r5, #4\n"
    " str r5, [sp, #96]\n"
    " add r7, r12, #512\n"
    " str r7, [sp, #108]\n"
    " subs r6, r6, #1\n"
    " muls r6, r4, r6\n"
    " add r6, r7, r6, lsl #4\n"
    " adr.w r7, 5f + 1\n"
    " strd r6, r7, [sp, #100]\n"
    " ldr r4, [sp, #116]\n"
    " subs r4, r4, #1\n" /* sets the carry */
    " str r4, [sp, #116]\n"
    " bne.w 5f\n"
    " adr.w r7, 6f + 1\n"
    " str r7, [sp, #48]\n"
    ".p2align 2\n"
    "5:\n" /* a quad in a chunk that is not the first one */
    " ldr r8, [sp, #88]\n"
    " ldm r8, {r0-r7}\n"
    " ai_k_quad_step 0\n"
    " b.w ai_k_quad_steps\n"
    ".p2align 2\n"
    "6:\n" /* results of the last chunk: each quad seems to end the group */
    " ldr r8, [sp, #88]\n"
    " str r12, [sp, #40]\n"
    " add r8, r8, #32\n"
    " str r8, [sp, #88]\n"
    " ldr pc, [sp, #92]\n"
    ".p2align 2\n"
    "7:\n"
    " ldr r9, [sp, #96]\n"
    " ldr r10, [sp, #100]\n"
    " cmp r10, r12\n" /* sets the carry */
    " beq.w ai_k_quad_after\n"
    " add r12, r12, r9\n"
    " b 5b\n"
    " ai_k_quad_end ai_k_quad_deep\n");
/* clang-format on */
#else
/* Both sums of one pixel. */
static void sum_pair(int32_t sums[2], const int32_t *columns, const int32_t *record, int32_t steps)
{
    ai_k_d8_sums(sums, record, 1, columns, 4, record + 5, 1, steps);
}

void ai_k_conv_d8_quad_s8(const int32_t *columns, const int32_t *records, int8_t *out, int32_t out_stride,
                          int32_t steps, int32_t groups, int32_t quads, int32_t zero_point)
{
    for (int32_t group = 0; group < groups; group++, records += 5 + steps) {
        for (int32_t pixel = 0; pixel < 4 * quads; pixel++) {
            int8_t *const to = out + pixel * out_stride + 2 * group;
            int32_t sums[2];
            sum_pair(sums, columns + pixel / 4 * 4 * steps + pixel % 4, records, steps);
            to[0] = ai_k_d8_scale(sums[0], records[2], records[4] & 255, zero_point);
            to[1] = ai_k_d8_scale(sums[1], records[3], records[4] >> 8 & 255, zero_point);
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
            to[0] = ai_k_d8_linear(sums[0], records[2], records[4] & 255, zero_point);
            to[1] = ai_k_d8_linear(sums[1], records[3], records[4] >> 8 & 255, zero_point);
        }
    }
}

void ai_k_conv_d8_quad_deep_s8(int32_t *columns, const int32_t *records, int8_t *out, int32_t out_stride, int32_t steps,
                               int32_t groups, int32_t quads, int32_t zero_point)
{
    ai_k_conv_d8_quad_s8(columns, records, out, out_stride, steps, groups, quads, zero_point);
}

void ai_k_conv_d8_quad_deep_linear_s8(int32_t *columns, const int32_t *records, int8_t *out, int32_t out_stride,
                                      int32_t steps, int32_t groups, int32_t quads, int32_t zero_point)
{
    ai_k_conv_d8_quad_linear_s8(columns, records, out, out_stride, steps, groups, quads, zero_point);
}
#endif
