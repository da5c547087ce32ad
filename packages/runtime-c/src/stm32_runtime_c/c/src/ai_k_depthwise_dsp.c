/* SPDX-License-Identifier: Apache-2.0 */
/* Depthwise convolution 3 x 3 in assembly: GCC spills the sums of a tile, so that it needs half as many cycles again.
 */
#include "ai_k_depthwise_dsp.h"

#include "ai_k_arith.h"

#if AI_K_DSP

#define BEGIN(name)                                                                                                    \
    ".pushsection .text." name ",\"ax\",%progbits\n"                                                                   \
    ".syntax unified\n"                                                                                                \
    ".thumb\n"                                                                                                         \
    ".balign 4\n"                                                                                                      \
    ".global " name "\n"                                                                                               \
    ".type " name ",%function\n"                                                                                       \
    ".thumb_func\n" name ":\n"                                                                                         \
    "push {r4-r11, lr}\n"
#define END_OF(name)                                                                                                   \
    "pop {r4-r11, pc}\n"                                                                                               \
    ".size " name ", . - " name "\n"                                                                                   \
    ".popsection\n"

/* r0 pairs, r1 first row, r2 its step, r3 second row, r12 its step, lr end of the pairs of this row; sp: sizes. */
__asm__(BEGIN("ai_k_depthwise_widen")  /**/
        "ldm r1, {r4-r11}\n"           /* the fields of widen_rows */
        "push {r8-r11}\n"              /* bytes, advance, skip, count */
        "mov r1, r4\n"                 /**/
        "mov r3, r5\n"                 /**/
        "mov r2, r6\n"                 /**/
        "mov r12, r7\n"                /**/
        "1: ldr r4, [sp]\n"            /* a pair of rows */
        "add lr, r0, r4\n"             /**/
        "2: ldr r4, [r1]\n"            /* 4 channels of the first row */
        "ldr r5, [r3]\n"               /* and of the second */
        "add r1, r1, r2\n"             /**/
        "add r3, r3, r12\n"            /**/
        "sxtb16 r6, r4\n"              /* channels 0, 2 */
        "sxtb16 r7, r5\n"              /**/
        "sxtb16 r4, r4, ror #8\n"      /* channels 1, 3 */
        "sxtb16 r5, r5, ror #8\n"      /**/
        "pkhbt r8, r6, r7, lsl #16\n"  /* channel 0: first row, second row */
        "pkhbt r9, r4, r5, lsl #16\n"  /* channel 1 */
        "pkhtb r10, r7, r6, asr #16\n" /* channel 2 */
        "pkhtb r11, r5, r4, asr #16\n" /* channel 3 */
        "stmia r0!, {r8-r11}\n"        /**/
        "cmp r0, lr\n"                 /**/
        "bne 2b\n"                     /**/
        "add r7, sp, #4\n"             /**/
        "ldm r7, {r4-r6}\n"            /* advance, skip, count */
        "add r1, r4\n"                 /**/
        "add r3, r4\n"                 /**/
        "add r0, r5\n"                 /**/
        "subs r6, #1\n"                /**/
        "str r6, [sp, #12]\n"          /**/
        "bne 1b\n"                     /**/
        "add sp, #16\n"                /**/
        END_OF("ai_k_depthwise_widen"));

/* Frame on the stack of the window kernels. */
#define FRAME "#76"
#define BIAS "[sp, #0]"
#define MULTIPLIER "[sp, #4]"
#define OFFSET "[sp, #8]" /* rounding and zero point, before the shift */
#define SHIFT "[sp, #12]"
#define ROW "[sp, #16]" /* bytes from an output row to the next; 0 if there is no second row */
#define OUT "[sp, #20]"
#define END "[sp, #24]" /* of the column pairs of a row */
#define ROWS_LEFT "[sp, #28]"
#define ADVANCE "[sp, #32]"  /* from the end of a pair of rows to the start of the next */
#define FULL_ROW "[sp, #36]" /* bytes from an output row to the next */
#define PAIRS "[sp, #40]"    /* of this lane */
#define RECORDS "[sp, #44]"  /* from the next lane on */
#define START "[sp, #48]"    /* where the next lane's results go */
#define PITCH "[sp, #52]"    /* from here on as in window_sizes */
#define ROWS "[sp, #56]"
#define COLUMNS "[sp, #60]"
#define PIXEL "[sp, #64]"
#define ZERO_POINT "[sp, #68]"
#define LANES "[sp, #72]"

/* Bytes w0, w1, w2 of a word to doubled pairs u = (w0, w1) and v = (w1, w2). */
#define UNPACK(u, v, word)                                                                                             \
    "sxtb16 r10, " word "\n"                                                                                           \
    "sxtb16 r11, " word ", ror #8\n"                                                                                   \
    "sadd16 r10, r10, r10\n"                                                                                           \
    "sadd16 r11, r11, r11\n"                                                                                           \
    "pkhbt " u ", r10, r11, lsl #16\n"                                                                                 \
    "pkhbt " v ", r11, r10\n"

/* Once: r0 pairs, r1 records, r2 out, r3 sizes to the frame. lsl: log2 of the bytes of pairs for an output column. */
#define SET_UP(lsl)                                                                                                    \
    "sub sp, " FRAME "\n"                                                                                              \
    "str r0, " PAIRS "\n"                                                                                              \
    "str r1, " RECORDS "\n"                                                                                            \
    "str r2, " START "\n"                                                                                              \
    "ldm r3, {r4-r9}\n"                                                                                                \
    "add r12, sp, #52\n"                                                                                               \
    "stm r12, {r4-r9}\n"                                                                                               \
    "mul r10, r6, r7\n"                                                                                                \
    "str r10, " FULL_ROW "\n"                                                                                          \
    "sub r10, r4, r6, lsl #" lsl "\n"                                                                                  \
    "str r10, " ADVANCE "\n"

/* For each lane: r4 .. r9 weights (w0, w1), (w1, w2) of columns 0, 1, 2, doubled; r0, r1 upper and lower pairs. */
#define SET_UP_LANE(lsl)                                                                                               \
    "ldr r1, " RECORDS "\n"                                                                                            \
    "ldr r8, " ZERO_POINT "\n"                                                                                         \
    "ldm r1!, {r2-r6}\n" /* weights, bias, multiplier */                                                               \
    "str r1, " RECORDS "\n"                                                                                            \
    "str r5, " BIAS "\n"                                                                                               \
    "str r6, " MULTIPLIER "\n"                                                                                         \
    "asr r9, r2, #24\n" /* right shift */                                                                              \
    "str r9, " SHIFT "\n"                                                                                              \
    "lsl r8, r9\n"                                                                                                     \
    "sub r9, #1\n"                                                                                                     \
    "mov r10, #1\n"                                                                                                    \
    "lsl r10, r9\n"                                                                                                    \
    "add r8, r10\n"                                                                                                    \
    "str r8, " OFFSET "\n" UNPACK("r8", "r9", "r4") UNPACK("r6", "r7", "r3")                                           \
        UNPACK("r4", "r5", "r2") "ldr r12, " START "\n"                                                                \
                                 "ldr r2, " ROWS "\n"                                                                  \
                                 "ldr r3, " FULL_ROW "\n"                                                              \
                                 "ldr r0, " PAIRS "\n"                                                                 \
                                 "str r12, " OUT "\n"                                                                  \
                                 "str r2, " ROWS_LEFT "\n"                                                             \
                                 "str r3, " ROW "\n"                                                                   \
                                 "ldr r2, " COLUMNS "\n"                                                               \
                                 "ldr r3, " PITCH "\n"                                                                 \
                                 "add r12, #1\n"                                                                       \
                                 "str r12, " START "\n"                                                                \
                                 "add r12, r0, #4\n"                                                                   \
                                 "str r12, " PAIRS "\n"                                                                \
                                 "bic r2, r2, #1\n"                                                                    \
                                 "add r2, r0, r2, lsl #" lsl "\n"                                                      \
                                 "str r2, " END "\n"                                                                   \
                                 "add r1, r0, r3\n"

/* To the pairs of the next output row or rows. */
#define NEXT_PAIRS                                                                                                     \
    "ldr r2, " ADVANCE "\n"                                                                                            \
    "ldr r3, " END "\n"                                                                                                \
    "add r0, r2\n"                                                                                                     \
    "add r1, r2\n"                                                                                                     \
    "ldr r2, " PITCH "\n"                                                                                              \
    "add r3, r2\n"                                                                                                     \
    "str r3, " END "\n"

/* Back to label 9 for the next lane. */
#define NEXT_LANE                                                                                                      \
    "ldr r2, " LANES "\n"                                                                                              \
    "subs r2, #1\n"                                                                                                    \
    "str r2, " LANES "\n"                                                                                              \
    "bne 9b\n"                                                                                                         \
    "add sp, " FRAME "\n"

/* A column of pairs: r2 upper, r3 lower. */
#define LOAD(offset)                                                                                                   \
    "ldr r2, [r0, #" offset "]\n"                                                                                      \
    "ldr r3, [r1, #" offset "]\n"
#define LOAD_AND_ADVANCE(offset)                                                                                       \
    "ldr r2, [r0, #" offset "]!\n"                                                                                     \
    "ldr r3, [r1, #" offset "]!\n"

/* Products of a column (r2: rows 0, 1; r3: rows 2, 3) with u = (w0, w1) and v = (w1, w2): sums of the upper output row
 * and of the lower one, from the start values p and q. */
#define TWO_ROWS(upper, lower, u, v, p, q)                                                                             \
    "smlad " upper ", r2, " u ", " p "\n"                                                                              \
    "smlatb " lower ", r2, " u ", " q "\n"                                                                             \
    "smlabt " upper ", r3, " v ", " upper "\n"                                                                         \
    "smlad " lower ", r3, " v ", " lower "\n"
#define ONE_ROW(sum, u, v, p)                                                                                          \
    "smlad " sum ", r2, " u ", " p "\n"                                                                                \
    "smlabt " sum ", r3, " v ", " sum "\n"

/* round(x * r2 / 2^32) + r3. The short form is exact for results that are not negative before the zero point; others
 * saturate. The long one takes halves away from zero. */
#define SCALE_RELU(x) "smmlar " x ", " x ", r2, r3\n"
#define SCALE_ANY(x)                                                                                                   \
    "smmulr " x ", " x ", r2\n"                                                                                        \
    "add " x ", " x ", " x ", asr #31\n"                                                                               \
    "add " x ", r3\n"
/* r2: shift. */
#define NARROW(x)                                                                                                      \
    "asr " x ", r2\n"                                                                                                  \
    "ssat " x ", #8, " x "\n"
#define LOAD_SCALE                                                                                                     \
    "ldr r2, " MULTIPLIER "\n"                                                                                         \
    "ldr r3, " OFFSET "\n"

/* Stride 1: tiles of 2 rows x 2 columns. r10, r12: upper and lower sum of column 0; r11, lr: of column 1. */
#define STRIDE_1(name, SCALE)                                                                                          \
    __asm__(BEGIN(name) SET_UP("4") "9:\n" SET_UP_LANE("4") "1: ldr r3, " ROWS_LEFT "\n" /* two rows */                \
                                                            "subs r3, #2\n"                                            \
                                                            "str r3, " ROWS_LEFT "\n"                                  \
                                                            "itt mi\n" /* a last single row overwrites its shadow */   \
                                                            "movmi r3, #0\n"                                           \
                                                            "strmi r3, " ROW "\n"                                      \
                                                            "ldr r2, " END "\n"                                        \
                                                            "cmp r0, r2\n"                                             \
                                                            "beq 3f\n"                                                 \
                                                            "2: ldr lr, " BIAS "\n" /* two columns */                  \
            LOAD("0") TWO_ROWS("r10", "r12", "r4", "r5", "lr", "lr") LOAD("16")                                        \
                TWO_ROWS("r10", "r12", "r6", "r7", "r10", "r12") TWO_ROWS("r11", "lr", "r4", "r5", "lr", "lr")         \
                    LOAD_AND_ADVANCE("32") TWO_ROWS("r10", "r12", "r8", "r9", "r10",                                   \
                                                    "r12") TWO_ROWS("r11", "lr", "r6", "r7", "r11", "lr") LOAD("16")   \
                        TWO_ROWS("r11", "lr", "r8", "r9", "r11", "lr") LOAD_SCALE SCALE("r10") SCALE("r12")            \
                            SCALE("r11") SCALE("lr") "ldr r2, " SHIFT "\n"                                             \
                                                     "ldr r3, " OUT "\n" NARROW("r10") NARROW("r12") NARROW("r11")     \
                                                         NARROW("lr") "ldr r2, " ROW "\n"                              \
                                                                      "strb r12, [r3, r2]\n"                           \
                                                                      "strb r10, [r3]\n"                               \
                                                                      "ldr r12, " PIXEL "\n"                           \
                                                                      "add r3, r12\n"                                  \
                                                                      "strb lr, [r3, r2]\n"                            \
                                                                      "strb r11, [r3]\n"                               \
                                                                      "add r3, r12\n"                                  \
                                                                      "ldr r2, " END "\n"                              \
                                                                      "str r3, " OUT "\n"                              \
                                                                      "cmp r0, r2\n"                                   \
                                                                      "bne 2b\n"                                       \
                                                                      "3: ldr r2, " COLUMNS "\n"                       \
                                                                      "lsls r2, r2, #31\n"                             \
                                                                      "bpl 4f\n"                                       \
                                                                      "ldr lr, " BIAS "\n" /* an odd last column */    \
            LOAD("0") TWO_ROWS("r10", "r12", "r4", "r5", "lr", "lr") LOAD_AND_ADVANCE("16")                            \
                TWO_ROWS("r10", "r12", "r6", "r7", "r10", "r12") LOAD("16")                                            \
                    TWO_ROWS("r10", "r12", "r8", "r9", "r10", "r12") LOAD_SCALE SCALE("r10")                           \
                        SCALE("r12") "ldr r2, " SHIFT "\n"                                                             \
                                     "ldr r3, " OUT "\n" NARROW("r10") NARROW("r12") "ldr r2, " ROW "\n"               \
                                                                                     "strb r12, [r3, r2]\n"            \
                                                                                     "strb r10, [r3]\n"                \
                                                                                     "ldr r12, " PIXEL "\n"            \
                                                                                     "add r3, r12\n"                   \
                                                                                     "str r3, " OUT "\n"               \
                                                                                     "4: ldr r2, " ROWS_LEFT "\n"      \
                                                                                     "cmp r2, #0\n"                    \
                                                                                     "ble 5f\n" NEXT_PAIRS             \
                                                                                     "ldr r2, " OUT "\n"               \
                                                                                     "ldr r3, " FULL_ROW "\n"          \
                                                                                     "add r2, r3\n"                    \
                                                                                     "str r2, " OUT "\n"               \
                                                                                     "b 1b\n"                          \
                                                                                     "5:\n" NEXT_LANE END_OF(name))

/* Stride 2: tiles of 1 row x 2 columns. r10, r12: sums of columns 0 and 1; r11: output; lr: bias. */
#define STRIDE_2(name, SCALE)                                                                                          \
    __asm__(BEGIN(name) SET_UP("5") "9:\n" SET_UP_LANE("5") "ldr r11, " OUT "\n"                                       \
                                                            "ldr lr, " BIAS "\n"                                       \
                                                            "1: ldr r2, " END "\n" /* a row */                         \
                                                            "cmp r0, r2\n"                                             \
                                                            "beq 3f\n"                                                 \
                                                            "2:\n" /* two columns */                                   \
            LOAD("0") ONE_ROW("r10", "r4", "r5", "lr") LOAD("16") ONE_ROW("r10", "r6", "r7", "r10") LOAD("32")         \
                ONE_ROW("r10", "r8", "r9", "r10") ONE_ROW("r12", "r4", "r5", "lr") LOAD("48")                          \
                    ONE_ROW("r12", "r6", "r7", "r12") LOAD_AND_ADVANCE("64") ONE_ROW("r12", "r8", "r9", "r12")         \
                        LOAD_SCALE SCALE("r10")                                                                        \
                            SCALE("r12") "ldr r2, " SHIFT "\n"                                                         \
                                         "ldr r3, " PIXEL "\n" NARROW("r10")                                           \
                                             NARROW("r12") "ldr r2, " END "\n"                                         \
                                                           "strb r10, [r11]\n"                                         \
                                                           "strb r12, [r11, r3]\n"                                     \
                                                           "add r11, r11, r3, lsl #1\n"                                \
                                                           "cmp r0, r2\n"                                              \
                                                           "bne 2b\n"                                                  \
                                                           "3: ldr r2, " COLUMNS "\n"                                  \
                                                           "lsls r2, r2, #31\n"                                        \
                                                           "bpl 4f\n" LOAD("0") ONE_ROW("r10", "r4", "r5",             \
                                                                                        "lr") /* an odd last column */ \
            LOAD("16") ONE_ROW("r10", "r6", "r7", "r10") LOAD_AND_ADVANCE("32") ONE_ROW("r10", "r8", "r9", "r10")      \
                LOAD_SCALE SCALE("r10") "ldr r2, " SHIFT "\n"                                                          \
                                        "ldr r3, " PIXEL "\n" NARROW("r10") "strb r10, [r11]\n"                        \
                                                                            "add r11, r3\n"                            \
                                                                            "4: ldr r2, " ROWS_LEFT "\n"               \
                                                                            "subs r2, #1\n"                            \
                                                                            "str r2, " ROWS_LEFT "\n"                  \
                                                                            "beq 5f\n" NEXT_PAIRS "b 1b\n"             \
                                                                            "5:\n" NEXT_LANE END_OF(name))

STRIDE_1("ai_k_depthwise_3x3_lanes", SCALE_ANY);
STRIDE_1("ai_k_depthwise_3x3_relu_lanes", SCALE_RELU);
STRIDE_2("ai_k_depthwise_3x3_s2_lanes", SCALE_ANY);
STRIDE_2("ai_k_depthwise_3x3_s2_relu_lanes", SCALE_RELU);
#endif
