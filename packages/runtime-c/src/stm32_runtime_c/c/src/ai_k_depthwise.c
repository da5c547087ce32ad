/* SPDX-License-Identifier: Apache-2.0 */
#include "ai_k_depthwise.h"

#include "ai_k_arith.h"

#define LANES 4
#define RECORD 5

/* Sizes of a call; the assembly reads them in this order. */
typedef struct {
    int32_t pitch;      /* bytes from a pair of rows to the next */
    int32_t rows;       /* output rows */
    int32_t columns;    /* output columns */
    int32_t channels;   /* bytes from an output pixel to the next */
    int32_t zero_point; /* of the output */
} window_sizes;

typedef void window_kernel(const int32_t *pairs, const int32_t *record, int8_t *out, const window_sizes *sizes);

static inline uint32_t pair_of(int32_t low, int32_t high)
{
    return ((uint32_t)low & 0xffffu) | ((uint32_t)high << 16);
}

/* One row of an image and how far its pixels are apart; a row outside of it is one pixel for ever. */
typedef struct {
    const int8_t *at;
    int32_t step;
} pixel_row;

#if AI_K_DSP
/* count columns of 4 lanes. */
void ai_k_depthwise_widen(int32_t *pairs, const int8_t *first, int32_t first_step, const int8_t *second,
                          int32_t second_step, int32_t *end);
/* r0 pairs, r1 first row, r2 its step, r3 second row, then on the stack its step and the end of the pairs. */
__asm__(".pushsection .text.ai_k_depthwise_widen,\"ax\",%progbits\n"
        ".syntax unified\n"
        ".thumb\n"
        ".balign 4\n"
        ".global ai_k_depthwise_widen\n"
        ".type ai_k_depthwise_widen,%function\n"
        ".thumb_func\n"
        "ai_k_depthwise_widen:\n"
        "push {r4-r11, lr}\n"
        "ldr r12, [sp, #36]\n" /* step of the second row */
        "ldr lr, [sp, #40]\n"  /* end */
        "1: ldr r4, [r1]\n"    /* 4 channels of the first row */
        "ldr r5, [r3]\n"       /* 4 channels of the second row */
        "add r1, r1, r2\n"
        "add r3, r3, r12\n"
        "sxtb16 r6, r4\n" /* channels 0, 2 */
        "sxtb16 r7, r5\n"
        "sxtb16 r4, r4, ror #8\n" /* channels 1, 3 */
        "sxtb16 r5, r5, ror #8\n"
        "pkhbt r8, r6, r7, lsl #16\n"  /* channel 0: first row, second row */
        "pkhbt r9, r4, r5, lsl #16\n"  /* channel 1 */
        "pkhtb r10, r7, r6, asr #16\n" /* channel 2 */
        "pkhtb r11, r5, r4, asr #16\n" /* channel 3 */
        "stmia r0!, {r8-r11}\n"
        "cmp r0, lr\n"
        "bne 1b\n"
        "pop {r4-r11, pc}\n"
        ".size ai_k_depthwise_widen, . - ai_k_depthwise_widen\n"
        ".popsection\n");

static void widen_4(int32_t *pairs, const pixel_row rows[2], int32_t count)
{
    if (count > 0) {
        ai_k_depthwise_widen(pairs, rows[0].at, rows[0].step, rows[1].at, rows[1].step, pairs + count * LANES);
    }
}
#endif

static void widen(int32_t *pairs, const pixel_row rows[2], int32_t count, int32_t lanes)
{
#if AI_K_DSP
    if (lanes == LANES) {
        widen_4(pairs, rows, count);
        return;
    }
#endif
    const int8_t *first = rows[0].at, *second = rows[1].at;
    for (int32_t column = 0; column < count; column++) {
        for (int32_t lane = 0; lane < lanes; lane++) {
            pairs[column * LANES + lane] = (int32_t)pair_of(first[lane], second[lane]);
        }
        first += rows[0].step;
        second += rows[1].step;
    }
}

static int32_t *fill(int32_t *pairs, int32_t count, uint32_t value)
{
    for (int32_t i = 0; i < count * LANES; i++) {
        *pairs++ = (int32_t)value;
    }
    return pairs;
}

void ai_k_depthwise_pairs_s8(int32_t *pairs, const int8_t *x, int32_t row, int32_t count, int32_t height, int32_t width,
                             int32_t channels, int32_t lanes, int32_t left, int32_t columns, int32_t zero_point)
{
    const uint32_t zero_pair = pair_of(zero_point, zero_point);
    const int8_t zero = (int8_t)zero_point;
    const int8_t outside[LANES] = {zero, zero, zero, zero};
    const int32_t taken = width < columns - left ? width : columns - left;
    for (int32_t pair = 0; pair < count; pair++) {
        pixel_row rows[2];
        for (int32_t i = 0; i < 2; i++, row++) {
            const int inside = row >= 0 && row < height;
            rows[i].at = inside ? x + row * width * channels : outside;
            rows[i].step = inside ? channels : 0;
        }
        pairs = fill(pairs, left, zero_pair);
        widen(pairs, rows, taken, lanes);
        pairs = fill(pairs + taken * LANES, columns - left - taken, zero_pair);
    }
}

/* Sum of a record's products, doubled; window points to its upper left pair. */
static inline int32_t window_sum(const int32_t *window, const int32_t *next, const int32_t *record, int32_t odd)
{
    uint32_t sum = 0;
    for (int32_t i = 0; i < 3; i++) {
        const int32_t upper = window[i * LANES], lower = next[i * LANES];
        const int32_t a = odd ? upper >> 16 : (int16_t)(upper & 0xffff);
        const int32_t b = odd ? (int16_t)(lower & 0xffff) : upper >> 16;
        const int32_t c = odd ? lower >> 16 : (int16_t)(lower & 0xffff);
        int8_t w[4];
        memcpy(w, &record[i], sizeof w);
        sum += (uint32_t)(a * w[0] + b * w[1] + c * w[2]);
    }
    return (int32_t)(2u * sum + (uint32_t)record[3]);
}

static inline int8_t window_result(int32_t sum, const int32_t *record, int32_t zero_point)
{
    int8_t w[4];
    memcpy(w, record, sizeof w);
    const int32_t shift = w[3];
    const int32_t high = (int32_t)(((int64_t)sum * record[4] + (INT64_C(1) << 31)) >> 32);
    const int32_t offset = ai_k_shift_left(zero_point, shift) + ai_k_shift_left(1, shift - 1);
    return (int8_t)ai_k_clamp((high + (high >> 31) + offset) >> shift, -128, 127);
}

static inline void each_output(const int32_t *pairs, const int32_t *record, int8_t *out, const window_sizes *sizes,
                               int32_t stride)
{
    const int32_t pitch = sizes->pitch / (int32_t)sizeof *pairs;
    for (int32_t row = 0; row < sizes->rows; row++) {
        const int32_t *upper = pairs + row * stride / 2 * pitch;
        for (int32_t column = 0; column < sizes->columns; column++) {
            const int32_t *window = upper + column * stride * LANES;
            const int32_t sum = window_sum(window, window + pitch, record, row * stride % 2);
            *out = window_result(sum, record, sizes->zero_point);
            out += sizes->channels;
        }
    }
}

static void window_stride_2(const int32_t *pairs, const int32_t *record, int8_t *out, const window_sizes *sizes)
{
    each_output(pairs, record, out, sizes, 2);
}

#if AI_K_DSP
window_kernel ai_k_depthwise_3x3_channel, ai_k_depthwise_3x3_relu_channel;

/* Frame on the stack. */
#define BIAS "[sp, #0]"
#define MULTIPLIER "[sp, #4]"
#define OFFSET "[sp, #8]" /* rounding and zero point, before the shift */
#define SHIFT "[sp, #12]"
#define PIXEL "[sp, #16]" /* bytes from an output pixel to the next */
#define ROW "[sp, #20]"   /* bytes from an output row to the next; 0 if there is no second row */
#define OUT "[sp, #24]"
#define END "[sp, #28]"  /* of the pixel pairs of a row */
#define ROWS "[sp, #32]" /* rows that are left */
#define PITCH "[sp, #36]"
#define ADVANCE "[sp, #40]" /* from the end of a pair of rows to the start of the next */
#define ODD "[sp, #44]"     /* columns */
#define FULL_ROW "[sp, #48]"

/* Products of one column (r2: rows 0, 1; r3: rows 2, 3) with weights u = (w0, w1) and v = (w1, w2):
 * sums of the upper output row and of the lower one, from the start values p and q. */
#define COLUMN(upper, lower, u, v, p, q)                                                                               \
    "smlad " upper ", r2, " u ", " p "\n"                                                                              \
    "smlatb " lower ", r2, " u ", " q "\n"                                                                             \
    "smlabt " upper ", r3, " v ", " upper "\n"                                                                         \
    "smlad " lower ", r3, " v ", " lower "\n"
#define LOAD(offset)                                                                                                   \
    "ldr r2, [r0, #" offset "]\n"                                                                                      \
    "ldr r3, [r1, #" offset "]\n"

/* r2: multiplier, r3: offset. */
#define HIGH_RELU(x) "smmlar " x ", " x ", r2, r3\n"
#define HIGH_ANY(x)                                                                                                    \
    "smmulr " x ", " x ", r2\n"                                                                                        \
    "add " x ", " x ", " x ", asr #31\n"                                                                               \
    "add " x ", r3\n"
/* r2: shift. */
#define NARROW(x)                                                                                                      \
    "asr " x ", r2\n"                                                                                                  \
    "ssat " x ", #8, " x "\n"

/* void name(const int32_t *pairs, const int32_t *record, int8_t *out, const window_sizes *sizes)
 * Registers in the loops: r0, r1 upper and lower pairs; r4 .. r9 weights (w0, w1), (w1, w2) of columns 0, 1, 2,
 * doubled; r10, r12 sums of the upper and lower row of column 0; r11, lr of column 1. */
#define WINDOW_KERNEL(name, HIGH)                                                                                                                  \
    __asm__(                                                                                                                                       \
        ".pushsection .text." name ",\"ax\",%progbits\n"                                                                                           \
        ".syntax unified\n"                                                                                                                        \
        ".thumb\n"                                                                                                                                 \
        ".balign 4\n"                                                                                                                              \
        ".global " name "\n"                                                                                                                       \
        ".type " name ",%function\n"                                                                                                               \
        ".thumb_func\n" name ":\n"                                                                                                                 \
        "push {r4-r11, lr}\n"                                                                                                                      \
        "sub sp, #52\n"                                                                                                                            \
        "str r2, " OUT "\n"                                                                                                                        \
        "ldm r3, {r4-r8}\n" /* pitch, rows, columns, channels, zero point */                                                                       \
        "str r4, " PITCH "\n"                                                                                                                      \
        "str r5, " ROWS "\n"                                                                                                                       \
        "str r6, " ODD "\n"                                                                                                                        \
        "str r7, " PIXEL "\n"                                                                                                                      \
        "mul r9, r6, r7\n"                                                                                                                         \
        "str r9, " FULL_ROW "\n"                                                                                                                   \
        "str r9, " ROW "\n"                                                                                                                        \
        "sub r9, r4, r6, lsl #4\n"                                                                                                                 \
        "str r9, " ADVANCE "\n"                                                                                                                    \
        "bic r6, r6, #1\n"                                                                                                                         \
        "add r6, r0, r6, lsl #4\n"                                                                                                                 \
        "str r6, " END "\n"                                                                                                                        \
        "add r12, r0, r4\n"                                                                                                                        \
        "ldm r1, {r2-r6}\n" /* weights, bias, multiplier */                                                                                        \
        "mov r1, r12\n"                                                                                                                            \
        "str r5, " BIAS "\n"                                                                                                                       \
        "str r6, " MULTIPLIER "\n"                                                                                                                 \
        "asr r9, r2, #24\n" /* right shift */                                                                                                      \
        "str r9, " SHIFT "\n"                                                                                                                      \
        "lsl r8, r8, r9\n"                                                                                                                         \
        "sub r9, #1\n"                                                                                                                             \
        "mov r10, #1\n"                                                                                                                            \
        "lsl r10, r9\n"                                                                                                                            \
        "add r8, r10\n"                                                                                                                            \
        "str r8, " OFFSET "\n" UNPACK("r8", "r9", "r4") UNPACK("r6", "r7", "r3") UNPACK(                                                           \
            "r4", "r5",                                                                                                                            \
            "r2") "1: ldr r3, " ROWS "\n"                                                                                                          \
                  "subs r3, #2\n"                                                                                                                  \
                  "str r3, " ROWS "\n"                                                                                                             \
                  "itt mi\n" /* a last single row: its shadow below is overwritten */                                                              \
                  "movmi r3, #0\n"                                                                                                                 \
                  "strmi r3, " ROW "\n"                                                                                                            \
                  "ldr r2, " END "\n"                                                                                                              \
                  "cmp r0, r2\n"                                                                                                                   \
                  "beq 3f\n"                                                                                                                       \
                  "2: ldr lr, " BIAS "\n" LOAD("0") COLUMN("r10", "r12", "r4", "r5", "lr", "lr") LOAD("16")                                        \
                      COLUMN("r10", "r12", "r6", "r7", "r10", "r12") COLUMN(                                                                       \
                          "r11", "lr", "r4",                                                                                                       \
                          "r5", "lr",                                                                                                              \
                          "lr") "ldr r2, [r0, #32]!\n"                                                                                             \
                                "ldr r3, [r1, #32]!\n" COLUMN("r10", "r12", "r8", "r9", "r10", "r12")                                              \
                                    COLUMN("r11", "lr", "r6", "r7", "r11", "lr") LOAD("16") COLUMN(                                                \
                                        "r11",                                                                                                     \
                                        "lr", "r8",                                                                                                \
                                        "r9", "r11",                                                                                               \
                                        "lr") "ldr r2, " MULTIPLIER "\n"                                                                           \
                                              "ldr r3, " OFFSET                                                                                    \
                                              "\n" HIGH(                                                                                           \
                                                  "r10") HIGH("r12") HIGH("r11")                                                                   \
                                                  HIGH(                                                                                            \
                                                      "lr") "ldr r2, " SHIFT "\n"                                                                  \
                                                            "ldr r3, " OUT                                                                         \
                                                            "\n" NARROW(                                                                           \
                                                                "r10") NARROW("r12") NARROW("r11")                                                 \
                                                                NARROW("lr") "ldr r2, " ROW "\n"                                                   \
                                                                             "strb r12, [r3, r2]\n"                                                \
                                                                             "strb r10, [r3]\n"                                                    \
                                                                             "ldr r12, " PIXEL "\n"                                                \
                                                                             "add r3, r12\n"                                                       \
                                                                             "strb lr, [r3, r2]\n"                                                 \
                                                                             "strb r11, [r3]\n"                                                    \
                                                                             "add r3, r12\n"                                                       \
                                                                             "ldr r2, " END "\n"                                                   \
                                                                             "str r3, " OUT "\n"                                                   \
                                                                             "cmp r0, r2\n"                                                        \
                                                                             "bne 2b\n"                                                            \
                                                                             "3: ldr r2, " ODD "\n"                                                \
                                                                             "lsls r2, r2, #31\n"                                                  \
                                                                             "bpl 4f\n"                                                            \
                                                                             "ldr lr, " BIAS                                                       \
                                                                             "\n" LOAD("0") COLUMN(                                                \
                                                                                 "r10", "r12",                                                     \
                                                                                 "r4", "r5",                                                       \
                                                                                 "lr",                                                             \
                                                                                 "lr") "ldr r2, [r0, #16]!\n"                                      \
                                                                                       "ldr r3, [r1, #16]!\n" COLUMN(                              \
                                                                                           "r10", "r12", "r6", "r7",                               \
                                                                                           "r10", "r12") LOAD("16")                                \
                                                                                           COLUMN(                                                 \
                                                                                               "r10", "r12", "r8",                                 \
                                                                                               "r9", "r10",                                        \
                                                                                               "r12") "ldr "                                       \
                                                                                                      "r2,"                                        \
                                                                                                      " " MULTIPLIER                               \
                                                                                                      "\n"                                         \
                                                                                                      "ldr "                                       \
                                                                                                      "r3, " OFFSET                                \
                                                                                                      "\n" HIGH("r10") HIGH(                       \
                                                                                                          "r12") "ldr"                             \
                                                                                                                 " r2"                             \
                                                                                                                 ","                               \
                                                                                                                 " " SHIFT                         \
                                                                                                                 "\n"                              \
                                                                                                                 "ldr"                             \
                                                                                                                 " r3"                             \
                                                                                                                 ","                               \
                                                                                                                 " " OUT                           \
                                                                                                                 "\n" NARROW("r10") NARROW(        \
                                                                                                                     "r12") "ldr r2, " ROW         \
                                                                                                                            "\n"                   \
                                                                                                                            "strb r12, [r3, r2]\n" \
                                                                                                                            "strb r10, [r3]\n"     \
                                                                                                                            "ldr r12, " PIXEL      \
                                                                                                                            "\n"                   \
                                                                                                                            "add r3, r12\n"        \
                                                                                                                            "str r3, " OUT         \
                                                                                                                            "\n"                   \
                                                                                                                            "4: ldr r2, " ROWS     \
                                                                                                                            "\n"                   \
                                                                                                                            "cmp r2, #0\n"         \
                                                                                                                            "ble 5f\n"             \
                                                                                                                            "ldr r2, " ADVANCE     \
                                                                                                                            "\n"                   \
                                                                                                                            "add r0, r2\n"         \
                                                                                                                            "add r1, r2\n"         \
                                                                                                                            "ldr r2, " END         \
                                                                                                                            "\n"                   \
                                                                                                                            "ldr r3, " PITCH       \
                                                                                                                            "\n"                   \
                                                                                                                            "add r2, r3\n"         \
                                                                                                                            "str r2, " END         \
                                                                                                                            "\n"                   \
                                                                                                                            "ldr r2, " OUT         \
                                                                                                                            "\n"                   \
                                                                                                                            "ldr r3, " FULL_ROW    \
                                                                                                                            "\n"                   \
                                                                                                                            "add r2, r3\n"         \
                                                                                                                            "str r2, " OUT         \
                                                                                                                            "\n"                   \
                                                                                                                            "b 1b\n"               \
                                                                                                                            "5: add sp, #52\n"     \
                                                                                                                            "pop {r4-r11, pc}\n"   \
                                                                                                                            ".size " name          \
                                                                                                                            ", . - " name          \
                                                                                                                            "\n"                   \
                                                                                                                            ".popsection\n")

/* Bytes w0, w1, w2 of a word to doubled pairs u = (w0, w1) and v = (w1, w2). */
#define UNPACK(u, v, word)                                                                                             \
    "sxtb16 r10, " word "\n"                                                                                           \
    "sxtb16 r11, " word ", ror #8\n"                                                                                   \
    "sadd16 r10, r10, r10\n"                                                                                           \
    "sadd16 r11, r11, r11\n"                                                                                           \
    "pkhbt " u ", r10, r11, lsl #16\n"                                                                                 \
    "pkhbt " v ", r11, r10\n"

WINDOW_KERNEL("ai_k_depthwise_3x3_channel", HIGH_ANY);
WINDOW_KERNEL("ai_k_depthwise_3x3_relu_channel", HIGH_RELU);
#else
#define ai_k_depthwise_3x3_channel window_stride_1
#define ai_k_depthwise_3x3_relu_channel window_stride_1

static void window_stride_1(const int32_t *pairs, const int32_t *record, int8_t *out, const window_sizes *sizes)
{
    each_output(pairs, record, out, sizes, 1);
}
#endif

static inline void each_channel(window_kernel *kernel, const int32_t *pairs, const int32_t *records, int8_t *out,
                                int32_t lanes, int32_t multiplier, const window_sizes *sizes)
{
    for (int32_t lane = 0; lane < lanes; lane++) {
        for (int32_t i = 0; i < multiplier; i++) {
            kernel(pairs + lane, records, out, sizes);
            records += RECORD;
            out++;
        }
    }
}

void ai_k_depthwise_3x3_s8(const int32_t *pairs, int32_t pitch, const int32_t *records, int8_t *out, int32_t lanes,
                           int32_t multiplier, int32_t rows, int32_t columns, int32_t channels, int32_t zero_point)
{
    const window_sizes sizes = {pitch * (int32_t)sizeof *pairs, rows, columns, channels, zero_point};
    each_channel(ai_k_depthwise_3x3_channel, pairs, records, out, lanes, multiplier, &sizes);
}

void ai_k_depthwise_3x3_relu_s8(const int32_t *pairs, int32_t pitch, const int32_t *records, int8_t *out, int32_t lanes,
                                int32_t multiplier, int32_t rows, int32_t columns, int32_t channels, int32_t zero_point)
{
    const window_sizes sizes = {pitch * (int32_t)sizeof *pairs, rows, columns, channels, zero_point};
    each_channel(ai_k_depthwise_3x3_relu_channel, pairs, records, out, lanes, multiplier, &sizes);
}

void ai_k_depthwise_3x3_s2_s8(const int32_t *pairs, int32_t pitch, const int32_t *records, int8_t *out, int32_t lanes,
                              int32_t multiplier, int32_t rows, int32_t columns, int32_t channels, int32_t zero_point)
{
    const window_sizes sizes = {pitch * (int32_t)sizeof *pairs, rows, columns, channels, zero_point};
    each_channel(window_stride_2, pairs, records, out, lanes, multiplier, &sizes);
}

void ai_k_depthwise_3x3_s2_relu_s8(const int32_t *pairs, int32_t pitch, const int32_t *records, int8_t *out,
                                   int32_t lanes, int32_t multiplier, int32_t rows, int32_t columns, int32_t channels,
                                   int32_t zero_point)
{
    const window_sizes sizes = {pitch * (int32_t)sizeof *pairs, rows, columns, channels, zero_point};
    each_channel(window_stride_2, pairs, records, out, lanes, multiplier, &sizes);
}

void ai_k_clamp_s8(int8_t *values, int32_t count, int32_t low, int32_t high)
{
    for (int32_t i = 0; i < count; i++) {
        values[i] = (int8_t)ai_k_clamp(values[i], low, high);
    }
}
