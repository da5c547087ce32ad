/* SPDX-License-Identifier: Apache-2.0 */
#include "ai_k_arith.h"
#include "ai_k_depthwise.h"
#include "ai_k_depthwise_dsp.h"

/* ai_k_depthwise_widen_4 for one pair of rows of any number of channels. */
static void widen(int32_t *pairs, const widen_rows *rows, int32_t lanes)
{
#if AI_K_DSP
    if (lanes == 4) {
        ai_k_depthwise_widen_4(pairs, rows);
        return;
    }
    if (lanes == 2) {
        ai_k_depthwise_widen_2(pairs, rows);
        return;
    }
#endif
    const int32_t word = (int32_t)sizeof *pairs;
    for (int32_t lane = 0; lane < lanes; lane++) {
        for (int32_t i = 0; i < rows->bytes / word; i++) {
            const uint32_t low = (uint32_t)rows->first[i * rows->first_step + lane] & 0xffffu;
            const uint32_t high = (uint32_t)rows->second[i * rows->second_step + lane] << 16;
            pairs[lane * (rows->plane / word) + i] = (int32_t)(low | high);
        }
    }
}

void ai_k_depthwise_row_pairs_s8(int32_t *pairs, const int8_t *x, int32_t width, int32_t channels, int32_t lanes,
                                 int32_t plane)
{
    const int32_t word = (int32_t)sizeof *pairs, whole = width / 2;
    widen_rows rows = {x, x + channels, 2 * channels, 2 * channels, whole * word, 0, 0, 1, plane * word};
    if (whole > 0) {
        widen(pairs, &rows, lanes);
    }
    if (width % 2 != 0) { /* what stands beside the last value meets a weight of 0 */
        rows.first = x + (width - 1) * channels;
        rows.second = rows.first;
        rows.bytes = word;
        widen(pairs + whole, &rows, lanes);
    }
}

#if AI_K_DSP
/* Registers
 *   r0 pairs of the step   r1 weights of the step   r2 records   r3 weights   lr their end   r12 pairs of the tile
 *   r4 .. r7 sums of 4 outputs   r8 r9 pairs   r10 r11 weights of the even and of the odd outputs
 * Stack
 *   0 pairs of the lane   4 outputs left   8 out of the lane   12 out   16 multiplier   20 rounding and zero point
 *   24 right shift   28 bias
 *   68 steps   72 outputs   76 channels   80 zero_point   84 lanes   88 plane in words
 */
/* clang-format off */
__asm__(
    ".syntax unified\n"
    /* A step of 4 outputs: p pair of outputs 0 and 1, q loaded here, of 2 and 3. */
    ".macro ai_k_dw_row_step p, q\n"
    " ldr \\q, [r0], #4\n"
    " ldr r10, [r1], #4\n"
    " ldr r11, [r1], #4\n"
    " smlad r4, \\p, r10, r4\n"
    " smlad r5, \\p, r11, r5\n"
    " smlad r6, \\q, r10, r6\n"
    " smlad r7, \\q, r11, r7\n"
    ".endm\n"
    /* To int8, halves away from zero. */
    ".macro ai_k_dw_row_finish sum\n"
    " add r8, r10, \\sum, asr #31\n"
    " smmlar \\sum, \\sum, r9, r8\n"
    " asr \\sum, \\sum, r11\n"
    " ssat \\sum, #8, \\sum\n"
    ".endm\n"

    ".pushsection .text.ai_k_depthwise_row_s8, \"ax\", %progbits\n"
    ".thumb\n"
    ".balign 4\n"
    ".global ai_k_depthwise_row_s8\n"
    ".type ai_k_depthwise_row_s8, %function\n"
    ".thumb_func\n"
    "ai_k_depthwise_row_s8:\n"
    " push {r4-r11, lr}\n"
    " sub sp, #32\n"
    " str r0, [sp, #0]\n"
    " str r2, [sp, #8]\n"
    " mov r2, r1\n"
    " ldr r4, [sp, #68]\n"
    " add lr, r3, r4, lsl #3\n"
    "1: ldm r2!, {r4-r6}\n" /* a lane: bias, multiplier, shift */
    " ldr r7, [sp, #80]\n"
    " mov r8, #1\n"
    " lsl r8, r8, r6\n"
    " lsl r7, r7, r6\n"
    " add r7, r7, r8, lsr #1\n"
    " str r4, [sp, #28]\n"
    " strd r5, r7, [sp, #16]\n"
    " str r6, [sp, #24]\n"
    " mov r1, r3\n"
    " mov r8, #0\n"
    "2: ldr r4, [r2], #4\n" /* w0 w1 w2 w3, doubled, to (w0, w1) (w-1, w0) (w2, w3) (w1, w2) */
    " sxtb16 r5, r4\n"
    " sxtb16 r6, r4, ror #8\n"
    " sadd16 r5, r5, r5\n"
    " sadd16 r6, r6, r6\n"
    " lsl r9, r5, #16\n"
    " pkhbt r7, r5, r6, lsl #16\n"
    " pkhtb r9, r9, r8, asr #16\n"
    " pkhtb r10, r6, r5, asr #16\n"
    " pkhbt r11, r6, r5\n"
    " mov r8, r6\n"
    " stm r1!, {r7, r9, r10, r11}\n"
    " cmp r1, lr\n"
    " blo 2b\n"
    " ldr r12, [sp, #0]\n"
    " ldr r4, [sp, #88]\n"
    " ldr r5, [sp, #8]\n"
    " ldr r6, [sp, #72]\n"
    " add r4, r12, r4, lsl #2\n"
    " str r4, [sp, #0]\n"
    " str r5, [sp, #12]\n"
    " add r5, r5, #1\n"
    " str r5, [sp, #8]\n"
    " str r6, [sp, #4]\n"
    "3: ldr r4, [sp, #28]\n" /* 4 outputs */
    " ldr r8, [r12]\n"
    " ldr r10, [sp, #68]\n"
    " mov r1, r3\n"
    " add r0, r12, #4\n"
    " mov r5, r4\n"
    " mov r6, r4\n"
    " mov r7, r4\n"
    " add r12, r12, #8\n"
    " lsls r10, r10, #31\n" /* an odd count of steps enters in the middle */
    " itt mi\n"
    " movmi r9, r8\n"
    " bmi 5f\n"
    "4: ai_k_dw_row_step r8, r9\n"
    "5: ai_k_dw_row_step r9, r8\n"
    " cmp r1, lr\n"
    " bne 4b\n"
    " ldr r9, [sp, #16]\n"
    " ldr r10, [sp, #20]\n"
    " ldr r11, [sp, #24]\n"
    " ai_k_dw_row_finish r4\n"
    " ai_k_dw_row_finish r5\n"
    " ai_k_dw_row_finish r6\n"
    " ai_k_dw_row_finish r7\n"
    " ldr r8, [sp, #4]\n"
    " ldr r1, [sp, #76]\n"
    " ldr r0, [sp, #12]\n"
    " subs r8, r8, #4\n"
    " blt 6f\n"
    " strb r4, [r0]\n"
    " strb r5, [r0, r1]\n"
    " add r0, r0, r1, lsl #1\n"
    " strb r6, [r0]\n"
    " strb r7, [r0, r1]\n"
    " add r0, r0, r1, lsl #1\n"
    " str r0, [sp, #12]\n"
    " str r8, [sp, #4]\n"
    " bne 3b\n"
    " b 7f\n"
    "6: cmn r8, #2\n" /* the last 1 to 3 outputs */
    " strb r4, [r0]\n"
    " blt 7f\n"
    " strb r5, [r0, r1]\n"
    " beq 7f\n"
    " strb r6, [r0, r1, lsl #1]\n"
    "7: ldr r4, [sp, #84]\n"
    " subs r4, r4, #1\n"
    " str r4, [sp, #84]\n"
    " bne 1b\n"
    " add sp, #32\n"
    " pop {r4-r11, pc}\n"
    ".size ai_k_depthwise_row_s8, . - ai_k_depthwise_row_s8\n"
    ".popsection\n");
/* clang-format on */
#else
static inline int32_t value_at(const int32_t *pairs, int32_t position)
{
    const uint32_t pair = (uint32_t)pairs[position / 2];
    return (int16_t)(uint16_t)(position % 2 != 0 ? pair >> 16 : pair);
}

void ai_k_depthwise_row_s8(const int32_t *pairs, const int32_t *records, int8_t *out, int32_t *weights, int32_t steps,
                           int32_t outputs, int32_t channels, int32_t zero_point, int32_t lanes, int32_t plane)
{
    (void)weights;
    for (int32_t lane = 0; lane < lanes; lane++) {
        const int8_t *taps = (const int8_t *)(records + 3);
        for (int32_t i = 0; i < outputs; i++) {
            int32_t sum = 0;
            for (int32_t tap = 0; tap < 2 * steps - 1; tap++) {
                sum += value_at(pairs, i + tap) * taps[tap];
            }
            sum = (int32_t)(2u * (uint32_t)sum + (uint32_t)records[0]);
            const int32_t value = ai_k_requantize(sum / 2, records[1], -records[2]) + zero_point;
            out[i * channels + lane] = (int8_t)ai_k_clamp(value, -128, 127);
        }
        records += 3 + (2 * steps + 3) / 4;
        pairs += plane;
    }
}
#endif
