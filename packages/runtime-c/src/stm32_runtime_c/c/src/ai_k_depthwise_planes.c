/* SPDX-License-Identifier: Apache-2.0 */
/* Depthwise convolution 3 x 3 on planes of few rows: what lies outside of the image is not multiplied at all. */
#include "ai_k_arith.h"
#include "ai_k_depthwise.h"

#define LANES 4
#define RECORD 5 /* words */

/* Bytes 0 and 2 (even) or 1 and 3 (odd) of a word, each plus a halfword of `base`. */
static inline uint32_t even_plus(uint32_t base, uint32_t word)
{
#if AI_K_DSP
    uint32_t halves;
    __asm__("sxtab16 %0, %1, %2" : "=r"(halves) : "r"(base), "r"(word));
    return halves;
#else
    const int32_t low = (int16_t)(base & 0xffffu) + (int8_t)(word & 0xffu);
    const int32_t high = (int16_t)(base >> 16) + (int8_t)((word >> 16) & 0xffu);
    return ((uint32_t)low & 0xffffu) | ((uint32_t)high << 16);
#endif
}

static inline uint32_t odd_plus(uint32_t base, uint32_t word)
{
#if AI_K_DSP
    uint32_t halves;
    __asm__("sxtab16 %0, %1, %2, ror #8" : "=r"(halves) : "r"(base), "r"(word));
    return halves;
#else
    return even_plus(base, word >> 8);
#endif
}

/* The upper halves of two words; the one of `high` on top. */
static inline uint32_t upper_halves(uint32_t low, uint32_t high)
{
#if AI_K_DSP
    uint32_t halves;
    __asm__("pkhtb %0, %1, %2, asr #16" : "=r"(halves) : "r"(high), "r"(low));
    return halves;
#else
    return (low >> 16) | (high & 0xffff0000u);
#endif
}

/* Column c of lane i: words i * plane + 2 * (c + 1) and the next one hold rows 0, 1 and 2, 3, less the zero point. */
static inline void widen_planes(int32_t *pairs, const int8_t *x, const ai_k_depthwise_rows *s)
{
    const uint32_t zeros = ((uint32_t)s->input_zero_point & 0xffu) * 0x01010101u;
    const uint32_t minus = ((uint32_t)-s->input_zero_point & 0xffffu) * 0x00010001u;
    const int32_t channels = s->channels, plane = s->plane, line = s->width * channels;
    int8_t outside[LANES];
    memcpy(outside, &zeros, sizeof outside);
    for (int32_t row = 0; row < s->height; row += 2, x += 2 * line) {
        const int inside = row + 1 < s->height;
        const int8_t *upper = x, *lower = inside ? x + line : outside;
        const int32_t lower_step = inside ? channels : 0;
        int32_t *to = pairs + 2 + row / 2;
        for (const int8_t *end = x + line; upper < end; upper += channels, lower += lower_step, to += 2) {
            const uint32_t a = ai_k_load_word(upper), b = ai_k_load_word(lower);
            const uint32_t first = (a & 0xffffu) | (b << 16), last = upper_halves(a, b);
            to[0] = (int32_t)even_plus(minus, first);
            to[plane] = (int32_t)odd_plus(minus, first);
            to[2 * plane] = (int32_t)even_plus(minus, last);
            to[3 * plane] = (int32_t)odd_plus(minus, last);
        }
    }
}

#if AI_K_DSP
/* pairs: of the first lane, at the column before the image; step: bytes from an output row to the next, last: to the
 * last one; plane and width (8 * columns) in bytes; offset: zero_point * 2^10 + 2^9 with relu, else zero_point. */
void ai_k_dwp_relu(const int32_t *pairs, const int32_t *records, int8_t *out, int32_t lanes, int32_t step, int32_t last,
                   int32_t channels, int32_t plane, int32_t width, int32_t offset, int32_t rows);
void ai_k_dwp_any(const int32_t *pairs, const int32_t *records, int8_t *out, int32_t lanes, int32_t step, int32_t last,
                  int32_t channels, int32_t plane, int32_t width, int32_t offset, int32_t rows);

/* Registers
 *   r0 pairs of rows, at the column before the one that is computed   r1 out
 *   r4 .. r9  weights u = (w0, w1) and v = (w1, w2) of window columns 0, 1, 2, scaled
 *   r2 r3 r10 r11 sums of output rows 0 to 3   r12 lr  rows (0, 1) and (2, 3) of a column
 * Stack
 *   0 bias   4 multiplier   8 rounding and zero point   12 right shift   16 end of the columns
 *   20 pairs   24 records   28 out   32 lanes left
 *   72 step   76 from the first to the last row   80 channels   84 plane   88 width   92 offset   96 rows
 */
/* clang-format off */
__asm__(
    ".syntax unified\n"
    /* Bytes w0, w1, w2 of a word times lr to u and v. */
    ".macro ai_k_dwp_unpack u, v, word\n"
    " sxtb16 r10, \\word\n" /* w0, w2 */
    " sxtb r11, \\word, ror #8\n"
    " mul r11, r11, lr\n"
    " smulbb r12, r10, lr\n"
    " smultb r10, r10, lr\n"
    " pkhbt \\u, r12, r11, lsl #16\n"
    " pkhbt \\v, r11, r10, lsl #16\n"
    ".endm\n"
    /* Adds a column to the sums of 4 rows, which begin with s0 .. s3. */
    ".macro ai_k_dwp_column u, v, s0, s1, s2, s3\n"
    " smlad r2, r12, \\v, \\s0\n"
    " smlad r3, r12, \\u, \\s1\n"
    " smlabt r3, lr, \\v, r3\n"
    " smlatb r10, r12, \\u, \\s2\n"
    " smlad r10, lr, \\v, r10\n"
    " smlad r11, lr, \\u, \\s3\n"
    ".endm\n"
    /* Sums to int8. */
    ".macro ai_k_dwp_finish_relu x:vararg\n"
    " ldrd r12, lr, [sp, #4]\n"
    " .irp sum, \\x\n"
    " smmla \\sum, \\sum, r12, lr\n"
    " .endr\n"
    " .irp sum, \\x\n"
    " ssat \\sum, #8, \\sum, asr #10\n"
    " .endr\n"
    ".endm\n"
    ".macro ai_k_dwp_finish_any x:vararg\n" /* halves away from zero */
    " ldrd r12, lr, [sp, #4]\n"
    " .irp sum, \\x\n"
    " smmulr \\sum, \\sum, r12\n"
    " add \\sum, \\sum, \\sum, asr #31\n"
    " add \\sum, \\sum, lr\n"
    " .endr\n"
    " ldr r12, [sp, #12]\n"
    " .irp sum, \\x\n"
    " asr \\sum, \\sum, r12\n"
    " ssat \\sum, #8, \\sum\n"
    " .endr\n"
    ".endm\n"
    /* All columns of a plane of 3 or 4 rows. */
    ".macro ai_k_dwp_plane finish\n"
    "1: ldr r11, [sp, #0]\n"
    " ldr r12, [r0]\n"
    " ldr lr, [r0, #4]\n"
    " ai_k_dwp_column r4, r5, r11, r11, r11, r11\n"
    " ldr r12, [r0, #8]!\n"
    " ldr lr, [r0, #4]\n"
    " ai_k_dwp_column r6, r7, r2, r3, r10, r11\n"
    " ldr r12, [r0, #8]\n"
    " ldr lr, [r0, #12]\n"
    " ai_k_dwp_column r8, r9, r2, r3, r10, r11\n"
    " \\finish r2, r3, r10, r11\n"
    " ldrd r12, lr, [sp, #72]\n"
    " strb r11, [r1, lr]\n" /* of 3 rows the third one comes over it */
    " strb r10, [r1, r12, lsl #1]\n"
    " strb r3, [r1, r12]\n"
    " strb r2, [r1]\n"
    " ldr r12, [sp, #80]\n"
    " ldr lr, [sp, #16]\n"
    " add r1, r1, r12\n"
    " cmp r0, lr\n"
    " bne 1b\n"
    ".endm\n"
    ".macro ai_k_dwp_offset_relu\n" /* r4: byte 3 is the rounding */
    " asr r6, r4, #24\n"
    " lsl r6, r7, r6\n"
    " add r5, r5, r6, lsr #1\n"
    ".endm\n"
    ".macro ai_k_dwp_offset_any\n" /* r2: byte 3 is the right shift */
    " asr r6, r2, #24\n"
    " str r6, [sp, #12]\n"
    " lsl r5, r5, r6\n"
    " lsl r6, r7, r6\n"
    " add r5, r5, r6, lsr #1\n"
    ".endm\n"

    ".macro ai_k_dwp name, finish, offset\n"
    " .pushsection .text.\\name, \"ax\", %progbits\n"
    " .thumb\n"
    " .balign 4\n"
    " .global \\name\n"
    " .type \\name, %function\n"
    " .thumb_func\n"
    "\\name:\n"
    " push {r0-r11, lr}\n"
    " sub sp, #20\n"
    "9: ldr r1, [sp, #24]\n" /* a lane */
    " ldm r1!, {r2-r6}\n"
    " str r1, [sp, #24]\n"
    " str r5, [sp, #0]\n"
    " str r6, [sp, #4]\n"
    " ldr r5, [sp, #92]\n"
    " mov r7, #1\n"
    " \\offset\n"
    " str r5, [sp, #8]\n"
    " asr lr, r3, #24\n" /* scale of the weights */
    " lsl lr, r7, lr\n"
    " ai_k_dwp_unpack r8, r9, r4\n"
    " ai_k_dwp_unpack r6, r7, r3\n"
    " ai_k_dwp_unpack r4, r5, r2\n"
    " ldr r0, [sp, #20]\n"
    " ldr r1, [sp, #28]\n"
    " ldr r2, [sp, #84]\n"
    " ldr r10, [sp, #96]\n"
    " add r2, r0, r2\n"
    " add r11, r1, #1\n"
    " str r2, [sp, #20]\n"
    " str r11, [sp, #28]\n"
    " cmp r10, #3\n"
    " bge 3f\n"
    /* 2 x 2: r2, r3, r10, r11 are the 4 outputs, row by row; r12 and lr the two columns. */
    " ldr r11, [sp, #0]\n"
    " ldr r12, [r0, #8]\n"
    " ldr lr, [r0, #16]\n"
    " smlad r2, r12, r7, r11\n"
    " smlad r3, r12, r5, r11\n"
    " smlad r10, r12, r6, r11\n"
    " smlad r11, r12, r4, r11\n"
    " smlad r2, lr, r9, r2\n"
    " smlad r3, lr, r7, r3\n"
    " smlad r10, lr, r8, r10\n"
    " smlad r11, lr, r6, r11\n"
    " \\finish r2, r3, r10, r11\n"
    " ldr r12, [sp, #80]\n"
    " strb r2, [r1]\n"
    " strb r3, [r1, r12]\n"
    " strb r10, [r1, r12, lsl #1]\n"
    " add r1, r1, r12, lsl #1\n"
    " strb r11, [r1, r12]\n"
    "8: ldr r3, [sp, #32]\n"
    " subs r3, r3, #1\n"
    " str r3, [sp, #32]\n"
    " bne 9b\n"
    " add sp, #36\n"
    " pop {r4-r11, pc}\n"
    "3: ldr r3, [sp, #88]\n"
    " add r3, r0, r3\n"
    " str r3, [sp, #16]\n"
    " ai_k_dwp_plane \\finish\n"
    " b 8b\n"
    " .size \\name, . - \\name\n"
    " .popsection\n"
    ".endm\n"
    " ai_k_dwp ai_k_dwp_relu, ai_k_dwp_finish_relu, ai_k_dwp_offset_relu\n"
    " ai_k_dwp ai_k_dwp_any, ai_k_dwp_finish_any, ai_k_dwp_offset_any\n");
/* clang-format on */

#define WINDOWS(name, offset)                                                                                          \
    static inline void windows_##name(const int32_t *pairs, const int32_t *records, int8_t *out, int32_t lanes,        \
                                      const ai_k_depthwise_rows *s)                                                    \
    {                                                                                                                  \
        const int32_t step = s->width * s->channels;                                                                   \
        ai_k_dwp_##name(pairs, records, out, lanes, step, (s->height - 1) * step, s->channels, 4 * s->plane,           \
                        8 * s->width, offset, s->height);                                                              \
    }
WINDOWS(relu, ai_k_shift_left(s->zero_point, 10) + 512)
WINDOWS(any, s->zero_point)
#else
static inline int32_t value_at(const int32_t *plane, int32_t row, int32_t column)
{
    const uint32_t pair = (uint32_t)plane[2 * (column + 1) + row / 2];
    return (int16_t)(row % 2 ? pair >> 16 : pair & 0xffffu);
}

/* Sum of the window around (row, column), rows outside of the image left out; the columns beside it are 0. */
static int32_t plane_sum(const int32_t *plane, const int8_t *weights, int32_t row, int32_t column, int32_t height)
{
    int32_t sum = 0;
    for (int32_t i = 0; i < 3; i++) {
        const int32_t from = row + i - 1;
        for (int32_t j = 0; from >= 0 && from < height && j < 3; j++) {
            sum += value_at(plane, from, column + j - 1) * weights[4 * j + i];
        }
    }
    return sum;
}

static int8_t plane_result(int32_t sum, const int32_t *record, const int8_t *bytes, int32_t zero_point, int relu)
{
    const uint32_t scaled = ((uint32_t)sum << (uint32_t)bytes[7]) + (uint32_t)record[3];
    const int64_t product = (int64_t)(int32_t)scaled * record[4];
    const int32_t high = (int32_t)((product + (relu ? 0 : INT64_C(1) << 31)) >> 32);
    const int32_t shift = bytes[3], away = relu ? 0 : high >> 31;
    const int32_t offset =
        ai_k_shift_left(zero_point, shift) + ai_k_shift_left(1, shift) / 2 + ai_k_shift_left(1, bytes[11]) / 2;
    return (int8_t)ai_k_clamp((high + away + offset) >> shift, -128, 127);
}

static inline void windows(const int32_t *pairs, const int32_t *records, int8_t *out, int32_t lanes,
                           const ai_k_depthwise_rows *s, int relu)
{
    for (int32_t lane = 0; lane < lanes; lane++, records += RECORD, pairs += s->plane) {
        int8_t bytes[12];
        memcpy(bytes, records, sizeof bytes);
        for (int32_t pixel = 0; pixel < s->height * s->width; pixel++) {
            const int32_t sum = plane_sum(pairs, bytes, pixel / s->width, pixel % s->width, s->height);
            out[pixel * s->channels + lane] = plane_result(sum, records, bytes, s->zero_point, relu);
        }
    }
}
#define windows_relu(pairs, records, out, lanes, s) windows(pairs, records, out, lanes, s, 1)
#define windows_any(pairs, records, out, lanes, s) windows(pairs, records, out, lanes, s, 0)
#endif

#define PLANES(name, form)                                                                                             \
    void ai_k_depthwise_planes_##name(int32_t *pairs, const int8_t *x, const int32_t *records, int8_t *out,            \
                                      const int16_t *sizes)                                                            \
    {                                                                                                                  \
        const ai_k_depthwise_rows *s = ai_k_depthwise_rows_of(sizes);                                                  \
        for (int32_t left = s->channels; left > 0; left -= LANES) {                                                    \
            const int32_t more = left < LANES ? LANES - left : 0; /* channels before come along */                     \
            widen_planes(pairs, x - more, s);                                                                          \
            windows_##form(pairs + more * s->plane, records, out, LANES - more, s);                                    \
            x += LANES;                                                                                                \
            out += LANES;                                                                                              \
            records += LANES * RECORD;                                                                                 \
        }                                                                                                              \
    }

PLANES(s8, any)
PLANES(relu_s8, relu)
