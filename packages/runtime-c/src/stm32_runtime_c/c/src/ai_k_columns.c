/* SPDX-License-Identifier: Apache-2.0 */
/* Patches that lie inside the input, widened to 16 bits (ai_k_conv_d8.h). */
#include "ai_k_columns.h"

#if defined(AI_K_SMALL) && AI_K_SMALL
#define LOADS_ONCE 0
#else
#define LOADS_ONCE AI_K_DSP
#endif

#if AI_K_DSP
/* Registers
 *   r0 columns   r1 first   r2 second   r3 count   r4 r5 values 0 and 2 of either pixel   r6 r8 values 1 and 3
 *   r7 rows left   r12 half of the fours, then the values after them   lr from the end of the fours to the next row
 * Stack
 *   24 rows   28 pitch */
void ai_k_columns_pair(int32_t *columns, const int8_t *first, const int8_t *second, int32_t count, int32_t rows,
                       int32_t pitch);
/* clang-format off */
__asm__(
    ".syntax unified\n"
    ".pushsection .text.ai_k_columns_pair, \"ax\", %progbits\n"
    ".p2align 2\n"
    ".global ai_k_columns_pair\n"
    ".type ai_k_columns_pair, %function\n"
    ".thumb_func\n"

    ".macro ai_k_columns_widen_pair\n"
    " ldr r6, [r1], #4\n"
    " ldr r8, [r2], #4\n"
    " sxtb16 r4, r6\n"
    " sxtb16 r5, r8\n"
    " sxtb16 r6, r6, ror #8\n"
    " sxtb16 r8, r8, ror #8\n"
    " stm r0!, {r4, r5, r6, r8}\n"
    ".endm\n"

    "ai_k_columns_pair:\n"
    " push {r4-r8, lr}\n"
    " ldrd r7, lr, [sp, #24]\n"
    " bic r4, r3, #3\n"
    " sub lr, lr, r4\n"
    ".p2align 2\n"
    "1:\n"
    " lsrs r12, r3, #3\n"
    " bcs 3f\n" /* an odd count of fours enters in the middle */
    " beq 4f\n"
    "2:\n"
    " ai_k_columns_widen_pair\n"
    " subs r12, r12, #1\n"
    "3:\n"
    " ai_k_columns_widen_pair\n"
    " bne 2b\n"
    "4:\n" /* the last values of the row */
    " ands r12, r3, #3\n"
    " beq 7f\n"
    " cmp r12, #2\n"
    " beq 5f\n"
    " bhi 6f\n"
    " ldrsb r4, [r1]\n"
    " ldrsb r5, [r2]\n"
    " stm r0!, {r4, r5}\n"
    " b 7f\n"
    "5:\n"
    " ldrh r4, [r1]\n"
    " ldrh r5, [r2]\n"
    " orr r4, r4, r4, lsl #8\n"
    " orr r5, r5, r5, lsl #8\n"
    " sxtb16 r4, r4\n"
    " sxtb16 r5, r5\n"
    " stm r0!, {r4, r5}\n"
    " b 7f\n"
    "6:\n"
    " ldrh r6, [r1]\n"
    " ldrh r8, [r2]\n"
    " ldrb r4, [r1, #2]\n"
    " ldrb r5, [r2, #2]\n"
    " orr r6, r6, r4, lsl #16\n"
    " orr r8, r8, r5, lsl #16\n"
    " sxtb16 r4, r6\n"
    " sxtb16 r5, r8\n"
    " sxtb16 r6, r6, ror #8\n"
    " sxtb16 r8, r8, ror #8\n"
    " stm r0!, {r4, r5, r6, r8}\n"
    "7:\n"
    " adds r1, r1, lr\n"
    " adds r2, r2, lr\n"
    " subs r7, r7, #1\n"
    " bne 1b\n"
    " pop {r4-r8, pc}\n"
    ".size ai_k_columns_pair, . - ai_k_columns_pair\n"
    ".popsection\n");
/* clang-format on */

#if LOADS_ONCE
/* Columns of two pixels side by side and kernel rows of three taps: every value is loaded once, and each tap's values
 * of the second pixel are the next tap's of the first. depth: channels, a multiple of 4; skip: values from the second
 * tap of a row to the next row.
 * Registers
 *   r0 r2 r3 columns of the three taps   r1 from   r12 depth   lr half of the fours, then a load's address
 *   r4 - r7 values 0 and 2 of the four taps   r8 - r11 values 1 and 3
 * Stack
 *   0 rows left   40 skip */
void ai_k_columns_beside(int32_t *columns, const int8_t *first, int32_t depth, int32_t rows, int32_t skip);
/* clang-format off */
__asm__(
    ".syntax unified\n"
    ".pushsection .text.ai_k_columns_beside, \"ax\", %progbits\n"
    ".p2align 2\n"
    ".global ai_k_columns_beside\n"
    ".type ai_k_columns_beside, %function\n"
    ".thumb_func\n"

    ".macro ai_k_columns_four\n"
    " add r4, r1, r12\n"
    " ldr r7, [r4, r12, lsl #1]\n"
    " ldr r5, [r1, r12]\n"
    " ldr r6, [r1, r12, lsl #1]\n"
    " ldr r4, [r1], #4\n"
    " sxtb16 r11, r7, ror #8\n"
    " sxtb16 r9, r5, ror #8\n"
    " sxtb16 r10, r6, ror #8\n"
    " sxtb16 r8, r4, ror #8\n"
    " sxtb16 r7, r7\n"
    " sxtb16 r5, r5\n"
    " sxtb16 r6, r6\n"
    " sxtb16 r4, r4\n"
    " stm r0!, {r4, r5, r8, r9}\n"
    " stm r2!, {r5, r6, r9, r10}\n"
    " stm r3!, {r6, r7, r10, r11}\n"
    ".endm\n"

    "ai_k_columns_beside:\n"
    " push {r3-r11, lr}\n"
    " mov r12, r2\n"
    "1:\n"
    " add r2, r0, r12, lsl #2\n"
    " add r3, r0, r12, lsl #3\n"
    " lsrs lr, r12, #3\n" /* an odd count of fours enters in the middle */
    " bcs 3f\n"
    "2:\n"
    " ai_k_columns_four\n"
    " subs lr, lr, #1\n"
    "3:\n"
    " ai_k_columns_four\n"
    " bne 2b\n"
    " ldr r4, [sp]\n"
    " ldr r5, [sp, #40]\n"
    " mov r0, r3\n"
    " adds r1, r1, r5\n"
    " subs r4, r4, #1\n"
    " str r4, [sp]\n"
    " bne 1b\n"
    " pop {r3-r11, pc}\n"
    ".size ai_k_columns_beside, . - ai_k_columns_beside\n"
    ".popsection\n");
/* clang-format on */
#endif

void ai_k_columns_s8(int32_t *columns, const int8_t *first, const int8_t *second, int32_t count, int32_t rows,
                     int32_t pitch)
{
#if LOADS_ONCE
    const int32_t depth = (int32_t)(second - first);
    if (3 * depth == count && depth % 4 == 0) {
        ai_k_columns_beside(columns, first, depth, rows, pitch - depth);
        return;
    }
#endif
    ai_k_columns_pair(columns, first, second, count, rows, pitch);
}
#else
void ai_k_columns_s8(int32_t *columns, const int8_t *first, const int8_t *second, int32_t count, int32_t rows,
                     int32_t pitch)
{
    for (int32_t row = 0; row < rows; row++, columns += 2 * AI_K_STEPS(count)) {
        (void)ai_k_widen_row(columns, first + row * pitch, count, 2);
        (void)ai_k_widen_row(columns + 1, second + row * pitch, count, 2);
    }
}
#endif

#if AI_K_DSP
/* Registers
 *   r0 columns   r1 - r3 r12 values of the four pixels   r4 - r7 values 0 and 2   r8 - r11 values 1 and 3
 *   lr values left of the row, less 8 or 4
 * Stack
 *   36 fourth   40 count   44 rows left   48 pitch, then from the end of the fours to the next row */
/* clang-format off */
__asm__(
    ".syntax unified\n"
    ".pushsection .text.ai_k_columns_quad_s8, \"ax\", %progbits\n"
    ".p2align 2\n"
    ".global ai_k_columns_quad_s8\n"
    ".type ai_k_columns_quad_s8, %function\n"
    ".thumb_func\n"

    /* r8 - r11: three or four bytes of each pixel. */
    ".macro ai_k_columns_extend_quad\n"
    " sxtb16 r4, r8\n"
    " sxtb16 r5, r9\n"
    " sxtb16 r6, r10\n"
    " sxtb16 r7, r11\n"
    " sxtb16 r8, r8, ror #8\n"
    " sxtb16 r9, r9, ror #8\n"
    " sxtb16 r10, r10, ror #8\n"
    " sxtb16 r11, r11, ror #8\n"
    " stm r0!, {r4-r11}\n"
    ".endm\n"

    ".macro ai_k_columns_widen_quad\n"
    " ldr r8, [r1], #4\n"
    " ldr r9, [r2], #4\n"
    " ldr r10, [r3], #4\n"
    " ldr r11, [r12], #4\n"
    " ai_k_columns_extend_quad\n"
    ".endm\n"

    "ai_k_columns_quad_s8:\n"
    " push {r4-r11, lr}\n"
    " ldrd r12, lr, [sp, #36]\n"
    " ldr r4, [sp, #48]\n"
    " bic r5, lr, #3\n"
    " subs r4, r4, r5\n"
    " str r4, [sp, #48]\n"
    ".p2align 2\n"
    "1:\n"
    " subs lr, lr, #8\n"
    " blo 3f\n"
    "2:\n"
    " ai_k_columns_widen_quad\n"
    " subs lr, lr, #8\n"
    " ai_k_columns_widen_quad\n"
    " bhs 2b\n"
    "3:\n"
    " adds lr, lr, #8\n"
    " beq 5f\n"
    " subs lr, lr, #4\n"
    " bmi 4f\n"
    " ai_k_columns_widen_quad\n"
    " beq 5f\n"
    " subs lr, lr, #4\n"
    "4:\n" /* the last 1 to 3 values of the row */
    " cmn lr, #2\n"
    " beq 6f\n"
    " bgt 7f\n"
    " ldrsb r4, [r1]\n"
    " ldrsb r5, [r2]\n"
    " ldrsb r6, [r3]\n"
    " ldrsb r7, [r12]\n"
    " stm r0!, {r4-r7}\n"
    "5:\n"
    " ldr r4, [sp, #44]\n"
    " ldr r5, [sp, #48]\n"
    " ldr lr, [sp, #40]\n"
    " add r1, r1, r5\n"
    " add r2, r2, r5\n"
    " add r3, r3, r5\n"
    " add r12, r12, r5\n"
    " subs r4, r4, #1\n"
    " str r4, [sp, #44]\n"
    " bne 1b\n"
    " pop {r4-r11, pc}\n"
    "6:\n"
    " ldrh r4, [r1]\n"
    " ldrh r5, [r2]\n"
    " ldrh r6, [r3]\n"
    " ldrh r7, [r12]\n"
    " orr r4, r4, r4, lsl #8\n"
    " orr r5, r5, r5, lsl #8\n"
    " orr r6, r6, r6, lsl #8\n"
    " orr r7, r7, r7, lsl #8\n"
    " sxtb16 r4, r4\n"
    " sxtb16 r5, r5\n"
    " sxtb16 r6, r6\n"
    " sxtb16 r7, r7\n"
    " stm r0!, {r4-r7}\n"
    " b 5b\n"
    "7:\n"
    " ldrh r8, [r1]\n"
    " ldrh r9, [r2]\n"
    " ldrh r10, [r3]\n"
    " ldrh r11, [r12]\n"
    " ldrb r4, [r1, #2]\n"
    " ldrb r5, [r2, #2]\n"
    " ldrb r6, [r3, #2]\n"
    " ldrb r7, [r12, #2]\n"
    " orr r8, r8, r4, lsl #16\n"
    " orr r9, r9, r5, lsl #16\n"
    " orr r10, r10, r6, lsl #16\n"
    " orr r11, r11, r7, lsl #16\n"
    " ai_k_columns_extend_quad\n"
    " b 5b\n"
    ".size ai_k_columns_quad_s8, . - ai_k_columns_quad_s8\n"
    ".popsection\n");
/* clang-format on */
#else
void ai_k_columns_quad_s8(int32_t *columns, const int8_t *first, const int8_t *second, const int8_t *third,
                          const int8_t *fourth, int32_t count, int32_t rows, int32_t pitch)
{
    const int8_t *const from[4] = {first, second, third, fourth};
    for (int32_t row = 0; row < rows; row++, columns += 4 * AI_K_STEPS(count)) {
        for (int32_t pixel = 0; pixel < 4; pixel++) {
            (void)ai_k_widen_row(columns + pixel, from[pixel] + row * pitch, count, 4);
        }
    }
}
#endif
