/* SPDX-License-Identifier: Apache-2.0 */
#include "ai_k_conv_winograd.h"

#include "ai_k_arith.h"

enum { POSITIONS = 6, TILES = 2, OUTPUTS = 4, CHANNELS = 4, COLUMNS = 10 };

#if AI_K_DSP
/* Halves of a + b. */
static inline uint32_t add(uint32_t a, uint32_t b)
{
    uint32_t sum;
    __asm__("sadd16 %0, %1, %2" : "=r"(sum) : "r"(a), "r"(b));
    return sum;
}

/* Halves of a - b. */
static inline uint32_t subtract(uint32_t a, uint32_t b)
{
    uint32_t difference;
    __asm__("ssub16 %0, %1, %2" : "=r"(difference) : "r"(a), "r"(b));
    return difference;
}

static inline uint32_t even(uint32_t word)
{
    return ai_k_even_bytes(word);
}

static inline uint32_t odd(uint32_t word)
{
    return ai_k_odd_bytes(word);
}

/* saturate8 of a sum that comes doubled; zero holds the zero point and the rounding. */
static inline int8_t scale(int32_t doubled, int32_t multiplier, int32_t shift, int32_t zero, int is_signed)
{
    const int32_t from = is_signed ? zero + (doubled >> 31) : zero;
    int32_t result;
    __asm__("smmlar %0, %1, %2, %3\n asr %0, %0, %4\n ssat %0, #8, %0, asr #1\n"
            : "=&r"(result)
            : "r"(doubled), "r"(multiplier), "r"(from), "r"(shift));
    return (int8_t)result;
}
#else
static inline uint32_t halves(uint32_t low, uint32_t high)
{
    return (low & 0xffffu) | high << 16;
}

static inline uint32_t add(uint32_t a, uint32_t b)
{
    return halves(a + b, (a >> 16) + (b >> 16));
}

static inline uint32_t subtract(uint32_t a, uint32_t b)
{
    return halves(a - b, (a >> 16) - (b >> 16));
}

static inline uint32_t even(uint32_t word)
{
    return halves((uint32_t)(int8_t)(uint8_t)word, (uint32_t)(int8_t)(uint8_t)(word >> 16));
}

static inline uint32_t odd(uint32_t word)
{
    return even(word >> 8);
}

static inline int8_t scale(int32_t doubled, int32_t multiplier, int32_t shift, int32_t zero, int is_signed)
{
    const int32_t product = ai_k_mul_high(doubled / 2, multiplier);
    const int32_t away = is_signed && doubled < 0 ? 1 : 0;
    return (int8_t)ai_k_clamp((product + zero - away) >> (shift + 1), -128, 127);
}
#endif

static inline uint32_t twice(uint32_t a)
{
    return add(a, a);
}

/* The 6 words of one kernel row, two input channels and one output channel; pitch: words from position to position. */
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

void ai_k_winograd_weights_s8(int32_t *weights, const int8_t *from, const int32_t *layer)
{
    const int32_t depth = layer[AI_K_WINOGRAD_DEPTH], rows = layer[AI_K_WINOGRAD_ROWS];
    const int32_t pitch = rows * depth / 2 * CHANNELS;
    for (int32_t channel = 0; channel < CHANNELS; channel++) {
        uint32_t *to = (uint32_t *)weights + channel;
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
}

/* The 6 words of one tile and two input channels. */
static inline void transform_values(uint32_t *to, int32_t pitch, uint32_t x0, uint32_t x1, uint32_t x2, uint32_t x3,
                                    uint32_t x4, uint32_t x5)
{
    const uint32_t t = subtract(x4, x2), r = twice(subtract(x3, x1));
    const uint32_t p = subtract(x4, twice(twice(x2))), q = subtract(x3, twice(twice(x1)));
    to[0] = add(twice(twice(subtract(x0, x2))), t);
    to += pitch;
    to[0] = add(p, q);
    to += pitch;
    to[0] = subtract(p, q);
    to += pitch;
    to[0] = add(t, r);
    to += pitch;
    to[0] = subtract(t, r);
    to += pitch;
    to[0] = subtract(subtract(x5, x3), twice(r));
}

/* Both tiles of four input channels; step: bytes from one column to the next. */
static inline void transform_four(uint32_t *to, int32_t pitch, const int8_t *from, int32_t step)
{
    for (int32_t tile = 0; tile < TILES; tile++) {
        const uint32_t x0 = ai_k_load_word(from), x1 = ai_k_load_word(from + step),
                       x2 = ai_k_load_word(from + 2 * step), x3 = ai_k_load_word(from + 3 * step);
        from += 4 * step;
        const uint32_t x4 = ai_k_load_word(from), x5 = ai_k_load_word(from + step);
        transform_values(to + tile, pitch, even(x0), even(x1), even(x2), even(x3), even(x4), even(x5));
        transform_values(to + tile + TILES, pitch, odd(x0), odd(x1), odd(x2), odd(x3), odd(x4), odd(x5));
    }
}

/* A row outside the image: all inputs have one value. */
static void fill_row(uint32_t *to, int32_t pitch, int32_t depth, int32_t value)
{
    const uint32_t sum = (uint32_t)(-6 * value) & 0xffffu;
    for (int32_t position = 0; position < POSITIONS; position++) {
        const uint32_t word = position == 1 ? sum | sum << 16 : 0;
        for (int32_t i = 0; i < depth; i++) {
            to[i] = word;
        }
        to += pitch;
    }
}

void ai_k_winograd_values_s8(int32_t *values, const int8_t *image, const int32_t *layer, int32_t row, int32_t column)
{
    const int32_t depth = layer[AI_K_WINOGRAD_DEPTH], width = layer[AI_K_WINOGRAD_WIDTH];
    const int32_t zero_point = layer[AI_K_WINOGRAD_ZERO_POINT], pitch = layer[AI_K_WINOGRAD_ROWS] * depth;
    uint32_t *to = (uint32_t *)values;
    if (row < 0 || row >= layer[AI_K_WINOGRAD_HEIGHT]) {
        fill_row(to, pitch, depth, zero_point);
        return;
    }
    const int32_t start = (row * width + column) * depth;
    const int32_t first = ai_k_clamp(-column, 0, COLUMNS), end = ai_k_clamp(width - column, first, COLUMNS);
    if (first == 0 && end == COLUMNS) {
        for (int32_t k = 0; k < depth; k += 4) {
            transform_four(to + k, pitch, image + (start + k), depth);
        }
        return;
    }
    int8_t columns[4 * COLUMNS];
    memset(columns, zero_point, sizeof columns);
    for (int32_t k = 0; k < depth; k += 4) {
        for (int32_t i = first; i < end; i++) {
            memcpy(columns + 4 * i, image + (start + i * depth + k), 4);
        }
        transform_four(to + k, pitch, columns, 4);
    }
}

#if AI_K_DSP
/* Registers
 *   r0 - r7  sums: 2 * channel + tile        r8 r9    values of either tile
 *   r10 r11  weights of two channels         r12      values        lr       weights
 * Stack
 *   0 end of the values to go through   4 values of the position   8 products   12 positions left
 *   16 bytes of a position's values     20 bytes before the kernel's first row   60 first   64 depth
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
    " sub sp, sp, #24\n"
    " ldrd r4, r5, [sp, #60]\n" /* first, depth */
    " mov lr, r1\n"
    " lsl r5, r5, #2\n"
    " mul r6, r5, r3\n"
    " mul r7, r5, r4\n"
    " movs r8, #6\n"
    " strd r2, r0, [sp, #4]\n"
    " strd r8, r6, [sp, #12]\n"
    " str r7, [sp, #20]\n"

    ".p2align 2\n"
    "ai_k_winograd_position:\n"
    " ldr r8, [sp, #4]\n"
    " ldrd r9, r10, [sp, #16]\n"
    " movs r0, #0\n"
    " movs r1, #0\n"
    " movs r2, #0\n"
    " movs r3, #0\n"
    " movs r4, #0\n"
    " movs r5, #0\n"
    " movs r6, #0\n"
    " movs r7, #0\n"
    " add r12, r8, r10\n" /* the first kernel row .. the end */
    " add r9, r8, r9\n"
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

    " ldr r8, [sp, #4]\n"
    " ldrd r9, r10, [sp, #16]\n"
    " add r11, r8, r9\n"
    " cmp r12, r11\n"
    " bne 1f\n"
    " cmp r10, #0\n"
    " beq 1f\n"
    " mov r12, r8\n" /* the start .. the first kernel row */
    " add r11, r8, r10\n"
    " str r11, [sp, #0]\n"
    " b.w ai_k_winograd_steps\n"
    "1:\n"
    " add r8, r8, r9\n"
    " ldrd r9, r10, [sp, #8]\n"
    " stm r9!, {r0-r7}\n"
    " strd r8, r9, [sp, #4]\n"
    " subs r10, r10, #1\n"
    " str r10, [sp, #12]\n"
    " bne.w ai_k_winograd_position\n"
    " add sp, sp, #24\n"
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

void ai_k_winograd_multiply(int32_t *products, const int32_t *weights, const int32_t *values, int32_t rows,
                            int32_t first, int32_t depth)
{
    const int32_t late = first * depth / 2, early = rows * depth / 2 - late;
    for (int32_t position = 0; position < POSITIONS; position++) {
        uint32_t sums[CHANNELS * TILES] = {0};
        multiply_position(sums, weights, values + TILES * late, early);
        multiply_position(sums, weights + CHANNELS * early, values, late);
        memcpy(products, sums, sizeof sums);
        products += CHANNELS * TILES;
        weights += CHANNELS * (early + late);
        values += TILES * (early + late);
    }
}
#endif

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

void ai_k_winograd_output_s8(int8_t *out, const int32_t *products, const int32_t *record, int32_t out_stride,
                             int32_t count, int32_t zero_point)
{
    const int is_signed = zero_point != -128;
    uint32_t shifts = (uint32_t)record[CHANNELS];
    for (int32_t channel = 0; channel < CHANNELS; channel++, shifts >>= 8) {
        const int32_t shift = (int32_t)(shifts & 255u), multiplier = record[CHANNELS + 1 + channel];
        const int32_t zero = ai_k_shift_left(2 * zero_point + 1, shift);
        int8_t *to = out + channel;
        for (int32_t tile = 0, left = count; tile < TILES && left > 0; tile++, left -= OUTPUTS, products++) {
            int32_t doubled[OUTPUTS];
            combine(doubled, products, record[channel]);
            for (int32_t i = 0; i < OUTPUTS; i++) {
                if (i < left) {
                    *to = scale(doubled[i], multiplier, shift, zero, is_signed);
                }
                to += out_stride;
            }
        }
        products += count <= OUTPUTS;
    }
}
