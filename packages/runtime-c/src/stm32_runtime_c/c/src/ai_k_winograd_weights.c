/* SPDX-License-Identifier: Apache-2.0 */
/* Weights of a block of 4 channels, transformed (ai_k_conv_winograd.h). */
#include "ai_k_arith.h"
#include "ai_k_conv_winograd.h"
#include "ai_k_halves.h"

enum { CHANNELS = 4 };

#if AI_K_DSP
/* The weights of one output channel; to: its first word; depth: a multiple of 8; pitch: words from position to
 * position. Registers r0 position 0   r1 from   r2 depth   r3 bytes from position to position   lr position 3 r4 - r6
 * the three taps of four input channels, then of the odd ones   r7 - r9 of the even ones r10 - r12 and whatever is
 * free: positions 1 to 4 Stack 0 end of the first tap's channels   40 rows left */
void ai_k_winograd_channel(uint32_t *to, const int8_t *from, int32_t depth, int32_t pitch, int32_t rows);
/* clang-format off */
__asm__(
    ".syntax unified\n"
    ".pushsection .text.ai_k_winograd_channel, \"ax\", %progbits\n"
    ".p2align 2\n"
    ".global ai_k_winograd_channel\n"
    ".type ai_k_winograd_channel, %function\n"
    ".thumb_func\n"

    /* The 6 words of two input channels. */
    ".macro ai_k_winograd_taps w0, w1, w2\n"
    " sadd16 r10, \\w0, \\w2\n"
    " sadd16 r11, \\w2, \\w2\n"
    " sadd16 r11, r11, r11\n"
    " sadd16 r11, r11, \\w0\n" /* w0 + 4 w2 */
    " str \\w0, [r0]\n"
    " ssub16 r12, r10, \\w1\n"
    " sadd16 r10, r10, \\w1\n"
    " sadd16 \\w1, \\w1, \\w1\n"
    " ssub16 \\w0, r11, \\w1\n"
    " sadd16 r11, r11, \\w1\n"
    " str r10, [r0, r3]\n"
    " str r12, [r0, r3, lsl #1]\n"
    " str \\w0, [lr, r3]\n"
    " str \\w2, [lr, r3, lsl #1]\n"
    " str r11, [lr], #16\n"
    " adds r0, r0, #16\n"
    ".endm\n"

    "ai_k_winograd_channel:\n"
    " push {r3-r11, lr}\n"
    " lsls r3, r3, #2\n"
    " add lr, r3, r3, lsl #1\n"
    " add lr, lr, r0\n"
    "2:\n"
    " adds r4, r1, r2\n"
    " str r4, [sp]\n"
    ".p2align 2\n"
    "1:\n"
    ".rept 2\n"
    " ldr r5, [r1, r2]\n"
    " ldr r6, [r1, r2, lsl #1]\n"
    " ldr r4, [r1], #4\n"
    " sxtb16 r8, r5\n"
    " sxtb16 r9, r6\n"
    " sxtb16 r7, r4\n"
    " sxtb16 r5, r5, ror #8\n"
    " sxtb16 r6, r6, ror #8\n"
    " sxtb16 r4, r4, ror #8\n"
    " ai_k_winograd_taps r7, r8, r9\n"
    " ai_k_winograd_taps r4, r5, r6\n"
    ".endr\n"
    " ldr r4, [sp]\n"
    " cmp r1, r4\n"
    " bne 1b\n"
    " ldr r4, [sp, #40]\n"
    " add r1, r1, r2, lsl #1\n"
    " subs r4, r4, #1\n"
    " str r4, [sp, #40]\n"
    " bne 2b\n"
    " pop {r3-r11, pc}\n"
    ".size ai_k_winograd_channel, . - ai_k_winograd_channel\n"
    ".popsection\n");
/* clang-format on */
#else
/* The 6 words of one kernel row and two input channels; pitch: words from position to position. */
static inline void transform_weights(uint32_t *to, int32_t pitch, uint32_t w0, uint32_t w1, uint32_t w2)
{
    const uint32_t outer = add(w0, w2), wide = add(w0, twice(twice(w2))), middle = twice(w1);
    to[0] = w0;
    to[pitch] = add(outer, w1);
    to[2 * pitch] = subtract(outer, w1);
    to[3 * pitch] = add(wide, middle);
    to[4 * pitch] = subtract(wide, middle);
    to[5 * pitch] = w2;
}

/* The weights of one output channel; to: its first word. */
static void ai_k_winograd_channel(uint32_t *to, const int8_t *from, int32_t depth, int32_t pitch, int32_t rows)
{
    for (int32_t row = 0; row < rows; row++) {
        for (int32_t k = 0; k < depth; k += 4) {
            const uint32_t w0 = ai_k_load_word(from), w1 = ai_k_load_word(from + depth),
                           w2 = ai_k_load_word(from + 2 * depth);
            transform_weights(to, pitch, even(w0), even(w1), even(w2));
            transform_weights(to + CHANNELS, pitch, odd(w0), odd(w1), odd(w2));
            to += 2 * CHANNELS;
            from += 4;
        }
        from += 2 * depth;
    }
}
#endif

void ai_k_winograd_weights_s8(int32_t *weights, const int8_t *from, const int32_t *layer)
{
    const int32_t depth = layer[AI_K_WINOGRAD_DEPTH], rows = layer[AI_K_WINOGRAD_ROWS];
    const int32_t pitch = rows * depth / 2 * CHANNELS;
    for (int32_t channel = 0; channel < CHANNELS; channel++) {
        ai_k_winograd_channel((uint32_t *)weights + channel, from, depth, pitch, rows);
        from += 3 * rows * depth;
    }
}
