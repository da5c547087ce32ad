/* SPDX-License-Identifier: Apache-2.0 */
#include "ai_k_dense_d8.h"

#include "ai_k_arith.h"

#if AI_K_DSP
/* Registers
 *   r0 - r3  256 * S1 + S0 of rows 0 1, 2 3, 4 5, 6 7      r4 - r7  S0 of rows 0, 2, 4, 6
 *   r8 r9    two column words                              r10 r11  weights of two pairs of rows
 *   r12      columns                                       lr       records
 * Stack
 *   0 end of columns   4 entry into the pairs   8 columns   12 scales   16 2 * zero_point + 1   20 out
 *   24 end of records   28 epilogue   32 records   72 pairs   76 groups   80 per_row   84 zero_point
 */
/* clang-format off */
__asm__(
    ".syntax unified\n"
    ".pushsection .text.ai_k_dense_d8_s8, \"ax\", %progbits\n"
    ".p2align 2\n"
    ".global ai_k_dense_d8_s8\n"
    ".type ai_k_dense_d8_s8, %function\n"
    ".thumb_func\n"

    /* All 8 rows times one column word. */
    ".macro ai_k_dense_word a\n"
    " ldrd r10, r11, [lr], #8\n"
    " smlad r0, r10, \\a, r0\n"
    " smlad r1, r11, \\a, r1\n"
    " sxtb16 r10, r10\n" /* even rows */
    " sxtb16 r11, r11\n"
    " smlad r4, r10, \\a, r4\n"
    " smlad r5, r11, \\a, r5\n"
    " ldrd r10, r11, [lr], #8\n"
    " smlad r2, r10, \\a, r2\n"
    " smlad r3, r11, \\a, r3\n"
    " sxtb16 r10, r10\n"
    " sxtb16 r11, r11\n"
    " smlad r6, r10, \\a, r6\n"
    " smlad r7, r11, \\a, r7\n"
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
    "  str lr, [sp, #32]\n"
    "  ai_k_dense_row 1, 0, r4, lr\n"
    "  ai_k_dense_row 1, 1, r0, lr\n"
    "  ai_k_dense_row 1, 0, r5, lr\n"
    "  ai_k_dense_row 1, 1, r1, lr\n"
    "  ai_k_dense_row 1, 0, r6, lr\n"
    "  ai_k_dense_row 1, 1, r2, lr\n"
    "  ai_k_dense_row 1, 0, r7, lr\n"
    "  ai_k_dense_row 1, 1, r3, lr\n"
    "  ldr lr, [sp, #32]\n"
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
    " ldr r10, [sp, #24]\n"
    " str r11, [sp, #20]\n"
    " cmp lr, r10\n"
    " bne ai_k_dense_record\n"
    " add sp, sp, #36\n"
    " pop {r4-r11, pc}\n"
    ".endm\n"

    ".equ ai_k_dense_unrolled, 4\n"
    ".equ ai_k_dense_pair_bytes, 116\n"
    "ai_k_dense_d8_s8:\n"
    " push {r4-r11, lr}\n"
    " sub sp, sp, #36\n"
    " mov lr, r1\n"
    " str r0, [sp, #8]\n"
    " str r2, [sp, #12]\n"
    " str r3, [sp, #20]\n"
    " ldrd r4, r5, [sp, #72]\n" /* pairs, groups */
    " ldrd r6, r7, [sp, #80]\n" /* per_row, zero_point */
    " add r8, r0, r4, lsl #3\n"
    " str r8, [sp, #0]\n"
    " lsl r7, r7, #1\n"
    " add r7, r7, #1\n"
    " str r7, [sp, #16]\n"
    " add r7, r4, #1\n" /* records end at records + groups * 32 * (1 + pairs) */
    " lsl r7, r7, #5\n"
    " mla r7, r7, r5, r1\n"
    " adr.w r8, ai_k_dense_shared + 1\n"
    " adr.w r9, ai_k_dense_each + 1\n"
    " cmp r6, #0\n"
    " it ne\n"
    " movne r8, r9\n"
    " strd r7, r8, [sp, #24]\n"
    " rsb r4, r4, #0\n" /* the first pass skips -pairs mod unrolled pairs */
    " and r4, r4, #(ai_k_dense_unrolled - 1)\n"
    " movs r5, #ai_k_dense_pair_bytes\n"
    " adr.w r7, ai_k_dense_pairs + 1\n"
    " mla r7, r4, r5, r7\n"
    " str r7, [sp, #4]\n"

    "ai_k_dense_record:\n" /* sums start with the bias */
    " ldr r12, [sp, #8]\n"
    " ldm lr!, {r0-r7}\n"
    " ldr pc, [sp, #4]\n"

    ".p2align 2\n"
    "ai_k_dense_pairs:\n"
    ".rept ai_k_dense_unrolled\n"
    " ldrd r8, r9, [r12], #8\n"
    " ai_k_dense_word r8\n"
    " ai_k_dense_word r9\n"
    ".endr\n"
    " ldr r10, [sp, #0]\n"
    " cmp r12, r10\n"
    " bne.w ai_k_dense_pairs\n"
    " ldr pc, [sp, #28]\n"

    ".p2align 2\n"
    "ai_k_dense_shared:\n"
    " ai_k_dense_finish 0\n"
    ".p2align 2\n"
    "ai_k_dense_each:\n"
    " ai_k_dense_finish 1\n"
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

/* Rows 2 * pair and 2 * pair + 1 of a record. */
static void row_pair(const int32_t *columns, const int32_t *record, int32_t pair, int32_t words, int32_t sums[2])
{
    uint32_t mixed = (uint32_t)record[pair];
    int32_t even = record[4 + pair];
    for (int32_t i = 0; i < words; i++) {
        const uint32_t weights = (uint32_t)record[8 + 4 * i + pair], values = (uint32_t)columns[i];
        const int32_t low = low_half(values), high = high_half(values);
        mixed += (uint32_t)(low_half(weights) * low) + (uint32_t)(high_half(weights) * high);
        even += (int8_t)(uint8_t)weights * low + (int8_t)(uint8_t)(weights >> 16) * high;
    }
    sums[0] = even;
    sums[1] = (int32_t)(mixed - (uint32_t)even) >> 8;
}

void ai_k_dense_d8_s8(const int32_t *columns, const int32_t *records, const int32_t *scales, int8_t *out, int32_t pairs,
                      int32_t groups, int32_t per_row, int32_t zero_point)
{
    const int32_t zero = 2 * zero_point + 1, step = per_row ? 2 : 0;
    for (int32_t group = 0; group < groups; group++) {
        for (int32_t pair = 0; pair < 4; pair++) {
            int32_t sums[2];
            row_pair(columns, records, pair, 2 * pairs, sums);
            *out++ = scale(sums[0], scales, zero);
            *out++ = scale(sums[1], scales + step, zero);
            scales += 2 * step;
        }
        records += 8 + 8 * pairs;
    }
}
#endif

#if AI_K_DSP
static inline void widen_4(int32_t *columns, uint32_t word)
{
    columns[0] = (int32_t)ai_k_even_bytes(word);
    columns[1] = (int32_t)ai_k_odd_bytes(word);
}
#else
static inline int32_t halves(uint32_t word)
{
    const uint32_t low = (uint32_t)(int32_t)(int8_t)(uint8_t)word;
    const uint32_t high = (uint32_t)(int32_t)(int8_t)(uint8_t)(word >> 16);
    return (int32_t)((low & 0xffffu) | high << 16);
}

static inline void widen_4(int32_t *columns, uint32_t word)
{
    columns[0] = halves(word);
    columns[1] = halves(word >> 8);
}
#endif

void ai_k_dense_columns_s8(int32_t *columns, const int8_t *in, int32_t depth)
{
    int32_t i = 0;
    for (; i + 4 <= depth; i += 4) {
        widen_4(columns, ai_k_load_word(in + i));
        columns += 2;
    }
    if (i < depth) {
        uint32_t word = 0;
        for (int32_t k = i; k < depth; k++) {
            word |= (uint32_t)(uint8_t)in[k] << (8 * (uint32_t)(k - i));
        }
        widen_4(columns, word);
    }
}
