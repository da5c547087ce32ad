/* SPDX-License-Identifier: Apache-2.0 */
#include "ai_k_add.h"

#include "ai_k_arith.h"

#if AI_K_DSP
/* Registers
 *   r0 a   r1 b   r2 out   r3 end of the groups of four   r4 left   r5 right   r6 constant   r7 0xff00ff00
 *   r8 - r11  bytes 8 bits up in both halfwords, then sums   r12  a sum   lr  elements behind the groups
 * A byte b at the top of a halfword makes SMLAW add (256 * b * factor) >> 16.
 */
/* clang-format off */
__asm__(
    ".syntax unified\n"

    ".macro ai_k_add q\n"
    ".pushsection .text.ai_k_add_q\\q\\()_s8, \"ax\", %progbits\n"
    ".p2align 2\n"
    ".global ai_k_add_q\\q\\()_s8\n"
    ".type ai_k_add_q\\q\\()_s8, %function\n"
    ".thumb_func\n"
    "ai_k_add_q\\q\\()_s8:\n"
    " push {r4-r11, lr}\n"
    " ldrd r4, r5, [sp, #36]\n"
    " ldr r6, [sp, #44]\n"
    " mov r7, #0xff00ff00\n"
    " and lr, r3, #3\n"
    " bic r3, r3, #3\n"
    " add r3, r3, r2\n"
    " cmp r2, r3\n"
    " beq 2f\n"

    ".p2align 2\n"
    "1:\n"
    " ldr r8, [r0], #4\n"
    " ldr r9, [r1], #4\n"
    " and r10, r7, r8, lsl #8\n" /* elements 0 and 2 of a */
    " and r11, r7, r9, lsl #8\n"
    " and r8, r8, r7\n" /* elements 1 and 3 of a */
    " and r9, r9, r7\n"
    " smlawb r12, r4, r10, r6\n"
    " smlawt r10, r4, r10, r6\n"
    " smlawb r12, r5, r11, r12\n" /* sum 0 */
    " smlawt r10, r5, r11, r10\n" /* sum 2 */
    " smlawb r11, r4, r8, r6\n"
    " smlawt r8, r4, r8, r6\n"
    " smlawb r11, r5, r9, r11\n" /* sum 1 */
    " smlawt r8, r5, r9, r8\n" /* sum 3 */
    " ssat r12, #8, r12, asr #\\q\n"
    " ssat r11, #8, r11, asr #\\q\n"
    " ssat r10, #8, r10, asr #\\q\n"
    " ssat r8, #8, r8, asr #\\q\n"
    " bfi r12, r11, #8, #8\n"
    " bfi r10, r8, #8, #8\n"
    " pkhbt r12, r12, r10, lsl #16\n"
    " str r12, [r2], #4\n"
    " cmp r2, r3\n"
    " bne 1b\n"

    "2:\n" /* one by one */
    " subs lr, lr, #1\n"
    " blt 3f\n"
    " ldrb r8, [r0], #1\n"
    " ldrb r9, [r1], #1\n"
    " lsl r8, r8, #8\n"
    " lsl r9, r9, #8\n"
    " smlawb r12, r4, r8, r6\n"
    " smlawb r12, r5, r9, r12\n"
    " ssat r12, #8, r12, asr #\\q\n"
    " strb r12, [r2], #1\n"
    " b 2b\n"
    "3:\n"
    " pop {r4-r11, pc}\n"
    ".size ai_k_add_q\\q\\()_s8, . - ai_k_add_q\\q\\()_s8\n"
    ".popsection\n"
    ".endm\n"

    "ai_k_add 22\n"
    "ai_k_add 21\n"
    "ai_k_add 20\n"
    ".purgem ai_k_add\n");
/* clang-format on */
#else
/* floor(factor * value / 256) without a product of 64 bits. */
static inline int32_t term(int32_t factor, int32_t value)
{
    return (factor >> 8) * value + (((factor & 255) * value) >> 8);
}

static inline void add(const int8_t *a, const int8_t *b, int8_t *out, int32_t count, const int32_t factors[3],
                       int32_t fraction)
{
    for (int32_t i = 0; i < count; i++) {
        const int32_t sum = factors[2] + term(factors[0], a[i]) + term(factors[1], b[i]);
        out[i] = (int8_t)ai_k_clamp(sum >> fraction, -128, 127);
    }
}

void ai_k_add_q22_s8(const int8_t *a, const int8_t *b, int8_t *out, int32_t count, int32_t left, int32_t right,
                     int32_t constant)
{
    const int32_t factors[3] = {left, right, constant};
    add(a, b, out, count, factors, 22);
}

void ai_k_add_q21_s8(const int8_t *a, const int8_t *b, int8_t *out, int32_t count, int32_t left, int32_t right,
                     int32_t constant)
{
    const int32_t factors[3] = {left, right, constant};
    add(a, b, out, count, factors, 21);
}

void ai_k_add_q20_s8(const int8_t *a, const int8_t *b, int8_t *out, int32_t count, int32_t left, int32_t right,
                     int32_t constant)
{
    const int32_t factors[3] = {left, right, constant};
    add(a, b, out, count, factors, 20);
}
#endif
