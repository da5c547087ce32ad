/* SPDX-License-Identifier: Apache-2.0 */
#include "ai_k_conv_winograd.h"

#include "ai_k_arith.h"
#include "ai_k_halves.h"

enum { POSITIONS = 6, TILES = 2, OUTPUTS = 4, CHANNELS = 4, COLUMNS = 10 };

#if !AI_K_DSP
/* saturate8 of a sum that comes doubled; zero holds the zero point and the rounding. */
static inline int8_t scale(int32_t doubled, int32_t multiplier, int32_t shift, int32_t zero, int is_signed)
{
    const int32_t product = ai_k_mul_high(doubled / 2, multiplier);
    const int32_t away = is_signed && doubled < 0 ? 1 : 0;
    return (int8_t)ai_k_clamp((product + zero - away) >> (shift + 1), -128, 127);
}
#endif

#if AI_K_DSP
/* Both tiles of `fours` times four input channels; step: bytes from one column to the next; zero: 6 * zero point in
 * both halves.
 * Registers
 *   r0 to   r1 from   r2 step   r3 bytes from position to position   r4 - r9 x0 - x5 of a tile
 *   r10 r11 differences   r12 3 * step, then addresses   lr addresses
 * Stack
 *   0 fours left   4 3 * step   8 zero   48 fours   52 zero */
void ai_k_winograd_transform(uint32_t *to, const int8_t *from, int32_t step, int32_t pitch, int32_t fours,
                             uint32_t zero);
/* clang-format off */
__asm__(
    ".syntax unified\n"
    ".pushsection .text.ai_k_winograd_transform, \"ax\", %progbits\n"
    ".p2align 2\n"
    ".global ai_k_winograd_transform\n"
    ".type ai_k_winograd_transform, %function\n"
    ".thumb_func\n"

    /* The 6 words of one tile at r0; leaves x4 and x5. */
    ".macro ai_k_winograd_tile\n"
    " ssub16 r4, r4, r6\n"
    " ssub16 r10, r8, r6\n" /* x4 - x2 */
    " sadd16 r4, r4, r4\n"
    " sadd16 r6, r6, r6\n"
    " sadd16 r4, r4, r4\n"
    " sadd16 r6, r6, r6\n"
    " sadd16 r4, r4, r10\n" /* v0 */
    " str r4, [r0]\n"
    " ldr r4, [sp, #8]\n" /* 6 * zero point */
    " ssub16 r6, r8, r6\n"  /* x4 - 4 x2 */
    " ssub16 r11, r7, r5\n" /* x3 - x1 */
    " sadd16 r5, r5, r5\n"
    " sadd16 r5, r5, r5\n"
    " ssub16 r5, r7, r5\n"  /* x3 - 4 x1 */
    " sadd16 r12, r6, r5\n"
    " sadd16 r12, r12, r4\n" /* v1 */
    " ssub16 r6, r6, r5\n"  /* v2 */
    " add lr, r0, r3\n"
    " str r12, [lr]\n"
    " str r6, [r0, r3, lsl #1]\n"
    " add lr, lr, r3, lsl #1\n"
    " sadd16 r11, r11, r11\n"
    " sadd16 r4, r10, r11\n" /* v3 */
    " ssub16 r5, r10, r11\n" /* v4 */
    " sadd16 r11, r11, r11\n"
    " ssub16 r6, r9, r7\n"   /* x5 - x3 */
    " ssub16 r6, r6, r11\n"  /* v5 */
    " str r4, [lr]\n"
    " str r5, [lr, r3]\n"
    " str r6, [lr, r3, lsl #1]\n"
    ".endm\n"

    /* Two of the four channels: even or odd bytes. */
    ".macro ai_k_winograd_half extend\n"
    " ldr r12, [sp, #4]\n"
    " ldr r4, [r1]\n"
    " ldr r5, [r1, r2]\n"
    " ldr r6, [r1, r2, lsl #1]\n"
    " ldr r7, [r1, r12]\n"
    " add lr, r1, r2, lsl #2\n"
    " ldr r8, [lr]\n"
    " ldr r9, [lr, r2]\n"
    " sxtb16 r4, r4\\extend\n"
    " sxtb16 r5, r5\\extend\n"
    " sxtb16 r6, r6\\extend\n"
    " sxtb16 r7, r7\\extend\n"
    " sxtb16 r8, r8\\extend\n"
    " sxtb16 r9, r9\\extend\n"
    " ai_k_winograd_tile\n"
    " ldr r12, [sp, #4]\n"
    " add lr, r1, r2, lsl #2\n"
    " mov r4, r8\n"
    " mov r5, r9\n"
    " ldr r6, [lr, r2, lsl #1]\n"
    " ldr r7, [lr, r12]\n"
    " add lr, lr, r2, lsl #2\n"
    " ldr r8, [lr]\n"
    " ldr r9, [lr, r2]\n"
    " sxtb16 r6, r6\\extend\n"
    " sxtb16 r7, r7\\extend\n"
    " sxtb16 r8, r8\\extend\n"
    " sxtb16 r9, r9\\extend\n"
    " adds r0, r0, #4\n"
    " ai_k_winograd_tile\n"
    " adds r0, r0, #4\n"
    ".endm\n"

    "ai_k_winograd_transform:\n"
    " push {r4-r11, lr}\n"
    " sub sp, sp, #12\n"
    " ldrd r4, r6, [sp, #48]\n"
    " add r5, r2, r2, lsl #1\n"
    " lsl r3, r3, #2\n"
    " stm sp, {r4, r5, r6}\n"
    ".p2align 2\n"
    "1:\n"
    " ai_k_winograd_half\n"
    " ai_k_winograd_half \", ror #8\"\n"
    " ldr r4, [sp]\n"
    " adds r1, r1, #4\n"
    " subs r4, r4, #1\n"
    " str r4, [sp]\n"
    " bne.w 1b\n"
    " add sp, sp, #12\n"
    " pop {r4-r11, pc}\n"
    ".size ai_k_winograd_transform, . - ai_k_winograd_transform\n"
    ".popsection\n");
/* clang-format on */
#else
/* The 6 words of one tile and two input channels. */
static inline void transform_values(uint32_t *to, int32_t pitch, const uint32_t x[6], uint32_t zero)
{
    const uint32_t t = subtract(x[4], x[2]), r = twice(subtract(x[3], x[1]));
    const uint32_t p = subtract(x[4], twice(twice(x[2]))), q = subtract(x[3], twice(twice(x[1])));
    to[0] = add(twice(twice(subtract(x[0], x[2]))), t);
    to[pitch] = add(add(p, q), zero);
    to[2 * pitch] = subtract(p, q);
    to[3 * pitch] = add(t, r);
    to[4 * pitch] = subtract(t, r);
    to[5 * pitch] = subtract(subtract(x[5], x[3]), twice(r));
}

/* Both tiles of `fours` times four input channels; step: bytes from one column to the next; zero: 6 * zero point in
 * both halves. */
static void ai_k_winograd_transform(uint32_t *to, const int8_t *from, int32_t step, int32_t pitch, int32_t fours,
                                    uint32_t zero)
{
    for (int32_t i = 0; i < TILES * fours; i++) {
        const int32_t tile = i % TILES;
        const int8_t *const column = from + i / TILES * 4 + 4 * step * tile;
        uint32_t x[2][6];
        for (int32_t k = 0; k < 6; k++) {
            const uint32_t word = ai_k_load_word(column + k * step);
            x[0][k] = even(word);
            x[1][k] = odd(word);
        }
        uint32_t *const word = to + 2 * (i - tile) + tile;
        transform_values(word, pitch, x[0], zero);
        transform_values(word + TILES, pitch, x[1], zero);
    }
}
#endif

enum { PIECE = 16 }; /* the depth is a multiple of it */

/* count bytes, a multiple of PIECE, set to value. */
static int8_t *fill(int8_t *to, int8_t value, int32_t count)
{
    const uint32_t word = 0x01010101u * (uint8_t)value, piece[PIECE / 4] = {word, word, word, word};
    for (int32_t i = 0; i < count; i += PIECE) {
        memcpy(to + i, piece, PIECE);
    }
    return to + count;
}

void ai_k_winograd_values_s8(int32_t *values, const int8_t *image, const int32_t *layer, int8_t *columns, int32_t kept,
                             int32_t row, int32_t column)
{
    const int32_t depth = layer[AI_K_WINOGRAD_DEPTH], width = layer[AI_K_WINOGRAD_WIDTH];
    const int32_t zero_point = layer[AI_K_WINOGRAD_ZERO_POINT], pitch = kept * depth;
    if (row >= layer[AI_K_WINOGRAD_HEIGHT]) {
        return;
    }
    uint32_t *const to = (uint32_t *)values + row % kept * depth;
    const int8_t *from = image + (row * width + column) * depth;
    const int32_t first = ai_k_clamp(-column, 0, COLUMNS), end = ai_k_clamp(width - column, first, COLUMNS);
    if (end - first < COLUMNS) {
        int8_t *at = fill(columns, (int8_t)zero_point, first * depth);
        for (int32_t i = first * depth; i < end * depth; i += PIECE, at += PIECE) {
            memcpy(at, from + i, PIECE);
        }
        (void)fill(at, (int8_t)zero_point, (COLUMNS - end) * depth);
        from = columns;
    }
    const uint32_t zero = (uint32_t)(6 * zero_point);
    ai_k_winograd_transform(to, from, depth, pitch, depth / 4, (zero & 0xffffu) | zero << 16);
}

#if AI_K_DSP
/* Registers
 *   r0 - r7  sums: 2 * channel + tile        r8 r9    values of either tile
 *   r10 r11  weights of two channels         r12      values        lr       weights
 * Stack
 *   0 end of the values to go through   4 values of the position   8 products   12 positions left
 *   16 bytes of a position's values   20 bytes before its first row   24 bytes of its rows, after the end of the values
 *   28 end of its rows before the end of the values   32 weights to skip between positions
 *   72 first   76 rows   80 depth   84 weight_rows
 */
/* clang-format off */
__asm__(
    ".syntax unified\n"
    ".pushsection .text.ai_k_winograd_multiply, \"ax\", %progbits\n"
    ".p2align 2\n"
    ".global ai_k_winograd_multiply\n"
    ".type ai_k_winograd_multiply, %function\n"
    ".thumb_func\n"
    "ai_k_winograd_multiply:\n"
    " push {r4-r11, lr}\n"
    " sub sp, sp, #36\n"
    " mov lr, r1\n"
    " strd r2, r0, [sp, #4]\n"
    " ldrd r4, r5, [sp, #72]\n" /* first, rows */
    " ldrd r6, r7, [sp, #80]\n" /* depth, weight_rows */
    " lsl r6, r6, #2\n"
    " subs r7, r7, r5\n"
    " mul r7, r7, r6\n"
    " lsl r7, r7, #1\n"
    " str r7, [sp, #32]\n"
    " add r7, r4, r5\n" /* past the last row */
    " mul r4, r4, r6\n"
    " mul r8, r7, r6\n"
    " mul r9, r3, r6\n"
    " subs r5, r8, r9\n" /* rows that go on at the start */
    " itt hi\n"
    " movhi r8, r9\n"
    " movhi r7, r3\n"
    " it ls\n"
    " movls r5, #0\n"
    " movs r10, #6\n"
    " strd r10, r9, [sp, #12]\n"
    " strd r4, r5, [sp, #20]\n"
    " str r8, [sp, #28]\n"

    ".p2align 2\n"
    "ai_k_winograd_position:\n"
    " ldr r8, [sp, #4]\n"
    " ldr r9, [sp, #20]\n"
    " ldr r10, [sp, #28]\n"
    " movs r0, #0\n"
    " movs r1, #0\n"
    " movs r2, #0\n"
    " movs r3, #0\n"
    " movs r4, #0\n"
    " movs r5, #0\n"
    " movs r6, #0\n"
    " movs r7, #0\n"
    " add r12, r8, r9\n"
    " add r9, r8, r10\n"
    " str r9, [sp, #0]\n"

    ".p2align 2\n"
    "ai_k_winograd_steps:\n"
    ".rept 8\n"
    " ldrd r8, r9, [r12], #8\n"
    " ldrd r10, r11, [lr], #8\n"
    " smlad r0, r10, r8, r0\n"
    " smlad r1, r10, r9, r1\n"
    " smlad r2, r11, r8, r2\n"
    " smlad r3, r11, r9, r3\n"
    " ldrd r10, r11, [lr], #8\n"
    " smlad r4, r10, r8, r4\n"
    " smlad r5, r10, r9, r5\n"
    " smlad r6, r11, r8, r6\n"
    " smlad r7, r11, r9, r7\n"
    ".endr\n"
    " ldr r8, [sp, #0]\n"
    " cmp r12, r8\n"
    " bne.w ai_k_winograd_steps\n"

    " ldrd r11, r10, [sp, #24]\n"
    " ldr r9, [sp, #4]\n"
    " add r10, r10, r9\n"
    " cmp r12, r10\n" /* at the end of the values, or of the rows */
    " bne 1f\n"
    " cmp r11, #0\n"
    " beq 1f\n"
    " mov r12, r9\n" /* the rows that are left stand at the start */
    " add r11, r11, r9\n"
    " str r11, [sp, #0]\n"
    " b.w ai_k_winograd_steps\n"
    "1:\n"
    " ldr r12, [sp, #16]\n"
    " ldrd r10, r11, [sp, #8]\n"
    " add r9, r9, r12\n"
    " ldr r12, [sp, #32]\n"
    " stm r10!, {r0-r7}\n"
    " strd r9, r10, [sp, #4]\n"
    " add lr, lr, r12\n"
    " subs r11, r11, #1\n"
    " str r11, [sp, #12]\n"
    " bne.w ai_k_winograd_position\n"
    " add sp, sp, #36\n"
    " pop {r4-r11, pc}\n"
    ".size ai_k_winograd_multiply, . - ai_k_winograd_multiply\n"
    ".popsection\n");
/* clang-format on */
#else
/* sum + the products of two pairs of halves, modulo 2^32. */
static inline uint32_t dual_mac(uint32_t a, uint32_t b, uint32_t sum)
{
    const int32_t low = (int16_t)(uint16_t)a * (int16_t)(uint16_t)b;
    const int32_t high = (int16_t)(uint16_t)(a >> 16) * (int16_t)(uint16_t)(b >> 16);
    return sum + (uint32_t)low + (uint32_t)high;
}

/* One position: sums [4 channels][2 tiles]. */
static void multiply_position(uint32_t *sums, const int32_t *weights, const int32_t *values, int32_t steps)
{
    for (int32_t i = 0; i < steps; i++) {
        for (int32_t channel = 0; channel < CHANNELS; channel++) {
            for (int32_t tile = 0; tile < TILES; tile++) {
                uint32_t *const sum = sums + TILES * channel + tile;
                *sum = dual_mac((uint32_t)weights[CHANNELS * i + channel], (uint32_t)values[TILES * i + tile], *sum);
            }
        }
    }
}

void ai_k_winograd_multiply(int32_t *products, const int32_t *weights, const int32_t *values, int32_t kept,
                            int32_t first, int32_t rows, int32_t depth, int32_t weight_rows)
{
    const int32_t early = rows < kept - first ? rows : kept - first, row_steps = depth / 2;
    for (int32_t position = 0; position < POSITIONS; position++) {
        uint32_t sums[CHANNELS * TILES] = {0};
        multiply_position(sums, weights, values + TILES * first * row_steps, early * row_steps);
        multiply_position(sums, weights + CHANNELS * early * row_steps, values, (rows - early) * row_steps);
        memcpy(products, sums, sizeof sums);
        products += CHANNELS * TILES;
        weights += CHANNELS * weight_rows * row_steps;
        values += TILES * kept * row_steps;
    }
}
#endif

#if AI_K_DSP
/* One tile of 4 channels, all 4 outputs.
 * Registers
 *   r0 out   r1 products   r2 record   r3 out_stride   r4 - r7 lr  products and sums   r8 rounding and zero point
 *   r9 shift   r10 multiplier   r11 6 * bias   r12 1 / 3 modulo 2^32
 * Stack
 *   0 2 * zero_point + 1   4 shift bytes   8 channels left   48 zero_point */
void ai_k_winograd_results(int8_t *out, const int32_t *products, const int32_t *record, int32_t out_stride,
                           int32_t zero_point);
/* clang-format off */
__asm__(
    ".syntax unified\n"
    ".pushsection .text.ai_k_winograd_results, \"ax\", %progbits\n"
    ".p2align 2\n"
    ".global ai_k_winograd_results\n"
    ".type ai_k_winograd_results, %function\n"
    ".thumb_func\n"

    /* The high word of a doubled output times the multiplier; x: scratch, for negative sums of a signed layer one less,
     * so that halves go away from zero. */
    ".macro ai_k_winograd_scale signed, y, x\n"
    " .if \\signed\n"
    "  add \\x, r8, \\y, asr #31\n"
    "  smmlar \\y, \\y, r10, \\x\n"
    " .else\n"
    "  smmlar \\y, \\y, r10, r8\n"
    " .endif\n"
    " asr \\y, \\y, r9\n"
    " ssat \\y, #8, \\y, asr #1\n"
    ".endm\n"

    ".macro ai_k_winograd_channels signed\n"
    ".p2align 2\n"
    "2:\n"
    " ldr r11, [r2], #4\n"
    " ldr r10, [r2, #16]\n"
    " ldrd r8, r9, [sp]\n"
    " ldr r4, [r1, #32]\n"
    " ldr r5, [r1, #64]\n"
    " ldr r6, [r1, #96]\n"
    " ldr r7, [r1, #128]\n"
    " add r11, r11, r11, lsl #1\n"
    " lsl r8, r8, r9\n"
    " sub r4, r4, r11, lsl #1\n" /* m1 - 6 * bias */
    " add lr, r4, r5\n"          /* s */
    " sub r4, r5, r4\n"          /* d */
    " add r5, r6, r7\n"          /* S */
    " sub r6, r6, r7\n"          /* D */
    " sub r7, r5, lr\n"          /* 6 y2 */
    " sub r5, r5, lr, lsl #2\n"
    " ldr lr, [r1]\n"            /* m0 */
    " ldr r11, [r1, #160]\n"     /* m5 */
    " add lr, lr, lr, lsl #1\n"
    " add r5, r5, lr, lsl #1\n"  /* 24 y0 */
    " add lr, r6, r4, lsl #1\n"  /* 12 y1 */
    " add r4, r4, r6, lsl #1\n"
    " add r11, r11, r11, lsl #1\n"
    " add r4, r4, r11, lsl #1\n" /* 6 y3 */
    " asr r5, r5, #2\n"
    " asr lr, lr, #1\n"
    " mul r5, r5, r12\n"
    " mul lr, lr, r12\n"
    " mul r7, r7, r12\n"
    " mul r4, r4, r12\n"
    " ai_k_winograd_scale \\signed, r5, r6\n"
    " ai_k_winograd_scale \\signed, lr, r6\n"
    " ai_k_winograd_scale \\signed, r7, r6\n"
    " ai_k_winograd_scale \\signed, r4, r6\n"
    " add r6, r3, r3, lsl #1\n"
    " adds r1, r1, #8\n"
    " strb r5, [r0]\n"
    " strb lr, [r0, r3]\n"
    " strb r7, [r0, r3, lsl #1]\n"
    " strb r4, [r0, r6]\n"
    " ldrd r9, r6, [sp, #4]\n"
    " adds r0, r0, #1\n"
    " lsr r9, r9, #8\n"
    " subs r6, r6, #1\n"
    " strd r9, r6, [sp, #4]\n"
    " bne 2b\n"
    " add sp, sp, #12\n"
    " pop {r4-r11, pc}\n"
    ".endm\n"

    "ai_k_winograd_results:\n"
    " push {r4-r11, lr}\n"
    " sub sp, sp, #12\n"
    " ldr r4, [sp, #48]\n"
    " ldr r6, [r2, #16]\n"
    " movs r7, #4\n"
    " lsl r5, r4, #1\n"
    " add r5, r5, #1\n"
    " stm sp, {r5, r6, r7}\n"
    " movw r12, #0xaaab\n"
    " movt r12, #0xaaaa\n"
    " cmp r4, #-128\n"
    " bne.w 3f\n"
    " ai_k_winograd_channels 0\n"
    "3:\n"
    " ai_k_winograd_channels 1\n"
    ".size ai_k_winograd_results, . - ai_k_winograd_results\n"
    ".popsection\n");
/* clang-format on */
#else
/* Twice the 4 outputs of a tile; products: position i at [8 * i]. */
static inline void combine(int32_t doubled[OUTPUTS], const int32_t *products, int32_t bias)
{
    const uint32_t *const m = (const uint32_t *)products, third = 0xaaaaaaabu; /* 3 * third = 1 modulo 2^32 */
    const uint32_t m1 = m[8] - 6u * (uint32_t)bias, m2 = m[16], m3 = m[24], m4 = m[32];
    const uint32_t s = m1 + m2, d = m2 - m1, sum = m3 + m4, difference = m3 - m4;
    const int32_t y0 = (int32_t)(6u * m[0] - 4u * s + sum), y1 = (int32_t)(2u * d + difference);
    doubled[0] = (int32_t)((uint32_t)(y0 >> 2) * third);
    doubled[1] = (int32_t)((uint32_t)(y1 >> 1) * third);
    doubled[2] = (int32_t)((sum - s) * third);
    doubled[3] = (int32_t)((d + 2u * difference + 6u * m[40]) * third);
}

/* One tile of 4 channels, all 4 outputs. */
static void ai_k_winograd_results(int8_t *out, const int32_t *products, const int32_t *record, int32_t out_stride,
                                  int32_t zero_point)
{
    for (int32_t channel = 0; channel < CHANNELS; channel++) {
        const int32_t shift = (int32_t)((uint32_t)record[CHANNELS] >> (8 * (uint32_t)channel) & 255u);
        const int32_t zero = ai_k_shift_left(2 * zero_point + 1, shift);
        int32_t doubled[OUTPUTS];
        combine(doubled, products + TILES * channel, record[channel]);
        for (int32_t i = 0; i < OUTPUTS; i++) {
            out[i * out_stride + channel] =
                scale(doubled[i], record[CHANNELS + 1 + channel], shift, zero, zero_point != -128);
        }
    }
}
#endif

void ai_k_winograd_output_s8(int8_t *out, const int32_t *products, const int32_t *record, int32_t out_stride,
                             int32_t count, int32_t zero_point)
{
    for (; count > 0; count -= OUTPUTS, out += OUTPUTS * out_stride, products++) {
        if (count >= OUTPUTS) {
            ai_k_winograd_results(out, products, record, out_stride, zero_point);
        } else {
            int8_t results[OUTPUTS * CHANNELS];
            ai_k_winograd_results(results, products, record, CHANNELS, zero_point);
            for (int32_t i = 0; i < count; i++) {
                memcpy(out + i * out_stride, results + i * CHANNELS, CHANNELS);
            }
        }
    }
}
