/* SPDX-License-Identifier: Apache-2.0 */
#include "ai_k_dense_d8.h"

#include "ai_k_arith.h"

#if AI_K_DSP && defined(__ARM_FP)
/* Registers
 *   r0 - r3  256 * S1 + S0 of rows 0 1, 2 3, 4 5, 6 7      r4 - r7  S0 of rows 0, 2, 4, 6
 *   r8 - r11 weights of four pairs of rows                 r12      two values        lr  weights
 *   s0 - s31 64 values of the input, widened: 0 and 2, 1 and 3 of each four
 * Stack
 *   0 sums to start from   4 groups left   8 in   12 scales   16 2 * zero_point + 1   20 out   24 weights
 *   28 finish   32 entry into the words   36 groups   40 sums   44 chunks left   48 where the words end   52 place of
 * the sums after this chunk, seen from those before   156 out   160 depth   164 groups   168 per_row   172 zero_point
 */
/* clang-format off */
__asm__(
    ".syntax unified\n"
    ".pushsection .text.ai_k_dense_d8_s8, \"ax\", %progbits\n"
    ".p2align 2\n"
    ".global ai_k_dense_d8_s8\n"
    ".type ai_k_dense_d8_s8, %function\n"
    ".thumb_func\n"

    /* All 8 rows times one word of two values. */
    ".macro ai_k_dense_word s\n"
    " vmov r12, s\\s\n"
    " ldm lr!, {r8-r11}\n"
    " smlad r0, r8, r12, r0\n"
    " smlad r1, r9, r12, r1\n"
    " smlad r2, r10, r12, r2\n"
    " smlad r3, r11, r12, r3\n"
    " sxtb16 r8, r8\n" /* even rows */
    " sxtb16 r9, r9\n"
    " sxtb16 r10, r10\n"
    " sxtb16 r11, r11\n"
    " smlad r4, r8, r12, r4\n"
    " smlad r5, r9, r12, r5\n"
    " smlad r6, r10, r12, r6\n"
    " smlad r7, r11, r12, r7\n"
    ".endm\n"

    /* Four values widened. */
    ".macro ai_k_dense_values s, t\n"
    " ldr r8, [r12], #4\n"
    " sxtb16 r9, r8\n"
    " sxtb16 r8, r8, ror #8\n"
    " vmov s\\s, s\\t, r9, r8\n"
    ".endm\n"

    /* One row. sum: S, or 256 * S of an odd row; r8: shift, r9: multiplier, r10: 2 * zero_point + 1, r11: out,
     * r12: scales, if rows have their own; c: rounding and zero point. */
    ".macro ai_k_dense_row per_row, odd, sum, c\n"
    " .if \\per_row\n"
    "  ldrd r8, r9, [r12]\n"
    "  lsl \\c, r10, r8\n"
    " .endif\n"
    " .if \\odd\n"
    "  asr \\sum, \\sum, #8\n"
    " .endif\n"
    " smmla \\sum, \\sum, r9, \\c\n"
    " asr \\sum, \\sum, r8\n"
    " ssat \\sum, #8, \\sum, asr #1\n"
    " strb \\sum, [r11], #1\n"
    " .if \\per_row\n"
    "  add r12, r12, #8\n"
    " .endif\n"
    ".endm\n"

    /* r12 holds the first scales; with one pair for all, c stays in it. */
    ".macro ai_k_dense_finish per_row\n"
    " ldrd r12, r10, [sp, #12]\n"
    " ldr r11, [sp, #20]\n"
    " sub r0, r0, r4\n" /* 256 * S of the odd rows */
    " sub r1, r1, r5\n"
    " sub r2, r2, r6\n"
    " sub r3, r3, r7\n"
    " .if \\per_row\n"
    "  str lr, [sp, #24]\n"
    "  ai_k_dense_row 1, 0, r4, lr\n"
    "  ai_k_dense_row 1, 1, r0, lr\n"
    "  ai_k_dense_row 1, 0, r5, lr\n"
    "  ai_k_dense_row 1, 1, r1, lr\n"
    "  ai_k_dense_row 1, 0, r6, lr\n"
    "  ai_k_dense_row 1, 1, r2, lr\n"
    "  ai_k_dense_row 1, 0, r7, lr\n"
    "  ai_k_dense_row 1, 1, r3, lr\n"
    "  ldr lr, [sp, #24]\n"
    "  str r12, [sp, #12]\n"
    " .else\n"
    "  ldrd r8, r9, [r12]\n"
    "  lsl r12, r10, r8\n"
    "  ai_k_dense_row 0, 0, r4, r12\n"
    "  ai_k_dense_row 0, 1, r0, r12\n"
    "  ai_k_dense_row 0, 0, r5, r12\n"
    "  ai_k_dense_row 0, 1, r1, r12\n"
    "  ai_k_dense_row 0, 0, r6, r12\n"
    "  ai_k_dense_row 0, 1, r2, r12\n"
    "  ai_k_dense_row 0, 0, r7, r12\n"
    "  ai_k_dense_row 0, 1, r3, r12\n"
    " .endif\n"
    " str r11, [sp, #20]\n"
    ".endm\n"

    ".equ ai_k_dense_word_bytes, 56\n"
    ".equ ai_k_dense_values_bytes, 16\n"
    "ai_k_dense_d8_s8:\n"
    " push {r4-r11, lr}\n"
    " vpush {s16-s31}\n"
    " sub sp, sp, #56\n"
    " ldr r9, [sp, #156]\n"
    " ldrd r4, r5, [sp, #160]\n" /* depth, groups */
    " ldrd r6, r7, [sp, #168]\n" /* per_row, zero_point */
    " lsl r7, r7, #1\n"
    " add r7, r7, #1\n"
    " strd r2, r3, [sp, #8]\n"
    " strd r7, r9, [sp, #16]\n"
    " str r1, [sp, #0]\n"       /* the first chunk starts with the bias */
    " add lr, r1, r5, lsl #5\n" /* the weights follow it */
    " subs r1, r0, r1\n"
    " str r1, [sp, #52]\n"
    " strd r5, r0, [sp, #36]\n"
    " adr.w r8, ai_k_dense_shared + 1\n"
    " adr.w r9, ai_k_dense_each + 1\n"
    " cmp r6, #0\n"
    " it ne\n"
    " movne r8, r9\n"
    " str r8, [sp, #28]\n"
    " add r8, r4, #63\n"
    " lsrs r8, r8, #6\n"        /* chunks; the first one has what the others leave */
    " sub r4, r4, r8, lsl #6\n"
    " add r4, r4, #64\n"
    " lsrs r4, r4, #2\n"

    "ai_k_dense_chunk:\n" /* r4: fours of values, r8: chunks left */
    " str r8, [sp, #44]\n"
    " adr.w r6, ai_k_dense_store + 1\n"
    " ldr r9, [sp, #28]\n"
    " cmp r8, #1\n"
    " it eq\n"
    " moveq r6, r9\n"
    " str r6, [sp, #48]\n"
    " rsb r5, r4, #16\n" /* fours to skip */
    " movs r6, #(2 * ai_k_dense_word_bytes)\n"
    " adr.w r7, ai_k_dense_words + 1\n"
    " mla r7, r5, r6, r7\n"
    " str r7, [sp, #32]\n"
    " ldr r7, [sp, #36]\n"
    " str r7, [sp, #4]\n"
    " ldr r12, [sp, #8]\n"
    " adr.w r7, ai_k_dense_fill + 1\n"
    " add r7, r7, r5, lsl #4\n"
    " bx r7\n"
    ".p2align 2\n"
    "ai_k_dense_fill:\n"
    " ai_k_dense_values 0, 1\n"
    " ai_k_dense_values 2, 3\n"
    " ai_k_dense_values 4, 5\n"
    " ai_k_dense_values 6, 7\n"
    " ai_k_dense_values 8, 9\n"
    " ai_k_dense_values 10, 11\n"
    " ai_k_dense_values 12, 13\n"
    " ai_k_dense_values 14, 15\n"
    " ai_k_dense_values 16, 17\n"
    " ai_k_dense_values 18, 19\n"
    " ai_k_dense_values 20, 21\n"
    " ai_k_dense_values 22, 23\n"
    " ai_k_dense_values 24, 25\n"
    " ai_k_dense_values 26, 27\n"
    " ai_k_dense_values 28, 29\n"
    " ai_k_dense_values 30, 31\n"
    " str r12, [sp, #8]\n"

    "ai_k_dense_group:\n"
    " ldrd r12, r8, [sp, #0]\n"
    " ldm r12!, {r0-r7}\n"
    " subs r8, r8, #1\n" /* nothing before ai_k_dense_next changes the flags */
    " strd r12, r8, [sp, #0]\n"
    " ldr pc, [sp, #32]\n"
    ".p2align 2\n"
    "ai_k_dense_words:\n"
    " ai_k_dense_word 0\n"
    " ai_k_dense_word 1\n"
    " ai_k_dense_word 2\n"
    " ai_k_dense_word 3\n"
    " ai_k_dense_word 4\n"
    " ai_k_dense_word 5\n"
    " ai_k_dense_word 6\n"
    " ai_k_dense_word 7\n"
    " ai_k_dense_word 8\n"
    " ai_k_dense_word 9\n"
    " ai_k_dense_word 10\n"
    " ai_k_dense_word 11\n"
    " ai_k_dense_word 12\n"
    " ai_k_dense_word 13\n"
    " ai_k_dense_word 14\n"
    " ai_k_dense_word 15\n"
    " ai_k_dense_word 16\n"
    " ai_k_dense_word 17\n"
    " ai_k_dense_word 18\n"
    " ai_k_dense_word 19\n"
    " ai_k_dense_word 20\n"
    " ai_k_dense_word 21\n"
    " ai_k_dense_word 22\n"
    " ai_k_dense_word 23\n"
    " ai_k_dense_word 24\n"
    " ai_k_dense_word 25\n"
    " ai_k_dense_word 26\n"
    " ai_k_dense_word 27\n"
    " ai_k_dense_word 28\n"
    " ai_k_dense_word 29\n"
    " ai_k_dense_word 30\n"
    " ai_k_dense_word 31\n"
    " ldr pc, [sp, #48]\n"

    ".p2align 2\n"
    "ai_k_dense_store:\n"
    " ldr r12, [sp, #0]\n"
    " ldr r8, [sp, #52]\n"
    " add r12, r12, r8\n"
    " stmdb r12, {r0-r7}\n"
    "ai_k_dense_next:\n"
    " bne.w ai_k_dense_group\n"
    " ldrd r9, r8, [sp, #40]\n" /* sums, chunks left */
    " movs r4, #0\n"
    " str r9, [sp, #0]\n"
    " str r4, [sp, #52]\n"
    " movs r4, #16\n"
    " subs r8, r8, #1\n"
    " bne.w ai_k_dense_chunk\n"
    " add sp, sp, #56\n"
    " vpop {s16-s31}\n"
    " pop {r4-r11, pc}\n"

    ".p2align 2\n"
    "ai_k_dense_shared:\n"
    " ai_k_dense_finish 0\n"
    " b.w ai_k_dense_next\n"
    ".p2align 2\n"
    "ai_k_dense_each:\n"
    " ai_k_dense_finish 1\n"
    " b.w ai_k_dense_next\n"
    ".size ai_k_dense_d8_s8, . - ai_k_dense_d8_s8\n"
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

static inline int8_t scale(int32_t sum, const int32_t *scales, int32_t zero)
{
    const int32_t product = (int32_t)(((int64_t)sum * scales[1]) >> 32);
    return (int8_t)ai_k_clamp((product + ai_k_shift_left(zero, scales[0])) >> (scales[0] + 1), -128, 127);
}

/* Adds the products of one chunk to 8 sums: 256 * S1 + S0 of four pairs of rows, then S0 of each. */
static void add_chunk(uint32_t sums[8], const int32_t *weights, const int8_t *in, int32_t count)
{
    for (int32_t k = 0; k < count; k += 2) {
        const int8_t *const at = in + k / 4 * 4 + k % 4 / 2;
        for (int32_t pair = 0; pair < 4; pair++) {
            const uint32_t word = (uint32_t)*weights++;
            sums[pair] += (uint32_t)(low_half(word) * at[0]) + (uint32_t)(high_half(word) * at[2]);
            sums[4 + pair] += (uint32_t)((int8_t)(uint8_t)word * at[0] + (int8_t)(uint8_t)(word >> 16) * at[2]);
        }
    }
}

void ai_k_dense_d8_s8(int32_t *sums, const int32_t *records, const int8_t *in, const int32_t *scales, int8_t *out,
                      int32_t depth, int32_t groups, int32_t per_row, int32_t zero_point)
{
    const int32_t zero = 2 * zero_point + 1, step = per_row ? 2 : 0;
    const int32_t *weights = records + 8 * groups, *from = records;
    for (int32_t done = 0; done < depth;) {
        const int32_t count = (depth - done - 1) % AI_K_DENSE_CHUNK + 1;
        for (int32_t group = 0; group < groups; group++) {
            uint32_t current[8];
            memcpy(current, from + 8 * group, sizeof current);
            add_chunk(current, weights, in + done, count);
            weights += 2 * count;
            if (done + count < depth) {
                memcpy(sums + 8 * group, current, sizeof current);
                continue;
            }
            for (int32_t pair = 0; pair < 4; pair++, scales += 2 * step) {
                const int32_t odd = (int32_t)(current[pair] - current[4 + pair]) >> 8;
                *out++ = scale((int32_t)current[4 + pair], scales, zero);
                *out++ = scale(odd, scales + step, zero);
            }
        }
        from = sums;
        done += count;
    }
}
#endif

void ai_k_dense_pad_s8(int8_t *padded, const int8_t *in, int32_t depth)
{
    for (int32_t i = 0; i < (depth + 3) / 4 * 4; i++) {
        padded[i] = i < depth ? in[i] : 0;
    }
}
