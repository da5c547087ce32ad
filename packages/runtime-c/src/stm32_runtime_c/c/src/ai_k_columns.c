/* SPDX-License-Identifier: Apache-2.0 */
/* Patches of the input, widened to 16 bits (ai_k_conv_d8.h). */
#include <stddef.h>

#include "ai_k_arith.h"
#include "ai_k_conv_d8.h"

/* Two values as the halves of a word. */
static inline int32_t halves(int32_t low, int32_t high)
{
    return (int32_t)(((uint32_t)low & 0xffffu) | (uint32_t)high << 16);
}

/* The last 1 to 3 values of a row, one of n pixels; returns the steps. */
static int32_t widen_rest(int32_t *columns, const int8_t *values, int32_t count, int32_t n)
{
    if (count < 3) {
        columns[0] = count == 1 ? values[0] : halves(values[0], values[1]);
        return 1;
    }
    columns[0] = halves(values[0], values[2]);
    columns[n] = halves(values[1], 0);
    return 2;
}

#if AI_K_DSP
/* Four values of one of n pixels. */
static inline void widen_4(int32_t *columns, const int8_t *values, int32_t n)
{
    const uint32_t word = ai_k_load_word(values);
    columns[0] = (int32_t)ai_k_even_bytes(word);
    columns[n] = (int32_t)ai_k_odd_bytes(word);
}

/* Four values of both pixels, `fours` times. */
static inline void widen_pair(int32_t **columns, const int8_t **first, const int8_t **second, int32_t fours)
{
    int32_t *to = *columns;
    const int8_t *from0 = *first, *from1 = *second;
    /* clang-format off */
    /* r4 r5: values 0 2 of either pixel, r6 r8: values 1 3; an odd count enters in the middle. */
    __asm__ volatile(
        " lsrs %[fours], %[fours], #1\n"
        " bcs 2f\n"
        "1:\n"
        " ldr r6, [%[from0]], #4\n"
        " ldr r8, [%[from1]], #4\n"
        " sxtb16 r4, r6\n"
        " sxtb16 r5, r8\n"
        " sxtb16 r6, r6, ror #8\n"
        " sxtb16 r8, r8, ror #8\n"
        " stm %[to]!, {r4, r5, r6, r8}\n"
        " subs %[fours], %[fours], #1\n"
        "2:\n"
        " ldr r6, [%[from0]], #4\n"
        " ldr r8, [%[from1]], #4\n"
        " sxtb16 r4, r6\n"
        " sxtb16 r5, r8\n"
        " sxtb16 r6, r6, ror #8\n"
        " sxtb16 r8, r8, ror #8\n"
        " stm %[to]!, {r4, r5, r6, r8}\n"
        " bne 1b\n"
        : [to] "+r"(to), [from0] "+r"(from0), [from1] "+r"(from1), [fours] "+r"(fours)
        :
        : "r4", "r5", "r6", "r8", "cc", "memory");
    /* clang-format on */
    *columns = to;
    *first = from0;
    *second = from1;
}
#else
static inline void widen_4(int32_t *columns, const int8_t *values, int32_t n)
{
    columns[0] = halves(values[0], values[2]);
    columns[n] = halves(values[1], values[3]);
}

static inline void widen_pair(int32_t **columns, const int8_t **first, const int8_t **second, int32_t fours)
{
    for (int32_t i = 0; i < fours; i++) {
        widen_4(*columns, *first, 2);
        widen_4(*columns + 1, *second, 2);
        *columns += 4;
        *first += 4;
        *second += 4;
    }
}
#endif

void ai_k_columns_s8(int32_t *columns, const int8_t *first, const int8_t *second, int32_t count, int32_t rows,
                     int32_t pitch)
{
    const int32_t fours = count / 4, rest = count % 4;
    const int32_t skip = pitch - 4 * fours;
    for (int32_t row = 0; row < rows; row++) {
        if (fours > 0) {
            widen_pair(&columns, &first, &second, fours);
        }
        if (rest > 0) {
            widen_rest(columns, first, rest, 2);
            columns += 2 * widen_rest(columns + 1, second, rest, 2);
        }
        first += skip;
        second += skip;
    }
}

/* Contiguous values of one of n pixels, a multiple of 4. */
static void widen_fours(int32_t *columns, const int8_t *values, int32_t count, int32_t n)
{
    for (int32_t i = 0; i < count; i += 4) {
        widen_4(columns, values + i, n);
        columns += 2 * n;
    }
}

/* The value outside the image. */
static void fill(int32_t *columns, int32_t steps, int32_t value, int32_t n)
{
    const int32_t both = halves(value, value);
    for (int32_t i = 0; i < steps; i++) {
        columns[n * i] = both;
    }
}

/* One kernel row, value by value: at is the place in the row of a tap's first value. */
AI_K_SELDOM static void place(int32_t *columns, const int8_t *values, int32_t zero_point, int32_t at, int32_t count,
                              int32_t total, int32_t n)
{
    for (int32_t i = 0; i < count; i++) {
        const int32_t k = at + i, left = total - k / 4 * 4;
        const int32_t value = values == NULL ? zero_point : values[i];
        const int32_t step = left == 2 ? 0 : k % 2, half = left == 2 ? k % 2 : k % 4 / 2;
        int32_t *const word = columns + n * (k / 4 * 2 + step);
        *word = half == 0 ? halves(value, value) : halves(*word, value);
    }
}

/* One kernel row inside the image whose taps may be outside or apart. */
static void clipped_row(int32_t *columns, const int8_t *row, const int32_t *patch, int32_t column, int32_t n)
{
    const int32_t depth = patch[AI_K_DEPTH], taps = patch[AI_K_TAPS];
    for (int32_t tap = 0; tap < taps; tap++, column += patch[AI_K_TAP_DILATION]) {
        const int inside = column >= 0 && column < patch[AI_K_WIDTH];
        const int8_t *const values = inside ? row + column * patch[AI_K_CHANNELS] : NULL;
        if (depth % 4 != 0) {
            place(columns, values, patch[AI_K_ZERO_POINT], tap * depth, depth, taps * depth, n);
        } else if (inside) {
            widen_fours(columns + tap * depth / 2 * n, values, depth, n);
        } else {
            fill(columns + tap * depth / 2 * n, depth / 2, patch[AI_K_ZERO_POINT], n);
        }
    }
}

/* Contiguous values of one of n pixels. */
static void widen_row(int32_t *columns, const int8_t *values, int32_t count, int32_t n)
{
    const int32_t fours = count / 4 * 4;
    widen_fours(columns, values, fours, n);
    if (count > fours) {
        (void)widen_rest(columns + fours / 2 * n, values + fours, count - fours, n);
    }
}

#if AI_K_DSP
/* Registers
 *   r0 columns   r1 - r3 r12 values of the four pixels   r4 - r7 values 0 and 2   r8 - r11 values 1 and 3   lr fours
 * Stack
 *   36 fourth   40 count   44 rows left   48 pitch, then what is left of it after the fours */
/* clang-format off */
__asm__(
    ".syntax unified\n"
    ".pushsection .text.ai_k_columns_quad_s8, \"ax\", %progbits\n"
    ".p2align 2\n"
    ".global ai_k_columns_quad_s8\n"
    ".type ai_k_columns_quad_s8, %function\n"
    ".thumb_func\n"
    "ai_k_columns_quad_s8:\n"
    " push {r4-r11, lr}\n"
    " ldrd r12, lr, [sp, #36]\n"
    " ldr r4, [sp, #48]\n"
    " bic r5, lr, #3\n"
    " subs r4, r4, r5\n"
    " str r4, [sp, #48]\n"
    " lsrs lr, lr, #2\n"
    " beq 2f\n"
    ".p2align 2\n"
    "1:\n"
    " ldr r8, [r1], #4\n"
    " ldr r9, [r2], #4\n"
    " ldr r10, [r3], #4\n"
    " ldr r11, [r12], #4\n"
    " sxtb16 r4, r8\n"
    " sxtb16 r5, r9\n"
    " sxtb16 r6, r10\n"
    " sxtb16 r7, r11\n"
    " sxtb16 r8, r8, ror #8\n"
    " sxtb16 r9, r9, ror #8\n"
    " sxtb16 r10, r10, ror #8\n"
    " sxtb16 r11, r11, ror #8\n"
    " subs lr, lr, #1\n"
    " stm r0!, {r4-r11}\n"
    " bne 1b\n"
    "2:\n" /* the last values of the row */
    " ldr r4, [sp, #40]\n"
    " ands r4, r4, #3\n"
    " beq 5f\n"
    " cmp r4, #2\n"
    " beq 3f\n"
    " bhi 4f\n"
    " ldrsb r4, [r1]\n"
    " ldrsb r5, [r2]\n"
    " ldrsb r6, [r3]\n"
    " ldrsb r7, [r12]\n"
    " stm r0!, {r4-r7}\n"
    " b 5f\n"
    "3:\n"
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
    " b 5f\n"
    "4:\n"
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
    " sxtb16 r4, r8\n"
    " sxtb16 r5, r9\n"
    " sxtb16 r6, r10\n"
    " sxtb16 r7, r11\n"
    " sxtb16 r8, r8, ror #8\n"
    " sxtb16 r9, r9, ror #8\n"
    " sxtb16 r10, r10, ror #8\n"
    " sxtb16 r11, r11, ror #8\n"
    " stm r0!, {r4-r11}\n"
    "5:\n"
    " ldrd r4, r5, [sp, #44]\n"
    " ldr lr, [sp, #40]\n"
    " add r1, r1, r5\n"
    " add r2, r2, r5\n"
    " add r3, r3, r5\n"
    " add r12, r12, r5\n"
    " subs r4, r4, #1\n"
    " str r4, [sp, #44]\n"
    " beq 6f\n"
    " lsrs lr, lr, #2\n"
    " bne 1b\n"
    " b 2b\n"
    "6:\n"
    " pop {r4-r11, pc}\n"
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
            widen_row(columns + pixel, from[pixel] + row * pitch, count, 4);
        }
    }
}
#endif

enum { ROW_BYTES = 64 };

/* A patch of short rows whose taps touch: the part of each row that is inside is put between values outside. */
AI_K_SELDOM static void clipped_short_rows(int32_t *columns, const int8_t *image, const int32_t *patch, int32_t row,
                                           int32_t column, int32_t n)
{
    const int32_t depth = patch[AI_K_DEPTH], width = patch[AI_K_WIDTH], count = patch[AI_K_TAPS] * depth;
    const int32_t zero_point = patch[AI_K_ZERO_POINT];
    const int32_t first = ai_k_clamp(-column * depth, 0, count),
                  last = ai_k_clamp((width - column) * depth, first, count);
    int8_t inside[ROW_BYTES];
    for (int32_t k = 0; k < count; k++) {
        inside[k] = (int8_t)zero_point;
    }
    for (int32_t i = 0; i < patch[AI_K_ROWS]; i++, row += patch[AI_K_ROW_DILATION]) {
        if (row < 0 || row >= patch[AI_K_HEIGHT]) {
            fill(columns, AI_K_STEPS(count), zero_point, n);
        } else {
            const int32_t start = (row * width + column) * depth;
            for (int32_t k = first; k < last; k++) {
                inside[k] = image[start + k];
            }
            widen_row(columns, inside, count, n);
        }
        columns += n * AI_K_STEPS(count);
    }
}

void ai_k_columns_clipped_s8(int32_t *columns, int32_t pixels, const int8_t *image, const int32_t *patch, int32_t row,
                             int32_t column)
{
    const int32_t pitch = patch[AI_K_WIDTH] * patch[AI_K_CHANNELS], count = patch[AI_K_TAPS] * patch[AI_K_DEPTH];
    const int contiguous = patch[AI_K_TAP_DILATION] == 1 && patch[AI_K_DEPTH] == patch[AI_K_CHANNELS];
    const int whole = contiguous && column >= 0 && column + patch[AI_K_TAPS] <= patch[AI_K_WIDTH];
    if (contiguous && !whole && patch[AI_K_DEPTH] % 4 != 0 && count <= ROW_BYTES) {
        clipped_short_rows(columns, image, patch, row, column, pixels);
        return;
    }
    for (int32_t i = 0; i < patch[AI_K_ROWS]; i++, row += patch[AI_K_ROW_DILATION]) {
        const int8_t *const from = image + row * pitch;
        if (row < 0 || row >= patch[AI_K_HEIGHT]) {
            fill(columns, AI_K_STEPS(count), patch[AI_K_ZERO_POINT], pixels);
        } else if (whole) {
            widen_row(columns, from + column * patch[AI_K_CHANNELS], count, pixels);
        } else {
            clipped_row(columns, from, patch, column, pixels);
        }
        columns += pixels * AI_K_STEPS(count);
    }
}
