/* SPDX-License-Identifier: Apache-2.0 */
/* Windows of up to 10 weights along a row of pixels (ai_k_depthwise.h): the weights stay in registers. */
#include "ai_k_arith.h"
#include "ai_k_depthwise.h"

#if AI_K_DSP
/* Registers
 *   r0 pairs of the tile   r3 - r7 pairs of weights   r8 - r11 sums of 4 outputs
 *   r2 r12 lr pairs p, then q = a pair across two of them, halves exchanged; at last multiplier, rounding, shift
 *   3 pairs of weights: r1 out   r6 bias   r7 channels     5 pairs: r1 bias
 * Stack
 *   0 multiplier   4 rounding and zero point   8 right shift   12 bias   16 end of the pairs   20 records
 *   24 pairs of the next lane   28 out of the next lane   32 pairs of weights   36 out of the tile
 *   76 outputs   80 channels   84 zero_point   88 lanes   92 plane in words
 */
/* clang-format off */
__asm__(
    ".syntax unified\n"
    /* Four weights, doubled as the bias is: 0 and 1 in a, 2 and 3 in b. */
    ".macro ai_k_dw_short_weights from, a, b\n"
    " sxtb16 \\a, \\from\n"
    " sxtb16 \\from, \\from, ror #8\n"
    " sadd16 \\a, \\a, \\a\n"
    " sadd16 \\from, \\from, \\from\n"
    " pkhtb \\b, \\from, \\a, asr #16\n"
    " pkhbt \\a, \\a, \\from, lsl #16\n"
    ".endm\n"

    /* p and the pair behind it: weights w of outputs 0 and 1, the ones before them, v, of outputs 2 and 3. */
    ".macro ai_k_dw_short_step p, behind, w, v\n"
    " smlad r8, \\p, \\w, r8\n"
    " smlad r10, \\p, \\v, r10\n"
    " pkhtb \\p, \\p, \\behind\n"
    " smladx r9, \\p, \\w, r9\n"
    " smladx r11, \\p, \\v, r11\n"
    ".endm\n"

    ".macro ai_k_dw_short_first bias\n"
    " ldr r2, [r0]\n"
    " ldr r12, [r0, #4]\n"
    " ldr lr, [r0, #8]\n"
    " smlad r8, r2, r3, \\bias\n"
    " pkhtb r2, r2, r12\n"
    " smladx r9, r2, r3, \\bias\n"
    " smlad r8, r12, r4, r8\n"
    " smlad r10, r12, r3, \\bias\n"
    " pkhtb r12, r12, lr\n"
    " smladx r9, r12, r4, r9\n"
    " smladx r11, r12, r3, \\bias\n"
    " ldr r2, [r0, #12]\n"
    " ldr r12, [r0, #16]\n"
    " ai_k_dw_short_step lr, r2, r5, r4\n"
    ".endm\n"

    ".macro ai_k_dw_short_last p, behind, v\n"
    " smlad r10, \\p, \\v, r10\n"
    " pkhtb \\p, \\p, \\behind\n"
    " smladx r11, \\p, \\v, r11\n"
    ".endm\n"

    /* To int8, halves away from zero; x: scratch. */
    ".macro ai_k_dw_short_finish sum, x\n"
    " add \\x, r12, \\sum, asr #31\n"
    " smmlar \\sum, \\sum, r2, \\x\n"
    " asr \\sum, \\sum, lr\n"
    " ssat \\sum, #8, \\sum\n"
    ".endm\n"

    ".macro ai_k_dw_short_scale x\n"
    " adds r0, r0, #8\n"
    " ldm sp, {r2, r12, lr}\n"
    " ai_k_dw_short_finish r8, \\x\n"
    " ai_k_dw_short_finish r9, \\x\n"
    " ai_k_dw_short_finish r10, \\x\n"
    " ai_k_dw_short_finish r11, \\x\n"
    ".endm\n"

    /* r12: end of the pairs; leaves eq behind the last output, and goes on at done behind a tile that is not full. */
    ".macro ai_k_dw_short_store channels, done\n"
    " cmp r0, r12\n"
    " bls 3f\n"
    " subs r12, r12, r0\n" /* twice the outputs, less 8 */
    " strb r8, [r1]\n"
    " cmn r12, #4\n"
    " blt \\done\n"
    " strb r9, [r1, \\channels]\n"
    " beq \\done\n"
    " strb r10, [r1, \\channels, lsl #1]\n"
    " b \\done\n"
    "3: strb r8, [r1]\n"
    " strb r9, [r1, \\channels]\n"
    " add r1, r1, \\channels, lsl #1\n"
    " strb r10, [r1]\n"
    " strb r11, [r1, \\channels]\n"
    " add r1, r1, \\channels, lsl #1\n"
    ".endm\n"

    ".pushsection .text.ai_k_depthwise_short_s8, \"ax\", %progbits\n"
    ".thumb\n"
    ".balign 4\n"
    ".global ai_k_depthwise_short_s8\n"
    ".type ai_k_depthwise_short_s8, %function\n"
    ".thumb_func\n"
    "ai_k_depthwise_short_s8:\n"
    " push {r4-r11, lr}\n"
    " sub sp, #40\n"
    " strd r0, r2, [sp, #24]\n"
    " str r3, [sp, #32]\n"
    " mov r2, r1\n"
    "1: ldm r2!, {r7-r11}\n" /* a lane: bias, multiplier, shift, weights */
    " ldr r12, [sp, #84]\n"
    " mov lr, #1\n"
    " lsl lr, lr, r9\n"
    " lsl r12, r12, r9\n"
    " add r12, r12, lr, lsr #1\n"
    " strd r8, r12, [sp]\n"
    " strd r9, r7, [sp, #8]\n"
    " ai_k_dw_short_weights r10, r3, r4\n"
    " ai_k_dw_short_weights r11, r5, r6\n"
    " ldrd r0, r1, [sp, #24]\n"
    " ldr r12, [sp, #92]\n"
    " ldr r8, [sp, #76]\n"
    " ldr r9, [sp, #32]\n"
    " add lr, r1, #1\n"
    " add r12, r0, r12, lsl #2\n"
    " add r8, r0, r8, lsl #1\n"
    " strd r12, lr, [sp, #24]\n"
    " str r8, [sp, #16]\n"
    " cmp r9, #3\n"
    " bne 5f\n"
    " str r2, [sp, #20]\n"
    " ldr r6, [sp, #12]\n"
    " ldr r7, [sp, #80]\n"
    ".balign 4\n"
    "2: ai_k_dw_short_first r6\n"
    " ai_k_dw_short_last r2, r12, r5\n"
    " ai_k_dw_short_scale r6\n"
    " ldr r6, [sp, #12]\n"
    " ldr r12, [sp, #16]\n"
    " ai_k_dw_short_store r7, 4f\n"
    " bne 2b\n"
    "4: ldr r4, [sp, #88]\n"
    " ldr r2, [sp, #20]\n"
    " subs r4, r4, #1\n"
    " str r4, [sp, #88]\n"
    " bne 1b\n"
    " add sp, #40\n"
    " pop {r4-r11, pc}\n"

    "5: ldr r10, [r2], #4\n"
    " ai_k_dw_short_weights r10, r7, r8\n"
    " str r2, [sp, #20]\n"
    " str r1, [sp, #36]\n"
    " ldr r1, [sp, #12]\n"
    ".balign 4\n"
    "6: ai_k_dw_short_first r1\n"
    " ai_k_dw_short_step r2, r12, r6, r5\n"
    " ldr lr, [r0, #20]\n"
    " ldr r2, [r0, #24]\n"
    " ai_k_dw_short_step r12, lr, r7, r6\n"
    " ai_k_dw_short_last lr, r2, r7\n"
    " ai_k_dw_short_scale r1\n"
    " ldr r1, [sp, #36]\n"
    " ldr r2, [sp, #80]\n"
    " ldr r12, [sp, #16]\n"
    " ai_k_dw_short_store r2, 4b\n"
    " str r1, [sp, #36]\n"
    " ldr r1, [sp, #12]\n"
    " bne 6b\n"
    " b 4b\n"
    ".size ai_k_depthwise_short_s8, . - ai_k_depthwise_short_s8\n"
    ".popsection\n");
/* clang-format on */
#else
static inline int32_t value_at(const int32_t *pairs, int32_t position)
{
    const uint32_t pair = (uint32_t)pairs[position / 2];
    return (int16_t)(uint16_t)(position % 2 != 0 ? pair >> 16 : pair);
}

void ai_k_depthwise_short_s8(const int32_t *pairs, const int32_t *records, int8_t *out, int32_t words, int32_t outputs,
                             int32_t channels, int32_t zero_point, int32_t lanes, int32_t plane)
{
    for (int32_t lane = 0; lane < lanes; lane++, pairs += plane) {
        const int8_t *const weights = (const int8_t *)(records + 3);
        for (int32_t i = 0; i < outputs; i++) {
            int32_t sum = records[0] / 2;
            for (int32_t tap = 0; tap < 2 * words; tap++) {
                sum += value_at(pairs, i + tap) * weights[tap];
            }
            const int32_t value = ai_k_requantize(sum, records[1], -records[2]) + zero_point;
            out[i * channels + lane] = (int8_t)ai_k_clamp(value, -128, 127);
        }
        records += 3 + (words + 1) / 2;
    }
}
#endif
