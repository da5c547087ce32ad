/* SPDX-License-Identifier: Apache-2.0 */
/* Patches at the border of the input or with taps apart, widened to 16 bits (ai_k_conv_d8.h). */
#include <stddef.h>

#include "ai_k_columns.h"

/* A patch with steps outside the image: an array of these numbers. */
enum {
    PART_FIRST,   /* steps outside before the first row's values */
    PART_COUNT,   /* values of a row, contiguous */
    PART_BETWEEN, /* steps outside between the values of two rows */
    PART_LAST,    /* steps outside after the last row's values */
    PART_ROWS,    /* that have values; counted down */
    PART_PITCH,   /* from the end of a row's values to the next row's */
    PART_OUTSIDE, /* value outside, in both halves */
    PART_NUMBERS
};

#if AI_K_DSP
/* One of n pixels.
 * Registers
 *   r0 columns   r1 from   r2 part   r3 bytes from step to step   r12 both values outside
 *   r4 - r7 values 0 and 2 of four fours   r8 - r11 values 1 and 3   lr pairs of steps, or values, that are left */
void ai_k_columns_part(int32_t *columns, const int8_t *from, int32_t *part, int32_t n);
/* clang-format off */
__asm__(
    ".syntax unified\n"
    ".pushsection .text.ai_k_columns_part, \"ax\", %progbits\n"
    ".p2align 2\n"
    ".global ai_k_columns_part\n"
    ".type ai_k_columns_part, %function\n"
    ".thumb_func\n"

    ".macro ai_k_columns_put even, odd\n"
    " str \\even, [r0]\n"
    " str \\odd, [r0, r3]\n"
    " add r0, r0, r3, lsl #1\n"
    ".endm\n"

    "ai_k_columns_part:\n"
    " push {r4-r11, lr}\n"
    " lsls r3, r3, #2\n"
    " ldr r12, [r2, #24]\n"
    " ldr lr, [r2]\n"
    "1:\n" /* lr steps outside */
    " lsrs lr, lr, #1\n"
    " bcc 2f\n"
    " str r12, [r0]\n"
    " add r0, r0, r3\n"
    "2:\n"
    " beq 4f\n"
    "3:\n"
    " str r12, [r0]\n"
    " str r12, [r0, r3]\n"
    " subs lr, lr, #1\n"
    " add r0, r0, r3, lsl #1\n"
    " bne 3b\n"
    "4:\n"
    " ldr r4, [r2, #16]\n"
    " subs r4, r4, #1\n"
    " bmi 8f\n"
    " str r4, [r2, #16]\n"
    " ldr lr, [r2, #4]\n"
    " subs lr, lr, #16\n"
    " blo 13f\n"
    "12:\n"
    " ldr r5, [r1, #4]\n"
    " ldr r6, [r1, #8]\n"
    " ldr r7, [r1, #12]\n"
    " ldr r4, [r1], #16\n"
    " sxtb16 r9, r5, ror #8\n"
    " sxtb16 r10, r6, ror #8\n"
    " sxtb16 r11, r7, ror #8\n"
    " sxtb16 r8, r4, ror #8\n"
    " sxtb16 r5, r5\n"
    " sxtb16 r6, r6\n"
    " sxtb16 r7, r7\n"
    " sxtb16 r4, r4\n"
    " ai_k_columns_put r4, r8\n"
    " ai_k_columns_put r5, r9\n"
    " ai_k_columns_put r6, r10\n"
    " subs lr, lr, #16\n"
    " ai_k_columns_put r7, r11\n"
    " bhs 12b\n"
    "13:\n" /* less than sixteen: lr is that less 16 */
    " adds lr, lr, #12\n"
    " bmi 15f\n"
    "14:\n"
    " ldr r4, [r1], #4\n"
    " subs lr, lr, #4\n"
    " sxtb16 r8, r4, ror #8\n"
    " sxtb16 r4, r4\n"
    " ai_k_columns_put r4, r8\n"
    " bpl 14b\n"
    "15:\n" /* less than four: lr is that less 4 */
    " adds lr, lr, #4\n"
    " beq 17f\n"
    " ldrsb r4, [r1], #1\n"
    " subs lr, lr, #2\n"
    " bmi 16f\n"
    " ldrsb r5, [r1], #1\n"
    " pkhbt r4, r4, r5, lsl #16\n"
    " beq 16f\n"
    " ldrsb r6, [r1], #1\n"
    " pkhbt r4, r4, r6, lsl #16\n"
    " str r4, [r0]\n"
    " add r0, r0, r3\n"
    " uxth r4, r5\n"
    "16:\n"
    " str r4, [r0]\n"
    " add r0, r0, r3\n"
    "17:\n"
    " ldrd r4, r5, [r2, #16]\n"
    " adds r1, r1, r5\n"
    " cmp r4, #0\n"
    " ite eq\n"
    " ldreq lr, [r2, #12]\n"
    " ldrne lr, [r2, #8]\n"
    " b 1b\n"
    "8:\n"
    " pop {r4-r11, pc}\n"
    ".size ai_k_columns_part, . - ai_k_columns_part\n"
    ".popsection\n");
/* clang-format on */
#else
static int32_t *outside(int32_t *columns, int32_t steps, int32_t value, int32_t n)
{
    for (int32_t i = 0; i < steps; i++) {
        columns[n * i] = value;
    }
    return columns + n * steps;
}

/* One of n pixels. */
static void ai_k_columns_part(int32_t *columns, const int8_t *from, int32_t *part, int32_t n)
{
    columns = outside(columns, part[PART_FIRST], part[PART_OUTSIDE], n);
    while (part[PART_ROWS]-- > 0) {
        columns = ai_k_widen_row(columns, from, part[PART_COUNT], n);
        const int32_t steps = part[part[PART_ROWS] == 0 ? PART_LAST : PART_BETWEEN];
        columns = outside(columns, steps, part[PART_OUTSIDE], n);
        from += part[PART_COUNT] + part[PART_PITCH];
    }
}
#endif

static inline int32_t pair_of(int32_t low, int32_t high)
{
    return (int32_t)halves((uint32_t)low, (uint32_t)high);
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
        *word = half == 0 ? pair_of(value, value) : pair_of(*word, value);
    }
}

/* One kernel row inside the image whose taps may be outside or apart. */
AI_K_SELDOM static void scattered_row(int32_t *columns, const int8_t *row, const int32_t *patch, int32_t column,
                                      int32_t n)
{
    const int32_t depth = patch[AI_K_DEPTH], taps = patch[AI_K_TAPS], zero_point = patch[AI_K_ZERO_POINT];
    for (int32_t tap = 0; tap < taps; tap++, column += patch[AI_K_TAP_DILATION]) {
        const int inside = column >= 0 && column < patch[AI_K_WIDTH];
        const int8_t *const values = inside ? row + column * patch[AI_K_CHANNELS] : row;
        if (depth % 4 != 0) {
            place(columns, inside ? values : NULL, zero_point, tap * depth, depth, taps * depth, n);
        } else {
            int32_t part[PART_NUMBERS] = {inside ? 0 : depth / 2,         depth, 0, 0, inside, 0,
                                          pair_of(zero_point, zero_point)};
            ai_k_columns_part(columns + tap * depth / 2 * n, values, part, n);
        }
    }
}

/* A patch whose taps are apart, or one of long rows whose depth is no multiple of 4. */
AI_K_SELDOM static void scattered_rows(int32_t *columns, const int8_t *image, const int32_t *patch, int32_t row,
                                       int32_t column, int32_t n)
{
    const int32_t steps = AI_K_STEPS(patch[AI_K_TAPS] * patch[AI_K_DEPTH]), zero_point = patch[AI_K_ZERO_POINT];
    for (int32_t i = 0; i < patch[AI_K_ROWS]; i++, row += patch[AI_K_ROW_DILATION]) {
        if (row < 0 || row >= patch[AI_K_HEIGHT]) {
            int32_t part[PART_NUMBERS] = {steps, 0, 0, 0, 0, 0, pair_of(zero_point, zero_point)};
            ai_k_columns_part(columns, image, part, n);
        } else {
            scattered_row(columns, image + row * patch[AI_K_WIDTH] * patch[AI_K_CHANNELS], patch, column, n);
        }
        columns += n * steps;
    }
}

enum { PATCH_BYTES = 48 };

/* Rows and taps of a patch that are inside the image: from top to before bottom, from first to before end. */
typedef struct {
    int32_t top, bottom, first, end;
} clip;

/* A patch of short rows whose taps touch: what of it is inside, from there on, is put between values outside; part is
 * working memory. */
AI_K_SELDOM static void clipped_bytes(int32_t *columns, const int8_t *from, const int32_t *patch, const clip *inside,
                                      int32_t n, int32_t part[PART_NUMBERS])
{
    const int32_t depth = patch[AI_K_DEPTH], count = patch[AI_K_TAPS] * depth, rows = patch[AI_K_ROWS];
    const int32_t held = PATCH_BYTES / count, pitch = patch[AI_K_ROW_DILATION] * patch[AI_K_WIDTH] * depth;
    const int32_t kept = (inside->end - inside->first) * depth;
    const uint32_t value = (uint8_t)patch[AI_K_ZERO_POINT] * 0x01010101u;
    uint32_t words[PATCH_BYTES / 4];
    for (int32_t start = 0; start < rows; start += held) {
        const int32_t behind = rows - start < held ? rows : start + held, taken = behind - start;
        for (int32_t k = 0; k < count * taken; k += 4) {
            words[k / 4] = value;
        }
        const int32_t low = inside->top > start ? inside->top : start;
        int8_t *to = (int8_t *)words + (low - start) * count + inside->first * depth;
        for (int32_t row = low; row < inside->bottom && row < behind; row++) {
            int32_t k = 0;
            for (; k <= kept - 4; k += 4) {
                memcpy(to + k, from + k, 4);
            }
            for (; k < kept; k++) {
                to[k] = from[k];
            }
            to += count;
            from += pitch;
        }
        memset(part, 0, PART_NUMBERS * sizeof *part);
        part[PART_COUNT] = count;
        part[PART_ROWS] = taken;
        ai_k_columns_part(columns, (const int8_t *)words, part, n);
        columns += n * taken * AI_K_STEPS(count);
    }
}

/* What of the patch that starts at (row, column) is inside. Most patches are inside but for one side. */
static inline clip clip_patch(const int32_t *patch, int32_t row, int32_t column)
{
    const int32_t apart = patch[AI_K_ROW_DILATION], height = patch[AI_K_HEIGHT], width = patch[AI_K_WIDTH];
    clip inside = {0, patch[AI_K_ROWS], 0, patch[AI_K_TAPS]};
    if (row < 0) {
        inside.top = ai_k_clamp((apart - 1 - row) / apart, 0, inside.bottom);
    }
    if (row + (inside.bottom - 1) * apart >= height) {
        inside.bottom = ai_k_clamp((height + apart - 1 - row) / apart, inside.top, inside.bottom);
    }
    if (column < 0) {
        inside.first = -column < inside.end ? -column : inside.end;
    }
    if (width - column < inside.end) {
        inside.end = width - column > inside.first ? width - column : inside.first;
    }
    return inside;
}

void ai_k_columns_clipped_s8(int32_t *columns, int32_t pixels, const int8_t *image, const int32_t *patch, int32_t row,
                             int32_t column)
{
    const int32_t depth = patch[AI_K_DEPTH], taps = patch[AI_K_TAPS], rows = patch[AI_K_ROWS];
    if (depth != patch[AI_K_CHANNELS] || patch[AI_K_TAP_DILATION] != 1) {
        scattered_rows(columns, image, patch, row, column, pixels);
        return;
    }
    const clip inside = clip_patch(patch, row, column);
    int32_t part[PART_NUMBERS];
    const int32_t taken = inside.end - inside.first, high = inside.bottom - inside.top;
    const int32_t apart = patch[AI_K_ROW_DILATION], line = patch[AI_K_WIDTH] * depth;
    const int8_t *const from =
        taken > 0 && high > 0 ? image + (row + inside.top * apart) * line + (column + inside.first) * depth : image;
    if (taken == taps || depth % 4 == 0) {
        const uint32_t steps = AI_K_STEPS((uint32_t)(taps * depth));
        const int32_t left = (int32_t)((uint32_t)(inside.first * depth) / 2);
        const int32_t right = (int32_t)((uint32_t)((taps - inside.end) * depth) / 2);
        part[PART_FIRST] = high > 0 ? inside.top * (int32_t)steps + left : rows * (int32_t)steps;
        part[PART_COUNT] = taken * depth;
        part[PART_BETWEEN] = left + right;
        part[PART_LAST] = right + (rows - inside.bottom) * (int32_t)steps;
        part[PART_ROWS] = high;
        part[PART_PITCH] = apart * line - taken * depth;
        part[PART_OUTSIDE] = pair_of(patch[AI_K_ZERO_POINT], patch[AI_K_ZERO_POINT]);
        ai_k_columns_part(columns, from, part, pixels);
    } else if (taps * depth <= PATCH_BYTES) {
        clipped_bytes(columns, from, patch, &inside, pixels, part);
    } else {
        scattered_rows(columns, image, patch, row, column, pixels);
    }
}
