/* SPDX-License-Identifier: Apache-2.0 */
#include "ai_k_mul.h"

#include "ai_k_arith.h"

#if AI_K_DSP
/* Registers
 *   r0 a   r1 b   r2 out   r3 end of the groups of four   r4 r5  left and right in both halfwords   r6 multiplier
 *   r7 zero point and one half, shift bits up   r8 shift   r9 - r12, lr  values, then products, then results
 * Stack
 *   0 elements behind the groups
 * SMMULR rounds (2 * product) * multiplier / 2^32; halves go away from zero when 1 is taken from a negative result
 * before one half is added and the shift is done.
 */
/* clang-format off */
__asm__(
    ".syntax unified\n"
    ".pushsection .text.ai_k_mul_s8, \"ax\", %progbits\n"
    ".p2align 2\n"
    ".global ai_k_mul_s8\n"
    ".type ai_k_mul_s8, %function\n"
    ".thumb_func\n"
    "ai_k_mul_s8:\n"
    " ldr r12, [sp]\n"
    " push {r4-r11, lr}\n"
    " and r9, r3, #3\n"
    " push {r9}\n"
    " ldm r12, {r4-r7, r9}\n"
    " mov r8, r7\n"
    " lsl r7, r9, #1\n" /* (2 * zero_point + 1) << (shift - 1) */
    " add r7, r7, #1\n"
    " sub r9, r8, #1\n"
    " lsl r7, r7, r9\n"
    " pkhbt r4, r4, r4, lsl #16\n"
    " pkhbt r5, r5, r5, lsl #16\n"
    " bic r3, r3, #3\n"
    " add r3, r3, r2\n"
    " cmp r2, r3\n"
    " beq 2f\n"

    ".p2align 2\n"
    "1:\n"
    " ldr r9, [r0], #4\n"
    " ldr r10, [r1], #4\n"
    " sxtab16 r11, r4, r9\n" /* elements 0 and 2 of a */
    " sxtab16 r12, r5, r10\n"
    " sxtab16 r9, r4, r9, ror #8\n" /* elements 1 and 3 of a */
    " sxtab16 r10, r5, r10, ror #8\n"
    " sadd16 r11, r11, r11\n"
    " sadd16 r9, r9, r9\n"
    " smulbb lr, r11, r12\n" /* product 0, doubled */
    " smultt r11, r11, r12\n" /* product 2 */
    " smulbb r12, r9, r10\n" /* product 1 */
    " smultt r9, r9, r10\n" /* product 3 */
    " smmulr lr, lr, r6\n"
    " smmulr r11, r11, r6\n"
    " smmulr r12, r12, r6\n"
    " smmulr r9, r9, r6\n"
    " add lr, lr, lr, asr #31\n"
    " add r11, r11, r11, asr #31\n"
    " add r12, r12, r12, asr #31\n"
    " add r9, r9, r9, asr #31\n"
    " add lr, lr, r7\n"
    " add r11, r11, r7\n"
    " add r12, r12, r7\n"
    " add r9, r9, r7\n"
    " asr lr, lr, r8\n"
    " asr r11, r11, r8\n"
    " asr r12, r12, r8\n"
    " asr r9, r9, r8\n"
    " ssat lr, #8, lr\n"
    " ssat r11, #8, r11\n"
    " ssat r12, #8, r12\n"
    " ssat r9, #8, r9\n"
    " bfi lr, r12, #8, #8\n"
    " bfi r11, r9, #8, #8\n"
    " pkhbt lr, lr, r11, lsl #16\n"
    " str lr, [r2], #4\n"
    " cmp r2, r3\n"
    " bne 1b\n"

    "2:\n" /* one by one */
    " pop {lr}\n"
    "3:\n"
    " subs lr, lr, #1\n"
    " blt 4f\n"
    " ldrsb r9, [r0], #1\n"
    " ldrsb r10, [r1], #1\n"
    " sadd16 r9, r9, r4\n"
    " sadd16 r10, r10, r5\n"
    " smulbb r9, r9, r10\n"
    " lsl r9, r9, #1\n"
    " smmulr r9, r9, r6\n"
    " add r9, r9, r9, asr #31\n"
    " add r9, r9, r7\n"
    " asr r9, r9, r8\n"
    " ssat r9, #8, r9\n"
    " strb r9, [r2], #1\n"
    " b 3b\n"
    "4:\n"
    " pop {r4-r11, pc}\n"
    ".size ai_k_mul_s8, . - ai_k_mul_s8\n"
    ".popsection\n");
/* clang-format on */
#else
void ai_k_mul_s8(const int8_t *a, const int8_t *b, int8_t *out, int32_t count, const int32_t *scaling)
{
    for (int32_t i = 0; i < count; i++) {
        const int32_t product = (a[i] + scaling[0]) * (b[i] + scaling[1]);
        const int32_t scaled = ai_k_round_shift(ai_k_mul_high(product, scaling[2]), scaling[3]);
        out[i] = (int8_t)ai_k_clamp(scaled + scaling[4], -128, 127);
    }
}
#endif
